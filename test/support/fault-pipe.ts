/** One direction of one connection through the fault proxy: bytes from one socket to the other, and their end. */
import type { Socket } from 'node:net';

export type Direction = 'toTarget' | 'toClient';

/** What is wrong with the network at present; the proxy changes it, all its pipes look at it. */
export interface Faults {
  readonly blocked: Set<Direction>;
  delayMs: number;
  bytesPerSecond: number | undefined;
  mutate: ((chunk: Buffer, direction: Direction) => Buffer) | undefined;
}

/** Bytes held here at which the source is no longer read. Those that are delayed are on their way, not in a queue. */
const MAX_HELD_BYTES = 64 * 1024;
const MAX_DELAYED_BYTES = 64 * 1024 * 1024;

/** A throttled pipe writes at least so often. */
const THROTTLE_STEP_MS = 20;

export class Pipe {
  readonly #direction: Direction;
  readonly #source: Socket;
  readonly #destination: Socket;
  readonly #faults: Faults;
  #held: { readonly chunk: Buffer; readonly dueAt: number }[] = [];
  #heldBytes = 0;
  /** How the source ended, which is passed on behind its last byte. */
  #end: 'open' | 'ended' | 'broken' | 'passed on' = 'open';
  #nextWriteAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(direction: Direction, source: Socket, destination: Socket, faults: Faults) {
    this.#direction = direction;
    this.#source = source;
    this.#destination = destination;
    this.#faults = faults;
    source.on('data', (chunk: Buffer) => this.#take(chunk));
    source.on('end', () => this.#ended('ended'));
    source.on('close', (hadError) => {
      // The close that follows an orderly end says nothing new, unless the peer was gone before it read all.
      if (hadError || this.#end === 'open') this.#ended('broken');
    });
    destination.on('drain', () => this.pump());
    destination.on('connect', () => this.pump());
  }

  /** Passes on what may pass now, and sees to it that the rest follows in its time. */
  pump(): void {
    clearTimeout(this.#timer);
    const blocked = this.#faults.blocked.has(this.#direction);
    if (!blocked) this.#passOn();
    const limit = this.#faults.delayMs > 0 ? MAX_DELAYED_BYTES : MAX_HELD_BYTES;
    if (blocked || this.#heldBytes >= limit || this.#destination.writableNeedDrain) this.#source.pause();
    else this.#source.resume();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#held = [];
  }

  #take(chunk: Buffer): void {
    const { mutate, delayMs } = this.#faults;
    const bytes = mutate === undefined ? chunk : mutate(chunk, this.#direction);
    if (bytes.length > 0) {
      this.#held.push({ chunk: bytes, dueAt: delayMs > 0 ? performance.now() + delayMs : 0 });
      this.#heldBytes += bytes.length;
    }
    this.pump();
  }

  #passOn(): void {
    // Who is gone takes nothing; the other side learns of it by its own pipe.
    if (this.#destination.destroyed) {
      this.#held = [];
      this.#heldBytes = 0;
      return;
    }
    if (this.#destination.connecting) return;
    for (let head = this.#held[0]; head !== undefined; head = this.#held[0]) {
      if (this.#destination.writableNeedDrain) return;
      const waitMs = Math.max(head.dueAt, this.#nextWriteAt) - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.pump(), waitMs);
        return;
      }
      this.#write(head.chunk, head.dueAt);
    }
    if (this.#end === 'ended') this.#destination.end();
    else if (this.#end === 'broken') this.#destination.resetAndDestroy();
    if (this.#end !== 'open') this.#end = 'passed on';
  }

  /** Writes as much of the first chunk as the throttle allows. */
  #write(chunk: Buffer, dueAt: number): void {
    const { bytesPerSecond } = this.#faults;
    let part = chunk;
    if (bytesPerSecond !== undefined) {
      part = chunk.subarray(0, Math.max(1, Math.floor((bytesPerSecond * THROTTLE_STEP_MS) / 1_000)));
      this.#nextWriteAt = performance.now() + (part.length / bytesPerSecond) * 1_000;
    } else {
      this.#nextWriteAt = 0;
    }
    if (part.length === chunk.length) this.#held.shift();
    else this.#held[0] = { chunk: chunk.subarray(part.length), dueAt };
    this.#heldBytes -= part.length;
    this.#destination.write(part);
  }

  #ended(how: 'ended' | 'broken'): void {
    this.#end = how;
    this.pump();
  }
}
