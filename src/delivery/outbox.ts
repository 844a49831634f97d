/**
 * The outbox: what was emitted and has not left yet, in order.
 *
 * Events emitted in one turn of the event loop under one name go out as one batch; another name closes the batch
 * first, so that the order across names holds. What the link does not take waits here, bounded in bytes; what is
 * over the bound is refused and counted, never dropped in silence. Whoever awaits `emit` is made to wait instead.
 */

import type { PublisherId } from '../wire/batch.js';
import { packPayload } from '../wire/payload.js';
import { encodeTopic } from '../wire/topic.js';
import { type Batch, BatchBuilder, type Channel } from './batch-builder.js';

export interface OutboxOptions {
  readonly publisher: PublisherId;
  /** A batch is closed before it grows beyond this. A larger event makes a batch of its own. */
  readonly maxBatchBytes: number;
  readonly maxEventBytes: number;
  /** Unsent bytes over which events are refused. */
  readonly maxBufferBytes: number;
  /** Unsent bytes over which {@link Outbox.room} makes callers wait. */
  readonly highWaterMark: number;
}

/** Where the outbox puts its batches. */
export interface OutboxLink {
  /** As {@link Transport.send}. */
  send(message: Buffer): boolean;
  flush(): void;
}

/** What became of an event that was offered: `local` ones have a name that does not travel. */
export type Acceptance = 'accepted' | 'local' | 'overflow';

/**
 * Bytes a caller who awaits each `emit` may push before it is given a turn of the event loop: awaiting promises
 * that are already resolved never leaves the microtask queue, and would starve timers and sockets.
 */
const TURN_BYTES = 256 * 1024;

/** Names whose numbering is remembered. Beyond it the oldest starts again at 0, which receivers understand. */
const MAX_CHANNELS = 100_000;

export class EventTooLargeError extends Error {
  constructor(bytes: number, limit: number) {
    super(`it has ${bytes} bytes, and \`maxEventBytes\` is ${limit}`);
  }
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #link: OutboxLink;
  readonly #builder: BatchBuilder;
  readonly #channels = new Map<PropertyKey, Channel>();
  /** Finished batches the link has not taken, oldest at `#head`. */
  #queue: Batch[] = [];
  #head = 0;
  #queuedBytes = 0;
  #turnBytes = 0;
  #linkOpen = false;
  #flushScheduled = false;
  #room: Deferred | undefined;
  #emptied: Deferred | undefined;

  constructor(options: OutboxOptions, link: OutboxLink) {
    this.#options = options;
    this.#link = link;
    this.#builder = new BatchBuilder(options.publisher, options.maxBatchBytes);
  }

  /** Bytes accepted that the link has not taken. */
  get bytes(): number {
    return this.#queuedBytes + this.#builder.openBytes;
  }

  /**
   * Takes one event for sending.
   *
   * @throws PayloadError if `value` cannot travel, EventTooLargeError if it is over the limit; then nothing was taken.
   */
  push(name: PropertyKey, value: unknown): Acceptance {
    const channel = this.#channels.get(name) ?? this.#openChannel(name);
    if (channel === undefined) return 'local';
    const payload = packPayload(value);
    const { length } = payload;
    if (length > this.#options.maxEventBytes)
      throw new EventTooLargeError(length, this.#options.maxEventBytes);
    if (this.bytes + length > this.#options.maxBufferBytes) return 'overflow';
    if (!this.#builder.fits(channel, length)) this.#finishBatch();
    this.#builder.add(channel, payload);
    this.#turnBytes += length;
    if (!this.#flushScheduled) this.#scheduleFlush();
    return 'accepted';
  }

  /** Resolves when more may be pushed; `undefined` when that is now. */
  room(): Promise<void> | undefined {
    if (this.#turnBytes < TURN_BYTES && this.bytes < this.#options.highWaterMark) return undefined;
    this.#room ??= defer();
    return this.#room.promise;
  }

  /** Closes the open batch, sends what the link takes, and resolves when nothing is left here. */
  async drained(): Promise<void> {
    this.flush();
    if (this.bytes === 0) return;
    this.#emptied ??= defer();
    await this.#emptied.promise;
  }

  /** Tells whether the link takes messages: at every change of its status, and when it has drained. */
  setLinkOpen(open: boolean): void {
    this.#linkOpen = open;
    this.#pump();
    this.#link.flush();
    this.#releaseWaiters();
  }

  /** Sends what is here, as far as the link takes it. */
  flush(): void {
    this.#finishBatch();
    this.#link.flush();
  }

  /** Gives up what is unsent and lets every waiter go. Returns how many events were given up. */
  discard(): number {
    this.#finishBatch();
    let events = 0;
    for (let i = this.#head; i < this.#queue.length; i += 1) events += (this.#queue[i] as Batch).count;
    this.#queue = [];
    this.#head = 0;
    this.#queuedBytes = 0;
    this.#turnBytes = 0;
    this.#releaseWaiters();
    return events;
  }

  #openChannel(name: PropertyKey): Channel | undefined {
    const topic = encodeTopic(name);
    if (topic === undefined) return undefined;
    if (this.#channels.size >= MAX_CHANNELS) {
      const oldest = this.#channels.keys().next();
      if (!oldest.done) this.#channels.delete(oldest.value);
    }
    const channel: Channel = { topic, sequence: 0, position: 0 };
    this.#channels.set(name, channel);
    return channel;
  }

  #finishBatch(): void {
    const batch = this.#builder.finish();
    if (batch === undefined) return;
    if (this.#linkOpen && this.#queuedBytes === 0) {
      this.#linkOpen = this.#link.send(batch.message);
      return;
    }
    this.#queue.push(batch);
    this.#queuedBytes += batch.message.length;
  }

  #pump(): void {
    while (this.#linkOpen && this.#head < this.#queue.length) {
      const { message } = this.#queue[this.#head] as Batch;
      this.#head += 1;
      this.#queuedBytes -= message.length;
      this.#linkOpen = this.#link.send(message);
    }
    // Half of it is past: the cost of moving the rest is paid for by what was sent.
    if (this.#head * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }

  /**
   * Right after the poll phase in which something was emitted: what one turn emits travels together, and an idle
   * link still sends at once.
   */
  #scheduleFlush(): void {
    this.#flushScheduled = true;
    setImmediate(() => {
      this.#flushScheduled = false;
      this.#turnBytes = 0;
      this.flush();
      this.#releaseWaiters();
    });
  }

  #releaseWaiters(): void {
    if (this.#emptied !== undefined && this.bytes === 0) {
      this.#emptied.resolve();
      this.#emptied = undefined;
    }
    if (this.#room === undefined || this.#turnBytes >= TURN_BYTES) return;
    // Half the mark, so that a writer at the limit gets room for more than one event.
    if (this.bytes > this.#options.highWaterMark / 2) return;
    this.#room.resolve();
    this.#room = undefined;
  }
}

interface Deferred {
  readonly promise: Promise<void>;
  resolve(): void;
}

function defer(): Deferred {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
