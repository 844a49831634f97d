/**
 * Messages that a stranger may send: of every kind, well-formed or nearly so, with numbers at the edges, under topics where
 * they belong or do not. The same in every run of the same seed.
 */
import { buildMessage, type Header, MessageKind } from '../../src/wire/batch.js';
import { packPayload } from '../../src/wire/payload.js';
import { encodeAnnouncement } from '../../src/wire/presence.js';
import { encodeReplayed, encodeRequest, encodeTails, encodeTopics } from '../../src/wire/recovery.js';
import { makeSpace } from '../../src/wire/space.js';
import {
  allEmittersTopic,
  encodeTopic,
  inboxTopic,
  presenceTopic,
  probeTopic,
  retainedTopic,
} from '../../src/wire/topic.js';
import { Mutator, seededRandom } from './mutations.js';

/** How many of them are damaged, and how many are noise. */
const SHARE_DAMAGED = 0.5;
const SHARE_NOISE = 0.03;

const KINDS: readonly number[] = Object.values(MessageKind);
const EDGES: readonly number[] = [
  0,
  1,
  2,
  3,
  255,
  256,
  2 ** 16,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 52,
  Number.MAX_SAFE_INTEGER,
];
const MAX_UINT_32 = 2 ** 32 - 1;

/** Names that strangers use: none of them is the honest publisher's. */
const NAMES: readonly PropertyKey[] = ['a', 'b', 'p:x', 'p:\0', '', 1, Symbol.for('s'), '__proto__', 'then'];
const CHANNELS = ['room', ''] as const;

/** Random messages for emitters with these ids. */
export class HostileMessages {
  readonly #random: () => number;
  readonly #mutator: Mutator;
  readonly #ids: readonly string[];

  constructor(seed: number, ids: readonly string[]) {
    this.#random = seededRandom(seed);
    this.#mutator = new Mutator(seed, SHARE_DAMAGED);
    this.#ids = ids;
  }

  next(): Buffer {
    if (this.#random() < SHARE_NOISE) return this.#noise();
    return this.#mutator.mutate(buildMessage(this.#topic(), this.#header(), this.#body(2)));
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #of<T>(all: readonly T[]): T {
    return all[this.#below(all.length)] as T;
  }

  #noise(): Buffer {
    return Buffer.from(Array.from({ length: this.#below(200) }, () => this.#below(256)));
  }

  #topic(): Buffer {
    const id = this.#of(this.#ids);
    switch (this.#below(9)) {
      case 0:
        return inboxTopic(id);
      case 1:
        return allEmittersTopic();
      case 2:
        return presenceTopic(this.#of(['news', 'rollCalls'] as const));
      case 3:
        return retainedTopic();
      case 4:
        return probeTopic(id, this.#below(20));
      case 5:
        return encodeTopic(id, makeSpace('reply')) as Buffer;
      case 6:
        return encodeTopic('q', makeSpace('request')) as Buffer;
      default:
        return this.#eventTopic();
    }
  }

  #eventTopic(): Buffer {
    const channel = this.#random() < 0.3 ? this.#of(CHANNELS) : undefined;
    const isNew = this.#random() < 0.2;
    const name = isNew ? `p:${this.#below(100_000)}` : this.#of(NAMES);
    return encodeTopic(name, makeSpace('event', '', channel)) as Buffer;
  }

  /** Few publishers that come again and again, and many that come once. */
  #publisher(): number {
    return this.#random() < 0.6 ? 1 + this.#below(20) : 1000 + this.#below(2 ** 40);
  }

  #number(): number {
    return this.#random() < 0.5 ? this.#below(30) : this.#of(EDGES);
  }

  #header(): Pick<Header, 'kind' | 'publisher'> & Partial<Header> {
    return {
      kind: this.#random() < 0.5 ? MessageKind.batch : this.#of(KINDS),
      flags: this.#below(8),
      count: this.#random() < 0.8 ? 1 : Math.min(this.#number(), MAX_UINT_32),
      publisher: this.#publisher(),
      sequence: this.#number(),
      previous: this.#number(),
      position: this.#number(),
      elapsed: Math.min(this.#number(), MAX_UINT_32),
      time: this.#number(),
    };
  }

  #topics(): Buffer[] {
    return Array.from({ length: this.#below(6) }, () => this.#eventTopic());
  }

  #body(depth: number): Buffer {
    switch (this.#below(12)) {
      case 0:
        return encodeRequest({
          after: this.#number(),
          before: this.#number(),
          maxAgeMs: this.#number(),
          topics: this.#topics(),
        });
      case 1:
        return encodeReplayed({
          through: this.#number(),
          gone: this.#number(),
          last: this.#number(),
          replays: Math.min(this.#number(), MAX_UINT_32),
        });
      case 2:
        return encodeTopics(this.#topics());
      case 3:
        return encodeTails(
          this.#topics().map((topic) => ({
            topic,
            sequence: this.#number(),
            position: this.#number(),
            elapsed: Math.min(this.#number(), MAX_UINT_32),
          })),
        );
      case 4:
        return encodeAnnouncement({
          since: this.#number(),
          intervalMs: this.#number(),
          pid: this.#below(70_000),
          threadId: this.#below(3),
          host: 'host',
          name: this.#of(['', 'service', '\u001b[2J']),
          meta: this.#random() < 0.5 ? Buffer.alloc(0) : this.#payload(this.#value(2)),
        });
      case 5:
        return depth > 0
          ? buildMessage(this.#topic(), this.#header(), this.#body(depth - 1))
          : Buffer.alloc(0);
      case 6:
        return this.#payload([this.#number(), this.#below(5), this.#value(2)]);
      case 7:
        return this.#payload([this.#number(), this.#value(2)]);
      case 8:
        return this.#payload([{ h: { traceparent: 'x', __proto__: 'y' } }, this.#value(2)]);
      default:
        return this.#payload(this.#value(3));
    }
  }

  #payload(value: unknown): Buffer {
    return Buffer.from(packPayload(value));
  }

  #value(depth: number): unknown {
    const inner = (): unknown => (depth > 0 ? this.#value(depth - 1) : null);
    switch (this.#below(16)) {
      case 0:
        return JSON.parse(`{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}`);
      case 1:
        return Object.fromEntries(['then', 'toJSON', 'toString', 'valueOf'].map((name) => [name, inner()]));
      case 2:
        return Object.assign(new Error('hostile'), { name: this.#of(['TypeError', 'X']), code: inner() });
      case 3:
        return new Map([[inner(), inner()]]);
      case 4:
        return new Set([inner(), inner()]);
      case 5:
        return [inner(), inner(), inner()];
      case 6:
        return { a: inner(), b: inner(), [`k${this.#below(50)}`]: inner() };
      case 7:
        return new Date(this.#number());
      case 8:
        return /(a+)+$/u;
      case 9:
        return BigInt(this.#number()) ** 3n;
      case 10:
        return Buffer.alloc(this.#below(40), 1);
      case 11:
        return Float64Array.of(this.#random());
      case 12:
        return 'text\u0000\uD800'.repeat(this.#below(5));
      default:
        return this.#number() * (this.#random() < 0.3 ? -1.5 : 1);
    }
  }
}
