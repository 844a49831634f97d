/**
 * A set of topics to pick batches by. Each batch in the history is kept with a hash of its topic, so that looking
 * through very many of them for a few names reads no message that is of another name.
 */
import { TOPIC_END } from '../../wire/topic.js';

const FNV_OFFSET = 0x811c_9dc5;
const FNV_PRIME = 0x0100_0193;

/** 32 bits, signed: numbers that need no memory of their own. */
export function hashTopic(topic: Uint8Array): number {
  let hash = FNV_OFFSET;
  for (const byte of topic) hash = Math.imul(hash ^ byte, FNV_PRIME);
  return hash | 0;
}

export class TopicFilter {
  readonly #hashes: Set<number> | undefined;
  /** As Latin-1 strings, which map one byte to one character. */
  readonly #topics = new Set<string>();

  /** Whole topics; none for all. */
  constructor(topics: readonly Buffer[]) {
    if (topics.length === 0) return;
    this.#hashes = new Set();
    for (const topic of topics) {
      this.#hashes.add(hashTopic(topic));
      this.#topics.add(topic.toString('latin1'));
    }
  }

  /** Whether a topic with this hash may be in the set: then ask {@link has}. */
  mayHave(hash: number): boolean {
    return this.#hashes === undefined || this.#hashes.has(hash);
  }

  /** Whether the topic that `message` begins with, up to its NUL, is in the set. */
  has(message: Buffer): boolean {
    if (this.#hashes === undefined) return true;
    return this.#topics.has(message.toString('latin1', 0, message.indexOf(TOPIC_END) + 1));
  }
}
