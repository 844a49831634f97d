/**
 * ZMTP framing (RFC 23, "Framing"): flags, a size in one or eight octets, a body.
 *
 * The decoder takes the byte stream in whatever pieces the network makes of it. A frame that lies within one piece
 * is handed on in place, without a copy; one that spans several is put together in a single buffer of its exact
 * size. Every length is judged before anything is allocated. Frames too large to accept, and multipart messages,
 * which this bus does not have, are skipped without being stored, so that one odd message costs nothing else.
 */
import { zmtpError } from './protocol-error.js';

const MORE = 1;
const LONG = 2;
const COMMAND = 4;

const SHORT_HEADER_BYTES = 2;
export const LONG_HEADER_BYTES = 9;

/** Commands this side has to understand are tiny; libzmq's metadata stays far below this too. */
const MAX_COMMAND_BYTES = 64 * 1024;

/**
 * A frame over the limit is skipped, and the connection goes on, if its length is believable. Beyond this multiple
 * of the limit it rather is a lie or a stream out of step, and waiting for its end would leave the link deaf.
 */
const MAX_SKIPPED_MESSAGES = 16;

export type FrameKind = 'message' | 'command';

/** Why a frame was skipped. */
export type DropReason = 'multipart' | 'oversize message' | 'oversize command';

export interface FrameSink {
  /** A single-part message. The bytes are only valid during the call, unless they are `yours`. */
  onMessage(body: Buffer, yours: boolean): void;
  onCommand(body: Buffer): void;
  /** The start of a message or command that will be skipped; `size` is that of its first frame. */
  onDropped(reason: DropReason, size: number): void;
}

/** Writes a frame's header at `at` and returns where its body begins. */
export function writeFrameHeader(target: Buffer, at: number, kind: FrameKind, size: number): number {
  const flags = kind === 'command' ? COMMAND : 0;
  if (size <= 255) {
    target[at] = flags;
    target[at + 1] = size;
    return at + SHORT_HEADER_BYTES;
  }
  target[at] = flags | LONG;
  target.writeUInt32BE(Math.floor(size / 0x1_0000_0000), at + 1);
  target.writeUInt32BE(size >>> 0, at + 5);
  return at + LONG_HEADER_BYTES;
}

/** The header of a message, in the long form whatever its size: {@link LONG_HEADER_BYTES} bytes at `at`. */
export function writeLongFrameHeader(target: Buffer, at: number, size: number): void {
  target[at] = LONG;
  // Byte by byte: Buffer's own writer checks its arguments on each call, and there is one per message.
  const high = Math.floor(size / 0x1_0000_0000);
  target[at + 1] = 0;
  target[at + 2] = 0;
  target[at + 3] = high >>> 8;
  target[at + 4] = high;
  target[at + 5] = size >>> 24;
  target[at + 6] = size >>> 16;
  target[at + 7] = size >>> 8;
  target[at + 8] = size;
}

/** One whole frame: for the few that are not worth a slab. */
export function encodeFrame(kind: FrameKind, body: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafeSlow(LONG_HEADER_BYTES + body.length);
  const bodyAt = writeFrameHeader(frame, 0, kind, body.length);
  frame.set(body, bodyAt);
  return frame.subarray(0, bodyAt + body.length);
}

/** With so much of a body still to come, it is read to where it belongs; less comes along with the next frame. */
const MIN_DIRECT_BYTES = 16 * 1024;

/** `header`: between frames or inside a header. `body`: filling `#body`. `skip`: passing over `#missing` bytes. */
type DecoderState = 'header' | 'body' | 'skip' | 'stopped';

export class FrameDecoder {
  readonly #sink: FrameSink;
  readonly #maxMessageBytes: number;
  #state: DecoderState = 'header';
  /** A header that did not arrive in one piece, and how much of it is there. */
  readonly #header = Buffer.alloc(LONG_HEADER_BYTES);
  #headerBytes = 0;
  /** A body that did not arrive in one piece. */
  #body: Buffer | undefined;
  #bodyKind: FrameKind = 'message';
  /** Bytes of the body, stored or skipped, that are still to come. */
  #missing = 0;
  #position: 'between messages' | 'inside multipart' = 'between messages';

