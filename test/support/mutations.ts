/** Random damage to a stream of bytes, the same in every run of the same seed. */

type Mutation = (chunk: Buffer, random: () => number) => Buffer;

const MAX_RUN_BYTES = 16;

const below = (limit: number, random: () => number) => Math.floor(random() * limit);

const MUTATIONS: readonly Mutation[] = [
  function flipBit(chunk, random) {
    const damaged = Buffer.from(chunk);
    const at = below(chunk.length, random);
    damaged[at] = (damaged[at] as number) ^ (1 << below(8, random));
    return damaged;
  },
  function overwriteByte(chunk, random) {
    const damaged = Buffer.from(chunk);
    damaged[below(chunk.length, random)] = below(256, random);
    return damaged;
  },
  function cutOut(chunk, random) {
    const at = below(chunk.length, random);
    const end = at + 1 + below(MAX_RUN_BYTES, random);
    return Buffer.concat([chunk.subarray(0, at), chunk.subarray(end)]);
  },
  function repeat(chunk, random) {
    const at = below(chunk.length, random);
    const run = chunk.subarray(at, at + 1 + below(MAX_RUN_BYTES, random));
    return Buffer.concat([chunk.subarray(0, at), run, chunk.subarray(at)]);
  },
  function insert(chunk, random) {
    const at = below(chunk.length, random);
    const run = Buffer.from(
      Array.from({ length: 1 + below(MAX_RUN_BYTES, random) }, () => below(256, random)),
    );
    return Buffer.concat([chunk.subarray(0, at), run, chunk.subarray(at)]);
  },
];

export class Mutator {
  readonly #random: () => number;
  readonly #share: number;
  #count = 0;

  /** @param share how large a part of the chunks is damaged, each in one place. */
  constructor(seed: number, share: number) {
    this.#random = seededRandom(seed);
    this.#share = share;
  }

  /** How many mutations there were. */
  get count(): number {
    return this.#count;
  }

  readonly mutate = (chunk: Buffer): Buffer => {
    if (chunk.length === 0 || this.#random() >= this.#share) return chunk;
    this.#count += 1;
    const mutation = MUTATIONS[below(MUTATIONS.length, this.#random)] as Mutation;
    return mutation(chunk, this.#random);
  };
}

/** A small generator of random numbers from 0 up to 1 (public domain, Tommy Ettinger). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
