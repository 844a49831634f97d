/**
 * Many frames, few writes: what is sent between two flushes leaves in one system call.
 *
 * Small frames are copied one after another into a slab; a flush writes the part of it that is new, and the slab goes
 * on behind it. Nothing written is ever touched again, so the kernel may take its time. Large bodies go by reference.
 */
import type { Socket } from 'node:net';
import { type FrameKind, MAX_HEADER_BYTES, writeFrameHeader } from './frames.js';
import type { WriteProgress } from './heartbeat.js';

const SLAB_BYTES = 64 * 1024;

/** From here on a second buffer in the write costs less than the copy. */
const BY_REFERENCE_BYTES = 4 * 1024;

/** Unflushed bytes at which waiting for more frames gains nothing. */
const AUTO_FLUSH_BYTES = 64 * 1024;

const EMPTY = Buffer.alloc(0);

export class WriteBuffer {
  readonly #socket: Socket;
  readonly #onWritten: () => void;
  #slab: Buffer = EMPTY;
  /** The part of the slab that is filled and not yet in `#pending` or written. */
  #start = 0;
  #end = 0;
  #pending: Uint8Array[] = [];
  #unflushedBytes = 0;

  /** `onWritten` is called whenever the kernel has taken a flush. */
  constructor(socket: Socket, onWritten: () => void) {
    this.#socket = socket;
    this.#onWritten = onWritten;
  }

  /** Bytes taken that the kernel has not. */
  get bytes(): number {
    return this.#unflushedBytes + this.#socket.writableLength;
  }

  /** How far the kernel has come with what was flushed. */
  get progress(): WriteProgress {
    const socket = this.#socket;
    return { finishedBytes: socket.bytesWritten - socket.writableLength, waitingBytes: waitingBytes(socket) };
  }

  addFrame(kind: FrameKind, body: Uint8Array): void {
    const size = body.length;
    const needed = size < BY_REFERENCE_BYTES ? MAX_HEADER_BYTES + size : MAX_HEADER_BYTES;
    if (this.#end + needed > this.#slab.length) this.#newSlab();
    const start = this.#end;
    const bodyAt = writeFrameHeader(this.#slab, start, kind, size);
    if (size < BY_REFERENCE_BYTES) {
      this.#slab.set(body, bodyAt);
      this.#end = bodyAt + size;
    } else {
      this.#end = bodyAt;
      this.#seal();
      this.#pending.push(body);
    }
    this.#unflushedBytes += bodyAt - start + size;
    if (this.#unflushedBytes >= AUTO_FLUSH_BYTES) this.flush();
  }

  flush(): void {
    if (this.#unflushedBytes === 0) return;
    this.#unflushedBytes = 0;
    const socket = this.#socket;
    if (this.#pending.length === 0) {
      const part = this.#slab.subarray(this.#start, this.#end);
      this.#start = this.#end;
      socket.write(part, this.#onWritten);
      return;
    }
    this.#seal();
    const parts = this.#pending;
    this.#pending = [];
    const last = parts.pop();
    socket.cork();
    for (const part of parts) socket.write(part);
    socket.write(last as Uint8Array, this.#onWritten);
    socket.uncork();
  }

  /** Flushes first, so that the write that empties a full slab is a plain one. */
  #newSlab(): void {
    this.flush();
    this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    this.#start = 0;
    this.#end = 0;
  }

  /** Puts the filled part of the slab in its place among the bodies that go by reference. */
  #seal(): void {
    if (this.#end > this.#start) this.#pending.push(this.#slab.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}

/** Node tells only its own handle how much is left of a write, which may be of many megabytes; it is all, failing that. */
function waitingBytes(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: { readonly writeQueueSize?: number } | null };
  return handle?.writeQueueSize ?? socket.writableLength;
}