  constructor(sink: FrameSink, maxMessageBytes: number) {
    this.#sink = sink;
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Nothing more is handed to the sink, also not from the chunk at hand. */
  stop(): void {
    this.#state = 'stopped';
    this.#body = undefined;
  }

  /** Where the next piece should be read to, if it is the rest of a large body: it need not be copied then. */
  get readTarget(): Buffer | undefined {
    if (this.#missing < MIN_DIRECT_BYTES) return undefined;
    return this.#body?.subarray(this.#body.length - this.#missing);
  }

  /**
   * Takes the next piece of the stream.
   *
   * @throws DemitterError `DEMITTER_ZMTP` if the stream breaks the framing rules; it cannot be used after that.
   */
  push(chunk: Buffer): void {
    const end = chunk.length;
    let at = this.#continue(chunk);
    while (at < end && this.#state === 'header') {
      // The common frame, a short single-part message that is here as a whole, passes through as few checks as can be.
      const flags = chunk[at] as number;
      if (flags === 0 && this.#position === 'between messages' && at + SHORT_HEADER_BYTES <= end) {
        const bodyAt = at + SHORT_HEADER_BYTES;
        const next = bodyAt + (chunk[at + 1] as number);
        if (next <= end && next - bodyAt <= this.#maxMessageBytes) {
          this.#sink.onMessage(chunk.subarray(bodyAt, next), false);
          at = next;
          continue;
        }
      }
      const headerBytes = headerBytesFor(flags);
      if (at + headerBytes > end) {
        this.#headerBytes = chunk.copy(this.#header, 0, at);
        return;
      }
      at = this.#startFrame(flags, readSize(chunk, at, flags), chunk, at + headerBytes);
    }
  }

  /** Completes what the last chunk left open; returns where the next frame begins in `chunk`. */
  #continue(chunk: Buffer): number {
    if (this.#state === 'stopped') return chunk.length;
    if (this.#state !== 'header') return this.#continueBody(chunk, 0);
    if (this.#headerBytes === 0 || chunk.length === 0) return 0;
    const flags = this.#header[0] as number;
    const headerBytes = headerBytesFor(flags);
    const taken = chunk.copy(this.#header, this.#headerBytes, 0, headerBytes - this.#headerBytes);
    this.#headerBytes += taken;
    if (this.#headerBytes < headerBytes) return chunk.length;
    this.#headerBytes = 0;
    return this.#startFrame(flags, readSize(this.#header, 0, flags), chunk, taken);
  }

  /** Judges the frame whose body begins at `at`, and hands it on or begins to collect or to skip it. */
  #startFrame(flags: number, size: number, chunk: Buffer, at: number): number {
    const kind: FrameKind = (flags & COMMAND) !== 0 ? 'command' : 'message';
    const reason = this.#judge(flags, kind, size);
    if (reason !== undefined) {
      this.#missing = size;
      this.#state = 'skip';
      if (reason !== 'multipart' || this.#position === 'between messages') this.#sink.onDropped(reason, size);
      if (kind === 'message') {
        this.#position = (flags & MORE) !== 0 ? 'inside multipart' : 'between messages';
      }
      return this.#continueBody(chunk, at);
    }
    if (at + size <= chunk.length) {
      this.#deliver(kind, chunk.subarray(at, at + size), false);
      return at + size;
    }
    // Not pooled: a pooled buffer would share, and keep alive, memory of strangers.
    this.#body = Buffer.allocUnsafeSlow(size);
    this.#bodyKind = kind;
    this.#missing = size;
    this.#state = 'body';
    return this.#continueBody(chunk, at);
  }

  /** Why the frame must be skipped; `undefined` if it is to be taken. */
  #judge(flags: number, kind: FrameKind, size: number): DropReason | undefined {
    if (size > Math.max(this.#maxMessageBytes, MAX_COMMAND_BYTES) * MAX_SKIPPED_MESSAGES) {
      throw zmtpError(`The peer announced a ${kind} of ${size} bytes; the limit is ${this.#maxMessageBytes}`);
    }
    if (kind === 'command') return size > MAX_COMMAND_BYTES ? 'oversize command' : undefined;
    if ((flags & MORE) !== 0 || this.#position === 'inside multipart') return 'multipart';
    return size > this.#maxMessageBytes ? 'oversize message' : undefined;
  }

  #continueBody(chunk: Buffer, at: number): number {
    if (this.#state === 'stopped') return chunk.length;
    const taken = Math.min(this.#missing, chunk.length - at);
    const body = this.#body;
    if (body !== undefined && chunk.buffer !== body.buffer)
      chunk.copy(body, body.length - this.#missing, at, at + taken);
    this.#missing -= taken;
    if (this.#missing === 0) {
      this.#state = 'header';
      this.#body = undefined;
      if (body !== undefined) this.#deliver(this.#bodyKind, body, true);
    }
    return at + taken;
  }

  #deliver(kind: FrameKind, body: Buffer, yours: boolean): void {
    if (kind === 'message') this.#sink.onMessage(body, yours);
    else this.#sink.onCommand(body);
  }
}

/** RFC 23, "Framing": bits 7-3 are reserved and must be zero, and a command has no MORE bit. */
function headerBytesFor(flags: number): number {
  if (flags > (MORE | LONG | COMMAND)) {
    throw zmtpError(`The peer sent a frame with reserved flag bits set (0x${flags.toString(16)})`);
  }
  if ((flags & COMMAND) !== 0 && (flags & MORE) !== 0)
    throw zmtpError('The peer sent a command with the MORE flag');
  return (flags & LONG) === 0 ? SHORT_HEADER_BYTES : LONG_HEADER_BYTES;
}

function readSize(buffer: Buffer, at: number, flags: number): number {
  if ((flags & LONG) === 0) return buffer[at + 1] as number;
  // Past 2^53 a number is no longer exact; such a size is refused by any limit all the same.
  return buffer.readUInt32BE(at + 1) * 0x1_0000_0000 + buffer.readUInt32BE(at + 5);
}
