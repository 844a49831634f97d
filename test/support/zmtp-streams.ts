/**
 * Whole ZMTP conversations as one side sends them, right in most of their bytes and wrong in some, in pieces of any
 * size: drawn from a seed, so that each can be had again.
 */
import { Mutator, seededRandom } from './mutations.js';
import { frame, greeting, longHeader, readyFrame } from './zmtp-sockets.js';

export type Pieces = readonly Buffer[];

export interface Stream {
  /** Greeting and READY. */
  readonly introduction: Pieces;
  readonly rest: Pieces;
}

/** What of a stream's parts is damaged. */
const DAMAGED = 0.25;
/** A stream is cut off so often before its end. */
const CUT_OFF = 0.2;

class Draw {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  chance(share: number): boolean {
    return this.#random() < share;
  }

  oneOf<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  bytes(max: number): Buffer {
    return Buffer.from(Array.from({ length: this.below(max + 1) }, () => this.below(256)));
  }
}

const SIZES = [
  0n,
  1n,
  255n,
  65_536n,
  16_842_752n,
  16_842_753n,
  2n ** 31n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

/** What may follow the handshake, from either side: messages, subscriptions, commands, and what is none of them. */
const PARTS: readonly ((draw: Draw) => Buffer)[] = [
  (draw) => frame(0, draw.bytes(200)),
  (draw) => frame(2, draw.bytes(2000)),
  (draw) => frame(0, Buffer.concat([Buffer.from('esstranger\0'), draw.bytes(200)])),
  (draw) => frame(0, Buffer.concat([Buffer.of(draw.below(3)), draw.bytes(40)])),
  (draw) => frame(1, draw.bytes(20)),
  (draw) => frame(4, Buffer.concat([Buffer.from('\x09SUBSCRIBE'), draw.bytes(40)])),
  (draw) => frame(4, Buffer.concat([Buffer.from('\x06CANCEL'), draw.bytes(40)])),
  (draw) => frame(4, Buffer.concat([Buffer.from('\x04PING'), draw.bytes(30)])),
  (draw) => frame(4, Buffer.concat([Buffer.from('\x04PONG'), draw.bytes(30)])),
  (draw) => frame(4, Buffer.concat([Buffer.from('\x05ERROR'), draw.bytes(30)])),
  (draw) => frame(4, draw.bytes(60)),
  (draw) => frame(draw.below(8), draw.bytes(60)),
  (draw) => longHeader(draw.below(8), draw.oneOf(SIZES)),
  (draw) => draw.bytes(100),
  () => readyFrame('PUB'),
];

/** What a peer of one of `socketTypes` might send, if it were mad. */
export function drawStream(seed: number, socketTypes: readonly string[]): Stream {
  const draw = new Draw(seed);
  const { mutate } = new Mutator(draw.below(2 ** 31), DAMAGED);
  const introduction = [greeting({ minor: draw.below(2) }), readyFrame(draw.oneOf(socketTypes))].map(mutate);
  const rest = Array.from({ length: draw.below(20) }, () => mutate(draw.oneOf(PARTS)(draw)));
  if (draw.chance(CUT_OFF)) return { introduction: cut(cutOff(introduction, draw), draw), rest: [] };
  return { introduction: cut(Buffer.concat(introduction), draw), rest: cut(cutOff(rest, draw), draw) };
}

/** Some streams end before their time. */
function cutOff(parts: readonly Buffer[], draw: Draw): Buffer {
  const stream = Buffer.concat(parts);
  return stream.subarray(0, draw.chance(CUT_OFF) ? draw.below(stream.length) : stream.length);
}

function cut(stream: Buffer, draw: Draw): Pieces {
  if (draw.chance(0.3)) return [stream];
  const longest = draw.oneOf([1, 7, 64, 500]);
  const pieces: Buffer[] = [];
  for (let at = 0; at < stream.length; ) {
    const end = at + 1 + draw.below(longest);
    pieces.push(stream.subarray(at, end));
    at = end;
  }
  return pieces;
}
