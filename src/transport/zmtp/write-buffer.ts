/**
 * Many frames, few writes: what is sent between two flushes leaves in one system call, and what can be sent from where
 * it lies is not copied.
 *
 * What leaves next is a *run*: a part of one slab that grows at its end. A small frame is copied to the end of a slab of
 * this buffer's own. A message with room for a header before it gets its header there; if it lies right behind the run,
 * as messages do that were built one after another in one slab, the run just grows. What does not follow on begins a new
 * run, and the old one waits for it. Nothing written is touched again before the kernel has it all, so it may take its time.
 *
 * Sealed frames are all copied, and sealed where they were copied to.
 */
import type { Socket } from 'node:net';
import { type FrameKind, LONG_HEADER_BYTES, writeFrameHeader, writeLongFrameHeader } from './frames.js';
import type { WriteProgress } from './heartbeat.js';
import type { Sealer } from './mechanism.js';

/** For frames that are copied: subscriptions, commands, and the few messages that are built alone. */
const SLAB_BYTES = 16 * 1024;

/** From here on a second buffer in the write costs less than the copy. */
const BY_REFERENCE_BYTES = 4 * 1024;

/** Unflushed bytes at which waiting for more frames gains nothing. */
const AUTO_FLUSH_BYTES = 96 * 1024;

/** A run of so many bytes is worth a write of its own: one of several buffers costs more. */
const LONG_RUN_BYTES = 16 * 1024;

/** Of sealed frames, which are all copied: what leaves at once fits in, but for a last one that is large. */
const SEALED_SLAB_BYTES = 128 * 1024;

const EMPTY = Buffer.alloc(0);

export class WriteBuffer {
  readonly #socket: Socket;
  readonly #onWritten: () => void;
  /** The run: a part of a slab, this buffer's own or the one that messages were built in. */
  #slab: Buffer = EMPTY;
  #start = 0;
  #end = 0;
  /** Where frames are copied to, from `#ownEnd` on. */
  #own: Buffer = EMPTY;
  #ownEnd = 0;
  /** What leaves before the run. */
  #pending: Uint8Array[] = [];
  #unflushedBytes = 0;
  #sealer: Sealer | undefined;

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

  /** From here on, frames leave sealed. */
  protect(sealer: Sealer | undefined): void {
    this.#sealer = sealer;
  }

  addFrame(kind: FrameKind, body: Uint8Array): void {
    if (this.#sealer !== undefined) {
      this.#addSealed(this.#sealer, kind, body);
      return;
    }
    const size = body.length;
    const isCopied = size < BY_REFERENCE_BYTES;
    const needed = isCopied ? LONG_HEADER_BYTES + size : LONG_HEADER_BYTES;
    this.#reserve(needed, SLAB_BYTES);
    const start = this.#ownEnd;
    const bodyAt = writeFrameHeader(this.#own, start, kind, size);
    if (isCopied) this.#own.set(body, bodyAt);
    this.#ownEnd = isCopied ? bodyAt + size : bodyAt;
    this.#extend(this.#own, start, this.#ownEnd);
    if (!isCopied) {
      this.#endRun();
      this.#pending.push(body);
    }
    this.#count(bodyAt - start + size);
  }

  /** A message whose `LONG_HEADER_BYTES` before it, in its buffer, are free: sent from where it lies. */
  addMessageInPlace(message: Uint8Array): void {
    if (this.#sealer !== undefined) {
      this.#addSealed(this.#sealer, 'message', message);
      return;
    }
    const { buffer, byteOffset, length } = message;
    const slab = buffer === this.#slab.buffer ? this.#slab : Buffer.from(buffer);
    const start = byteOffset - LONG_HEADER_BYTES;
    // Always the long form: the size of the gap was decided before that of the message was known.
    writeLongFrameHeader(slab, start, length);
    this.#extend(slab, start, byteOffset + length);
    this.#count(LONG_HEADER_BYTES + length);
  }

  flush(): void {
    if (this.#unflushedBytes === 0) return;
    this.#unflushedBytes = 0;
    const socket = this.#socket;
    if (this.#pending.length === 0) {
      const run = this.#slab.subarray(this.#start, this.#end);
      this.#start = this.#end;
      socket.write(run, this.#onWritten);
      return;
    }
    this.#endRun();
    const parts = this.#pending;
    this.#pending = [];
    const last = parts.pop();
    socket.cork();
    for (const part of parts) socket.write(part);
    socket.write(last as Uint8Array, this.#onWritten);
    socket.uncork();
  }

  #addSealed(sealer: Sealer, kind: FrameKind, body: Uint8Array): void {
    const size = sealer.overheadBytes + body.length;
    this.#reserve(LONG_HEADER_BYTES + size, SEALED_SLAB_BYTES);
    const start = this.#ownEnd;
    const bodyAt = writeFrameHeader(this.#own, start, 'message', size);
    sealer.seal(kind, body, this.#own, bodyAt);
    this.#ownEnd = bodyAt + size;
    this.#extend(this.#own, start, this.#ownEnd);
    this.#count(this.#ownEnd - start);
  }

  /** Makes room for `bytes` in this buffer's own slab: if need be, in a new one of `slabBytes` or more. */
  #reserve(bytes: number, slabBytes: number): void {
    // The kernel has it all: it can be used again, while it still is in the processor's cache.
    if (this.#unflushedBytes === 0 && this.#socket.writableLength === 0) {
      this.#ownEnd = 0;
      if (this.#own.length > slabBytes) this.#own = EMPTY;
    }
    if (this.#ownEnd + bytes <= this.#own.length) return;
    this.#own = Buffer.allocUnsafeSlow(Math.max(bytes, slabBytes));
    this.#ownEnd = 0;
  }

  /** Adds a part of `slab` to what leaves: to the run, if it follows on. */
  #extend(slab: Buffer, start: number, end: number): void {
    if (slab !== this.#slab || start !== this.#end) {
      if (this.#pending.length === 0 && this.#end - this.#start >= LONG_RUN_BYTES) this.flush();
      else this.#endRun();
      this.#slab = slab;
      this.#start = start;
    }
    this.#end = end;
  }

  /** Puts the run in its place among what leaves before the next one. */
  #endRun(): void {
    if (this.#end > this.#start) this.#pending.push(this.#slab.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }

  #count(bytes: number): void {
    this.#unflushedBytes += bytes;
    if (this.#unflushedBytes >= AUTO_FLUSH_BYTES) this.flush();
  }
}

/** Node tells only its own handle how much is left of a write, which may be of many megabytes; it is all, failing that. */
function waitingBytes(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: { readonly writeQueueSize?: number } | null };
  return handle?.writeQueueSize ?? socket.writableLength;
}
