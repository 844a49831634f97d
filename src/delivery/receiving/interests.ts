/**
 * The names listened to, by topic, and since when: what was emitted before is nobody's loss.
 *
 * Names are listened to one by one, or all whose topics begin alike. Listening begins when a subscription is proven to
 * be in force. An *epoch* counts the changes, so that what was remembered of a name before it was left and taken up
 * again does not count.
 */
import { EVENTS, type Space } from '../../wire/space.js';
import { decodeTopic } from '../../wire/topic.js';
import { TopicScan, TopicTable } from './topic-table.js';

/** Names known only because their topic begins as it does: decoded once, and forgotten in bulk when they become too many. */
const MAX_DECODED_NAMES = 4096;

/** A longer list of topics is not sent to publishers: they are asked for all events instead. */
const MAX_TOPIC_LIST_BYTES = 16 * 1024;

/** A name that is listened to. */
export interface Interest {
  readonly name: PropertyKey;
  readonly space: Space;
  readonly topic: Buffer;
  /** The topic as a string, one character to a byte: what is remembered of the name is found by it. */
  readonly key: string;
  /** The epoch in which it began to be listened to by itself; infinite if it is not. */
  readonly since: number;
  /** When that was proven to be in force, in milliseconds of the clock; infinite before. */
  inForceAt: number;
  /** Those that it is listened to by as well, when there were `ofPrefixes` changes of them. */
  prefixes: readonly PrefixInterest[];
  ofPrefixes: number;
}

export type NameFilter = (name: PropertyKey) => boolean;

/** All names of a space whose topics begin with `prefix`, or those of them that match. */
export interface PrefixInterest {
  readonly space: Space;
  readonly prefix: Buffer;
  readonly matches: NameFilter | undefined;
  readonly since: number;
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
  readonly #prefixes = new Set<PrefixInterest>();
  readonly #scan = new TopicScan();
  #prefixChanges = 0;
  #topicBytes = 0;
  #epoch = 0;
  #unproven: Unproven[] = [];
  #provenAt = NEVER;

  /** Counts changes of what is listened to. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Listens to one name. */
  listen(topic: Buffer, name: PropertyKey, space: Space = EVENTS): Interest {
    this.#epoch += 1;
    this.unlisten(topic);
    const interest = this.#interest(topic, name, space, this.#epoch);
    this.#byTopic.set(topic, interest);
    this.#topicBytes += topic.length;
    return interest;
  }

  unlisten(topic: Buffer): void {
    if (this.#byTopic.delete(topic)) this.#topicBytes -= topic.length;
  }

  /** Listens to all names of `space` whose topics begin with `prefix`, which begins with that of the space. */
  listenToPrefix(prefix: Buffer, space: Space = EVENTS, matches?: NameFilter): PrefixInterest {
    this.#epoch += 1;
    const interest = { space, prefix, matches, since: this.#epoch, inForceAt: NEVER };
    this.#prefixes.add(interest);
    this.#changedPrefixes();
    return interest;
  }

  /** Returns whether no other has the same prefix. */
  unlistenToPrefix(interest: PrefixInterest): boolean {
    this.#prefixes.delete(interest);
    this.#changedPrefixes();
    return [...this.#prefixes].every(({ prefix }) => !prefix.equals(interest.prefix));
  }

  /** `subscription` is the number of the subscription made for `interest`. */
  subscribed(interest: Interest | PrefixInterest, subscription: number): void {
    this.#unproven.push({ subscription, interest });
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
    const listensToPrefixes = this.#prefixes.size > 0;
    if (!scan.read(message))
      return listensToPrefixes ? 'has a topic that is too long or without an end' : undefined;
    const known = this.#byTopic.find(scan, message);
    if (known !== undefined || !listensToPrefixes) return known;
    return this.#decoded.find(scan, message) ?? this.#decode(message, scan.length);
  }

  /** Whether what was noted of a name in `epoch` still counts: it has been listened to without a break since. */
  isUnbroken(interest: Interest, epoch: number): boolean {
    if (epoch >= interest.since) return true;
    return this.#prefixesOf(interest).some(({ since }) => epoch >= since);
  }

  /** Since when the name has been listened to; infinite while that is not proven. */
  inForceSince(interest: Interest): number {
    let { inForceAt } = interest;
    for (const prefix of this.#prefixesOf(interest)) inForceAt = Math.min(inForceAt, prefix.inForceAt);
    return inForceAt;
  }

  /** When the last of them was proven to be in force; infinite while none is. */
  get provenAt(): number {
    return this.#provenAt;
  }

  /** The topics listened to, as publishers are asked for them: none means all events. */
  topics(): readonly Buffer[] {
    if (this.#prefixes.size > 0 || this.#topicBytes > MAX_TOPIC_LIST_BYTES) return [];
    const inOrder = [...this.#byTopic.values()].sort((a, b) => a.since - b.since);
    return inOrder.map(({ topic }) => topic);
  }

  /** Whether anything is listened to. */
  get isEmpty(): boolean {
    return this.#byTopic.size === 0 && this.#prefixes.size === 0;
  }

  #interest(topic: Buffer, name: PropertyKey, space: Space, since: number): Interest {
    const key = keyOf(topic);
    return { name, space, topic, key, since, inForceAt: NEVER, prefixes: [], ofPrefixes: 0 };
  }

  #changedPrefixes(): void {
    this.#prefixChanges += 1;
    this.#decoded.clear();
  }

  #prefixesOf(interest: Interest): readonly PrefixInterest[] {
    if (interest.ofPrefixes !== this.#prefixChanges) {
      interest.prefixes = this.#prefixesBefore(interest.topic).filter(
        ({ matches }) => matches?.(interest.name) ?? true,
      );
      interest.ofPrefixes = this.#prefixChanges;
    }
    return interest.prefixes;
  }

  #prefixesBefore(topic: Buffer): readonly PrefixInterest[] {
    return [...this.#prefixes].filter(
      ({ prefix }) =>
        topic.length > prefix.length && topic.compare(prefix, 0, prefix.length, 0, prefix.length) === 0,
    );
  }

  #decode(message: Buffer, topicLength: number): Interest | string | undefined {
    const topic = Buffer.from(message.subarray(0, topicLength));
    const space = this.#prefixesBefore(topic)[0]?.space;
    if (space === undefined) return undefined;
    const name = decodeTopic(topic, space);
    if (name === undefined) return 'has a topic that stands for no event name';
    const interest = this.#interest(topic, name, space, NEVER);
    if (this.#prefixesOf(interest).length === 0) return undefined;
    if (this.#decoded.size >= MAX_DECODED_NAMES) this.#decoded.clear();
    this.#decoded.set(topic, interest);
    return interest;
  }
}

function keyOf(topic: Buffer): string {
  return topic.toString('latin1');
}
