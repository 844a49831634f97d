/**
 * The names listened to, by topic, and since when: what was emitted before is nobody's loss.
 *
 * Listening begins when a subscription is proven to be in force. An *epoch* counts the changes, so that what was
 * remembered of a name before it was left and taken up again does not count.
 */
import { decodeTopic } from '../../wire/topic.js';
import { TopicScan, TopicTable } from './topic-table.js';

/** Names known only because `onAny` listens: decoded once, and forgotten in bulk when they become too many. */
const MAX_DECODED_NAMES = 4096;

/** A longer list of topics is not sent to publishers: they are asked for all events instead. */
const MAX_TOPIC_LIST_BYTES = 16 * 1024;

/** A name that is listened to. */
export interface Interest {
  readonly name: PropertyKey;
  readonly topic: Buffer;
  /** The epoch in which that began. */
  readonly since: number;
  /** When it was proven to be in force, in milliseconds of the clock; infinite before. */
  inForceAt: number;
}

/** An interest whose subscription is not proven yet, and the number of the subscription. */
interface Unproven {
  readonly subscription: number;
  readonly interest: { inForceAt: number };
}

const NEVER = Number.POSITIVE_INFINITY;

export class Interests {
  readonly #byTopic = new TopicTable<Interest>();
  readonly #decoded = new TopicTable<Interest>();
  readonly #scan = new TopicScan();
  #topicBytes = 0;
  #epoch = 0;
  #unproven: Unproven[] = [];
  #provenAt = NEVER;
  /** Listening to all names; `since` is infinite while nobody does. */
  #all = { since: NEVER, inForceAt: NEVER };

  /** Counts changes of what is listened to. */
  get epoch(): number {
    return this.#epoch;
  }

  get listensToAll(): boolean {
    return this.#all.since !== NEVER;
  }

  listen(topic: Buffer, name: PropertyKey): void {
    this.#epoch += 1;
    this.unlisten(topic);
    this.#byTopic.set(topic, { name, topic, since: this.#epoch, inForceAt: NEVER });
    this.#topicBytes += topic.length;
  }

  unlisten(topic: Buffer): void {
    if (this.#byTopic.delete(topic)) this.#topicBytes -= topic.length;
  }

  listenToAll(all: boolean): void {
    this.#epoch += 1;
    this.#all = { since: all ? this.#epoch : NEVER, inForceAt: NEVER };
    this.#decoded.clear();
  }

  /** `subscription` is the number of the subscription made for `topic`, or for all names. */
  subscribed(topic: Buffer | 'all', subscription: number): void {
    const interest = topic === 'all' ? this.#all : this.#byTopic.get(topic);
    if (interest !== undefined) this.#unproven.push({ subscription, interest });
  }

  /** Every subscription with a number up to `subscription` is in force at time `now`. */
  prove(subscription: number, now: number): void {
    let proven = 0;
    for (const { subscription: number, interest } of this.#unproven) {
      if (number > subscription) break;
      interest.inForceAt = Math.min(interest.inForceAt, now);
      proven += 1;
    }
    if (proven === 0) return;
    this.#unproven = this.#unproven.slice(proven);
    this.#provenAt = now;
  }

  /** Who listens to the name of a message; a string says what is wrong with its topic, if somebody might listen to it. */
  of(message: Buffer): Interest | string | undefined {
    const scan = this.#scan;
    if (!scan.read(message))
      return this.listensToAll ? 'has a topic that is too long or without an end' : undefined;
    const known = this.#byTopic.find(scan, message);
    if (known !== undefined || !this.listensToAll) return known;
    return this.#decoded.find(scan, message) ?? this.#decode(message, scan.length);
  }

  /** Whether what was noted of a name in `epoch` still counts: it has been listened to without a break since. */
  isUnbroken({ since }: Interest, epoch: number): boolean {
    return epoch >= Math.min(since, this.#all.since);
  }

  /** Since when the name has been listened to; infinite while that is not proven. */
  inForceSince({ inForceAt }: Interest): number {
    return Math.min(inForceAt, this.#all.inForceAt);
  }

  /** When the last of them was proven to be in force; infinite while none is. */
  get provenAt(): number {
    return this.#provenAt;
  }

  /** The topics listened to, as publishers are asked for them: none means all events. */
  topics(): readonly Buffer[] {
    if (this.listensToAll || this.#topicBytes > MAX_TOPIC_LIST_BYTES) return [];
    const inOrder = [...this.#byTopic.values()].sort((a, b) => a.since - b.since);
    return inOrder.map(({ topic }) => topic);
  }

  /** Whether anything is listened to. */
  get isEmpty(): boolean {
    return this.#byTopic.size === 0 && !this.listensToAll;
  }

  #decode(message: Buffer, topicLength: number): Interest | string {
    const topic = Buffer.from(message.subarray(0, topicLength));
    const name = decodeTopic(topic);
    if (name === undefined) return 'has a topic that stands for no event name';
    if (this.#decoded.size >= MAX_DECODED_NAMES) this.#decoded.clear();
    const interest = { name, topic, since: this.#all.since, inForceAt: NEVER };
    this.#decoded.set(topic, interest);
    return interest;
  }
}
