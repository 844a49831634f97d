/**
 * CURVE's traffic (RFC 26, "MESSAGE Command"): a frame with `\x07MESSAGE`, a short nonce, and a box with flags and the
 * content. Commands and subscriptions travel so as well.
 *
 * libzmq sends MESSAGE as a message frame, and takes one in a command frame for a command, although the RFC says that it
 * is one; so we send message frames, and take both.
 *
 * Here every byte that is sent or received passes through libsodium's memory: content is copied there, sealed or opened
 * where it is, and copied to where it belongs. For both it is the only copy: out of the slab that history keeps, into
 * the write buffer; and in, back into the memory that it was read to.
 */
import type { CurveBox } from './curve-box.js';
import type { DropReason, FrameKind, FrameSink } from './frames.js';
import type { Sealer } from './mechanism.js';
import { curveError } from './protocol-error.js';
import { MAC_BYTES } from './sodium.js';

const NAME = Buffer.from('\x07MESSAGE', 'latin1');
const SHORT_NONCE_BYTES = 8;
const PREFIX_BYTES = 16;
const BOX_AT = NAME.length + SHORT_NONCE_BYTES;
const FLAGS_AT = BOX_AT + MAC_BYTES;
const CONTENT_AT = FLAGS_AT + 1;

export const MESSAGE_OVERHEAD_BYTES = CONTENT_AT;

const MORE = 1;
const COMMAND = 2;

export type Side = 'client' | 'server';

function prefixOf(sender: Side): Buffer {
  return Buffer.from(sender === 'client' ? 'CurveZMQMESSAGEC' : 'CurveZMQMESSAGES', 'latin1');
}

export class MessageSealer implements Sealer {
  readonly overheadBytes = MESSAGE_OVERHEAD_BYTES;
  readonly #box: CurveBox;
  readonly #prefix: Buffer;
  #lastNonce: number;

  /** `lastNonce` is the highest short nonce that was used under these keys before. */
  constructor(box: CurveBox, sender: Side, lastNonce: number) {
    this.#box = box;
    this.#prefix = prefixOf(sender);
    this.#lastNonce = lastNonce;
  }

  seal(kind: FrameKind, body: Uint8Array, target: Buffer, at: number): void {
    const { sodium, key, nonce } = this.#box;
    const size = body.length;
    const scratch = sodium.scratch(CONTENT_AT + size);
    const { memory } = sodium;
    memory.set(NAME, scratch);
    memory.set(this.#prefix, nonce);
    this.#lastNonce += 1;
    writeNonce(memory, nonce + PREFIX_BYTES, this.#lastNonce);
    writeNonce(memory, scratch + NAME.length, this.#lastNonce);
    memory[scratch + FLAGS_AT] = kind === 'command' ? COMMAND : 0;
    memory.set(body, scratch + CONTENT_AT);
    sodium.seal(scratch + BOX_AT, 1 + size, nonce, key);
    target.set(memory.subarray(scratch, scratch + CONTENT_AT + size), at);
  }
}

/** A double is exact up to 2^53: a million a second for 285 years. */
function writeNonce(memory: Uint8Array, at: number, nonce: number): void {
  const high = Math.floor(nonce / 0x1_0000_0000);
  memory[at] = high >>> 24;
  memory[at + 1] = high >>> 16;
  memory[at + 2] = high >>> 8;
  memory[at + 3] = high;
  memory[at + 4] = nonce >>> 24;
  memory[at + 5] = nonce >>> 16;
  memory[at + 6] = nonce >>> 8;
  memory[at + 7] = nonce;
}

export class MessageReader implements FrameSink {
  readonly #sink: FrameSink;
  readonly #prefix: Buffer;
  #box: CurveBox | undefined;
  /** The short nonce that was received last: the next one must be higher. */
  #lastHigh = 0;
  #lastLow = 0;
  #position: 'between messages' | 'inside multipart' = 'between messages';

  /** Until {@link start}, frames pass through as they are. */
  constructor(sink: FrameSink, sender: Side) {
    this.#sink = sink;
    this.#prefix = prefixOf(sender);
  }

  /** `lastNonce` is the short nonce of the last box of the handshake. */
  start(box: CurveBox, lastNonce: Buffer): void {
    this.#box = box;
    this.#lastHigh = lastNonce.readUInt32BE(0);
    this.#lastLow = lastNonce.readUInt32BE(4);
  }

  onMessage(body: Buffer, yours: boolean): void {
    if (this.#box === undefined) {
      this.#sink.onMessage(body, yours);
      return;
    }
    const flags = this.#open(body, this.#box);
    const content = body.subarray(CONTENT_AT);
    if (flags === 0 && this.#position === 'between messages') {
      this.#sink.onMessage(content, yours);
    } else if ((flags & COMMAND) !== 0) {
      if ((flags & MORE) !== 0) throw curveError('The peer sent a command with the MORE flag');
      this.#sink.onCommand(content);
    } else {
      if (this.#position === 'between messages') this.#sink.onDropped('multipart', content.length);
      this.#position = (flags & MORE) !== 0 ? 'inside multipart' : 'between messages';
    }
  }

  onCommand(body: Buffer): void {
    if (this.#box === undefined) this.#sink.onCommand(body);
    else this.onMessage(body, false);
  }

  onDropped(reason: DropReason, size: number): void {
    if (this.#box === undefined) {
      this.#sink.onDropped(reason, size);
      return;
    }
    if (reason === 'multipart') throw curveError('The peer sent a MESSAGE in several frames');
    this.#sink.onDropped(reason, size - CONTENT_AT);
  }

  /** Puts the content in the place of what carried it, and returns the flags. */
  #open(body: Buffer, { sodium, key, nonce }: CurveBox): number {
    const size = body.length;
    if (size < CONTENT_AT || !NAME.equals(body.subarray(0, NAME.length)))
      throw curveError('The peer sent something else than a MESSAGE after the handshake');
    const scratch = sodium.scratch(size);
    const { memory } = sodium;
    memory.set(body, scratch);
    memory.set(this.#prefix, nonce);
    memory.copyWithin(nonce + PREFIX_BYTES, scratch + NAME.length, scratch + BOX_AT);
    this.#advance(body);
    if (!sodium.open(scratch + BOX_AT, size - BOX_AT, nonce, key))
      throw curveError('The peer sent a MESSAGE that was not made with the keys of this connection');
    const flags = memory[scratch + FLAGS_AT] as number;
    body.set(memory.subarray(scratch + CONTENT_AT, scratch + size), CONTENT_AT);
    return flags;
  }

  /** RFC 26: each short nonce is higher than the one before, so that nothing can be sent again by somebody else. */
  #advance(body: Buffer): void {
    const high = body.readUInt32BE(NAME.length);
    const low = body.readUInt32BE(NAME.length + 4);
    if (high < this.#lastHigh || (high === this.#lastHigh && low <= this.#lastLow))
      throw curveError('The peer sent a MESSAGE out of order, or twice');
    this.#lastHigh = high;
    this.#lastLow = low;
  }
}
