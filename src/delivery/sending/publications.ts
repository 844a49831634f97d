/**
 * What a publisher remembers of each event name it has emitted: the topic, how far its numbering has come, and who is
 * known to listen. Bounded: names out of use are forgotten when there are too many.
 */
import { encodeTopic, MAX_TOPIC_BYTES } from '../../wire/topic.js';
import { type Audience, emptyAudience } from './audience.js';
import { hashTopic } from './topic-filter.js';

/** Names whose numbering is remembered. Beyond it one that is out of use starts again at 0, which receivers understand. */
const MAX_PUBLICATIONS = 100_000;

export interface Publication {
  readonly topic: Buffer;
  /** As by {@link hashTopic}. */
  readonly topicHash: number;
  /** Sequence of the last finished batch on this topic; 0 before the first. */
  sequence: number;
  /** Events emitted on this topic so far, in finished batches. */
  position: number;
  /** Size of the last event, and the smaller one of the last two. */
  lastEventBytes: number;
  eventBytes: number;
  /** Who is known to listen. */
  readonly audience: Audience;
  /** When the last batch was finished, in milliseconds of the builder's clock. */
  finishedAt: number;
  /** Sequence of the last batch that was handed to the link, and when; 0 before the first. */
  sentSequence: number;
  sentAt: number;
  /** Whether it is in line to have its end marked. */
  awaitsTail: boolean;
  /** `sequence` when the outbox last looked whether the name is still in use. */
  lookedAt: number;
}

/** Whether something was sent and nothing waits to be: then `sequence` and `position` are those of what was sent. */
export function hasSentAll(publication: Publication): boolean {
  return publication.sentSequence > 0 && publication.sentSequence === publication.sequence;
}

/** An event that cannot be sent, whatever the state of the link. */
export class EventTooLargeError extends Error {}

/** @throws EventTooLargeError if `topic` is longer than the forwarder is to bear. */
export function checkTopic(topic: Buffer): void {
  if (topic.length > MAX_TOPIC_BYTES) {
    throw new EventTooLargeError(
      `its name makes a topic of ${topic.length} bytes, and the limit is ${MAX_TOPIC_BYTES}`,
    );
  }
}

export class Publications {
  readonly #byName = new Map<PropertyKey, Publication>();

  /**
   * The publication of `name`, or `undefined` for a name that stays in this process.
   *
   * @throws EventTooLargeError if its topic would be too long.
   */
  of(name: PropertyKey): Publication | undefined {
    return this.#byName.get(name) ?? this.#open(name);
  }

  /** All that are remembered. */
  [Symbol.iterator](): IterableIterator<Publication> {
    return this.#byName.values();
  }

  #open(name: PropertyKey): Publication | undefined {
    const topic = encodeTopic(name);
    if (topic === undefined) return undefined;
    checkTopic(topic);
    if (this.#byName.size >= MAX_PUBLICATIONS) this.#forgetOne();
    const publication: Publication = {
      topic,
      topicHash: hashTopic(topic),
      sequence: 0,
      position: 0,
      lastEventBytes: 0,
      eventBytes: 0,
      audience: emptyAudience(),
      finishedAt: 0,
      sentSequence: 0,
      sentAt: 0,
      awaitsTail: false,
      lookedAt: 0,
    };
    this.#byName.set(name, publication);
    return publication;
  }

  /** Forgets a name that was not used since this last came by it; the others get to the end of the line. */
  #forgetOne(): void {
    for (const [name, publication] of this.#byName) {
      this.#byName.delete(name);
      if (publication.sequence === publication.lookedAt) return;
      publication.lookedAt = publication.sequence;
      this.#byName.set(name, publication);
    }
  }
}
