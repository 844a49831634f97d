/**
 * A table by topic, in which a message is looked up by the bytes that it begins with.
 *
 * Names come by the hundred thousand a second, and a string made of each for a `Map` would cost more than all the rest of
 * its lookup. The hash is the process's own secret, and takes in two bytes at a time and no more: topics may be chosen by
 * strangers, and must not collide because they were made to.
 */
import { randomInt } from 'node:crypto';
import { MAX_TOPIC_BYTES, TOPIC_END } from '../../wire/topic.js';

const SEED = randomInt(2 ** 32) | 0;
const MULTIPLIER = randomInt(2 ** 32) | 1;

const MIN_SLOTS = 16;

interface Entry<T> {
  readonly hash: number;
  readonly topic: Buffer;
  readonly value: T;
  /** In the same slot. */
  next: Entry<T> | undefined;
}

/** Finds where the topic of a message ends, and its hash on the way. */
export class TopicScan {
  hash = 0;
  /** The length of the topic, its NUL included. */
  length = 0;

  /** Whether `message` begins with a topic that is not too long; {@link hash} and {@link length} are of it then. */
  read(message: Buffer): boolean {
    const limit = Math.min(message.length, MAX_TOPIC_BYTES);
    let hash = SEED;
    let at = 0;
    for (; at + 1 < limit; at += 2) {
      const first = message[at] as number;
      if (first === TOPIC_END) return this.#end(hash, at + 1);
      const second = message[at + 1] as number;
      if (second === TOPIC_END) return this.#end(mix(hash, first), at + 2);
      hash = mix(hash, first | (second << 8));
    }
    return at < limit && message[at] === TOPIC_END && this.#end(hash, limit);
  }

  #end(hash: number, length: number): true {
    this.hash = hash;
    this.length = length;
    return true;
  }
}

export class TopicTable<T> {
  readonly #scan = new TopicScan();
  #slots: (Entry<T> | undefined)[] = emptySlots(MIN_SLOTS);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** What was set for the topic that `message` begins with, and that `scan` has read. */
  find({ hash, length }: Readonly<TopicScan>, message: Buffer): T | undefined {
    let entry = this.#slots[hash & (this.#slots.length - 1)];
    while (entry !== undefined) {
      const { topic } = entry;
      if (entry.hash === hash && topic.length === length && beginsWith(message, topic)) return entry.value;
      entry = entry.next;
    }
    return undefined;
  }

  /** What was set for a whole topic. */
  get(topic: Buffer): T | undefined {
    return this.#reads(topic) ? this.find(this.#scan, topic) : undefined;
  }

  /** `topic` is one that events may have, and its bytes do not change. */
  set(topic: Buffer, value: T): void {
    this.delete(topic);
    if (!this.#reads(topic)) return;
    if (this.#size === this.#slots.length) this.#grow();
    this.#size += 1;
    this.#link({ hash: this.#scan.hash, topic, value, next: undefined });
  }

  /** Returns whether there was something. */
  delete(topic: Buffer): boolean {
    if (!this.#reads(topic)) return false;
    const slot = this.#scan.hash & (this.#slots.length - 1);
    let before: Entry<T> | undefined;
    for (let entry = this.#slots[slot]; entry !== undefined; entry = entry.next) {
      if (entry.topic.equals(topic)) {
        if (before === undefined) this.#slots[slot] = entry.next;
        else before.next = entry.next;
        this.#size -= 1;
        return true;
      }
      before = entry;
    }
    return false;
  }

  clear(): void {
    this.#slots = emptySlots(MIN_SLOTS);
    this.#size = 0;
  }

  *values(): Generator<T> {
    for (const first of this.#slots)
      for (let entry = first; entry !== undefined; entry = entry.next) yield entry.value;
  }

  #reads(topic: Buffer): boolean {
    return this.#scan.read(topic) && this.#scan.length === topic.length;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = emptySlots(old.length * 2);
    for (const first of old) {
      let entry = first;
      while (entry !== undefined) {
        const { next } = entry;
        this.#link(entry);
        entry = next;
      }
    }
  }

  #link(entry: Entry<T>): void {
    const slot = entry.hash & (this.#slots.length - 1);
    entry.next = this.#slots[slot];
    this.#slots[slot] = entry;
  }
}

function mix(hash: number, bytes: number): number {
  const product = Math.imul(hash ^ bytes, MULTIPLIER);
  return product ^ (product >>> 15);
}

function emptySlots<T>(count: number): (Entry<T> | undefined)[] {
  return new Array<Entry<T> | undefined>(count).fill(undefined);
}

/** From the end: names that are used together tend to begin alike. */
function beginsWith(message: Buffer, topic: Buffer): boolean {
  for (let at = topic.length - 1; at >= 0; at -= 1) if (message[at] !== topic[at]) return false;
  return true;
}
