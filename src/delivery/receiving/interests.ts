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

/** So many times are remembered at which subscriptions were proven to be in force. */
const MAX_PROOF_TIMES = 64;

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

const NEVER = Number.POSITIVE_INFINITY;

export class Interests {
  readonly #byTopic = new TopicTable<Interest>();
  /** `null` for a name that begins as those listened to, and matches none. */
  readonly #decoded = new TopicTable<Interest | null>();
  /** By prefix, one character to a byte; and how many prefixes have which length. */
  readonly #byPrefix = new Map<string, Set<PrefixInterest>>();
  readonly #prefixLengths = new Map<number, number>();
  readonly #scan = new TopicScan();
  #prefixChanges = 0;
  #topicBytes = 0;
  #epoch = 0;
  /** Whose subscription is not proven yet, and its number: the lowest first. */
  readonly #unproven = new Map<Interest | PrefixInterest, number>();
  /** When the last ones of them were proven: the latest last. */
  readonly #proofTimes: number[] = [];
  #proofs = 0;

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
    const interest = this.#byTopic.get(topic);
    if (interest === undefined) return;
    this.#byTopic.delete(topic);
    this.#unproven.delete(interest);
    this.#topicBytes -= topic.length;
  }

  /** Listens to all names of `space` whose topics begin with `prefix`, which begins with that of the space. */
  listenToPrefix(prefix: Buffer, space: Space = EVENTS, matches?: NameFilter): PrefixInterest {
    this.#epoch += 1;
    const interest = { space, prefix, matches, since: this.#epoch, inForceAt: NEVER };
    const key = keyOf(prefix);
    const known = this.#byPrefix.get(key);
    if (known === undefined) {
      this.#byPrefix.set(key, new Set([interest]));
      this.#prefixLengths.set(prefix.length, (this.#prefixLengths.get(prefix.length) ?? 0) + 1);
    } else known.add(interest);
    this.#changedPrefixes();
    return interest;
  }

  /** Returns whether no other has the same prefix. */
  unlistenToPrefix(interest: PrefixInterest): boolean {
    const { prefix } = interest;
    const key = keyOf(prefix);
    const ofSamePrefix = this.#byPrefix.get(key);
    this.#unproven.delete(interest);
    this.#changedPrefixes();
    if (!ofSamePrefix?.delete(interest) || ofSamePrefix.size > 0) return false;
    this.#byPrefix.delete(key);
    const left = (this.#prefixLengths.get(prefix.length) ?? 0) - 1;
    if (left > 0) this.#prefixLengths.set(prefix.length, left);
    else this.#prefixLengths.delete(prefix.length);
    return true;
  }

  /** `subscription` is the number of the subscription made for `interest`. */
  subscribed(interest: Interest | PrefixInterest, subscription: number): void {
    this.#unproven.set(interest, subscription);
  }

  /** Every subscription with a number up to `subscription` is in force at time `now`. */
  prove(subscription: number, now: number): void {
    const before = this.#unproven.size;
    for (const [interest, number] of this.#unproven) {
      if (number > subscription) break;
      interest.inForceAt = Math.min(interest.inForceAt, now);
      this.#unproven.delete(interest);
    }
    if (this.#unproven.size === before) return;
    this.#proofs += 1;
    this.#proofTimes.push(now);
    if (this.#proofTimes.length > MAX_PROOF_TIMES) this.#proofTimes.shift();
  }

  /** Who listens to the name of a message; a string says what is wrong with its topic, if somebody might listen to it. */
  of(message: Buffer): Interest | string | undefined {
    const scan = this.#scan;
    const listensToPrefixes = this.#byPrefix.size > 0;
    if (!scan.read(message))
      return listensToPrefixes ? 'has a topic that is too long or without an end' : undefined;
    const known = this.#byTopic.find(scan, message);
    if (known !== undefined || !listensToPrefixes) return known;
    const decoded = this.#decoded.find(scan, message);
    return decoded === undefined ? this.#decode(message, scan.length) : (decoded ?? undefined);
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
    return this.#proofTimes.at(-1) ?? NEVER;
  }

  /** How often some of them were proven to be in force. */
  get proofs(): number {
    return this.#proofs;
  }

  /** When some were proven to be in force for the first time after `proofs` times, or later if that was long ago. */
  firstProofAfter(proofs: number): number {
    const index = this.#proofTimes.length - (this.#proofs - proofs);
    return this.#proofTimes[Math.max(index, 0)] ?? NEVER;
  }

  /** The topics listened to, as publishers are asked for them: none means all events. */
  topics(): readonly Buffer[] {
    if (this.#byPrefix.size > 0 || this.#topicBytes > MAX_TOPIC_LIST_BYTES) return [];
    const inOrder = [...this.#byTopic.values()].sort((a, b) => a.since - b.since);
    return inOrder.map(({ topic }) => topic);
  }

  /** Whether anything is listened to. */
  get isEmpty(): boolean {
    return this.#byTopic.size === 0 && this.#byPrefix.size === 0;
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
    const found: PrefixInterest[] = [];
    for (const length of this.#prefixLengths.keys()) {
      if (length >= topic.length) continue;
      const interests = this.#byPrefix.get(keyOf(topic.subarray(0, length)));
      if (interests !== undefined) found.push(...interests);
    }
    return found;
  }

  #decode(message: Buffer, topicLength: number): Interest | string | undefined {
    const topic = Buffer.from(message.subarray(0, topicLength));
    const space = this.#prefixesBefore(topic)[0]?.space;
    if (space === undefined) return undefined;
    const name = decodeTopic(topic, space);
    if (name === undefined) return 'has a topic that stands for no event name';
    const interest = this.#interest(topic, name, space, NEVER);
    const isWanted = this.#prefixesOf(interest).length > 0;
    if (this.#decoded.size >= MAX_DECODED_NAMES) this.#decoded.clear();
    this.#decoded.set(topic, isWanted ? interest : null);
    return isWanted ? interest : undefined;
  }
}

function keyOf(topic: Buffer): string {
  return topic.toString('latin1');
}
