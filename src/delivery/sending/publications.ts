/**
 * What a publisher remembers of each event name it has emitted: the topic, how far its numbering has come, and who is
 * known to listen. Bounded: names out of use are forgotten when there are too many.
 */
import { EVENTS, type Space } from '../../wire/space.js';
import { encodeTopic, MAX_TOPIC_BYTES } from '../../wire/topic.js';
import { keptCopy } from '../kept-copy.js';
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
  /** Where it is found. */
  readonly space: Space;
  readonly name: PropertyKey;
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
  /** By the key of the space, and by name. */
  readonly #bySpace = new Map<string, Map<PropertyKey, Publication>>();
  /** The longest unused first, as far as was looked. */
  readonly #all = new Set<Publication>();
  /** The names of the space that was last asked for, as those of the next question most often are, too. */
  #latestSpace: Space | undefined;
  #latestNames = new Map<PropertyKey, Publication>();

  /**
   * The publication of `name`, or `undefined` for a name that stays in this process.
   *
   * @throws EventTooLargeError if its topic would be too long.
   */
  of(name: PropertyKey, space: Space = EVENTS): Publication | undefined {
    if (space !== this.#latestSpace) this.#enter(space);
    return this.#latestNames.get(name) ?? this.#open(name, space);
  }

  /** How many are remembered. */
  get size(): number {
    return this.#all.size;
  }

  /** All that are remembered. */
  [Symbol.iterator](): IterableIterator<Publication> {
    return this.#all.values();
  }

  #enter(space: Space): void {
    this.#latestNames = this.#bySpace.get(space.key) ?? new Map();
    this.#latestSpace = space;
  }

  #open(name: PropertyKey, space: Space): Publication | undefined {
    const topic = encodeTopic(name, space);
    if (topic === undefined) return undefined;
    checkTopic(topic);
    if (this.#all.size >= MAX_PUBLICATIONS) this.#forgetOne();
    const publication: Publication = {
      topic: keptCopy(topic),
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
      space,
      name,
    };
    this.#all.add(publication);
    this.#latestNames.set(name, publication);
    this.#bySpace.set(space.key, this.#latestNames);
    return publication;
  }

  /** Forgets a name that was not used since this last came by it; the others get to the end of the line. */
  #forgetOne(): void {
    for (const publication of this.#all) {
      this.#all.delete(publication);
      if (publication.sequence === publication.lookedAt) {
        this.#forget(publication);
        return;
      }
      publication.lookedAt = publication.sequence;
      this.#all.add(publication);
    }
  }

  #forget({ name, space }: Publication): void {
    const names = this.#bySpace.get(space.key);
    names?.delete(name);
    if (names?.size === 0 && names !== this.#latestNames) this.#bySpace.delete(space.key);
  }
}
