/**
 * The outbox: what was emitted and has not left yet, in order.
 *
 * Events emitted in one turn of the event loop under one name go out as one batch; another name closes the batch
 * first, so that the order across names holds. What the link does not take waits here, bounded in bytes; what is
 * over the bound is refused and counted, never dropped in silence. Whoever awaits `emit` is made to wait instead.
 */

import { type Attributes, toPair } from '../../wire/attributes.js';
import {
  addFlags,
  buildMessage,
  FLAG_ACKNOWLEDGE,
  FLAG_ATTRIBUTES,
  MessageKind,
  type PublisherId,
} from '../../wire/batch.js';
import { packPayload } from '../../wire/payload.js';
import { EVENTS, type Space } from '../../wire/space.js';
import { type Batch, BatchBuilder } from './batch-builder.js';
import { brake } from './brake.js';
import { HandedOver } from './handed-over.js';
import type { History } from './history.js';
import { Pacer } from './pacer.js';
import { EventTooLargeError, type Publications } from './publications.js';
import type { TailMarker } from './tail-marker.js';

export interface OutboxOptions {
  readonly publisher: PublisherId;
  /** A clock in milliseconds that only goes forward. */
  readonly now: () => number;
  /** Microseconds since 1970 at a time of that clock. */
  readonly timeAt: (now: number) => number;
  /** A batch is closed before it grows beyond this. A larger event makes a batch of its own. */
  readonly maxBatchBytes: number;
  readonly maxEventBytes: number;
  /** Unsent bytes over which events are refused. At least `maxEventBytes`. */
  readonly maxBufferBytes: number;
  /** Unsent bytes over which {@link Outbox.room} makes callers wait. */
  readonly highWaterMark: number;
  /** Bytes left free before each batch, for the link to put its framing there. Default: 0. */
  readonly headroom?: number;
  /** Whether receivers can be heard: if not, they are told to ask for nothing, and not waited for. Default: true. */
  readonly answers?: boolean;
  /** Whether receivers go on while this thread sleeps. */
  readonly canBrake?: boolean;
}

/** Where the outbox puts its batches. */
export interface OutboxLink {
  /** As {@link Transport.send}. */
  send(message: Buffer, headroom?: number): boolean;
  flush(): void;
  /** As {@link Transport.unconfirmedBytes}. */
  readonly unconfirmedBytes: number;
}

/** Who takes note of what was sent. */
export interface OutboxRecords {
  readonly publications: Publications;
  readonly history: History;
  readonly tailMarker: TailMarker;
}

/** What became of an event that was offered: `local` ones have a name that does not travel; `dropped` are volatile ones. */
export type Acceptance = 'accepted' | 'local' | 'overflow' | 'dropped';

/**
 * Bytes a caller who awaits each `emit` may push before it is given a turn of the event loop: awaiting promises
 * that are already resolved never leaves the microtask queue, and would starve timers and sockets.
 */
const TURN_BYTES = 256 * 1024;

/** A turn in which so much was emitted is a flood: only somebody who does not await `emit` gets there. */
const FLOOD_TURN_BYTES = TURN_BYTES / 2;

/** What an event counts for at least in that, so that tiny ones do not make a long turn. */
const MIN_EVENT_TURN_BYTES = 512;

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #link: OutboxLink;
  readonly #builder: BatchBuilder;
  readonly #pacer: Pacer;
  readonly #publications: Publications;
  readonly #history: History;
  readonly #tailMarker: TailMarker;
  /** Finished batches the link has not taken, oldest at `#head`. */
  #queue: Batch[] = [];
  #head = 0;
  #queuedBytes = 0;
  readonly #handedOver = new HandedOver();
  /** Events that may be lost with an earlier link, and those sent since then; `undefined` if there is no doubt. */
  #doubtful: number | undefined;
  #lastSentAt = Number.NEGATIVE_INFINITY;
  #turnBytes = 0;
  #isLinkUp = false;
  #linkOpen = false;
  #flushScheduled = false;
  #room: Deferred | undefined;
  #emptied: Deferred | undefined;

  constructor(options: OutboxOptions, link: OutboxLink, records: OutboxRecords) {
    this.#options = options;
    this.#link = link;
    this.#publications = records.publications;
    this.#history = records.history;
    this.#tailMarker = records.tailMarker;
    this.#pacer = new Pacer(options.now, () => this.#resume(), options.answers);
    this.#builder = new BatchBuilder({ ...options, headroom: options.headroom ?? 0 });
    this.#history.onForgotten = (slab) => {
      // What the link may still need was sent after it, and is among what is kept. The builder sees to what is being packed.
      if (link.unconfirmedBytes <= this.#history.messageBytes) this.#builder.reuse(slab);
    };
    this.#history.onEmptied = () => this.#builder.dropSpares();
  }

  /** When a batch was last handed to the link. */
  get lastSentAt(): number {
    return this.#lastSentAt;
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
  push(name: PropertyKey, value: unknown, space: Space = EVENTS, attributes?: Attributes): Acceptance {
    const publication = this.#publications.of(name, space);
    if (publication === undefined) return 'local';
    const builder = this.#builder;
    const flags = attributes === undefined ? 0 : FLAG_ATTRIBUTES;
    if (!builder.accepts(publication, flags)) this.#finishBatch();
    const bytes = builder.pack(publication, attributes === undefined ? value : toPair(attributes, value));
    this.#checkSize(bytes);
    if (!this.#hasRoomFor(bytes)) {
      builder.drop();
      return 'overflow';
    }
    if (!builder.fits(publication, flags)) this.#finishBatch();
    builder.take(publication, flags);
    this.#turnBytes += Math.max(bytes, MIN_EVENT_TURN_BYTES);
    if (!this.#flushScheduled) this.#scheduleFlush();
    return 'accepted';
  }

  /**
   * Sends one event at once, after what was pushed before, or drops it: if the link is not up or takes no more, and if
   * anything waits here. It has no number, and nobody can ask for it again.
   *
   * @throws as {@link push}.
   */
  pushVolatile(name: PropertyKey, value: unknown, space: Space, attributes?: Attributes): Acceptance {
    const publication = this.#publications.of(name, space);
    if (publication === undefined) return 'local';
    // First, so that one that is dropped costs next to nothing, and does not end a batch before it is full.
    if (this.#queuedBytes > 0 || !this.#canSend) return 'dropped';
    const body = packPayload(attributes === undefined ? value : toPair(attributes, value));
    this.#checkSize(body.length);
    this.#finishBatch();
    if (this.#queuedBytes > 0 || !this.#canSend) return 'dropped';
    const { publisher, now, timeAt } = this.#options;
    const flags = attributes === undefined ? 0 : FLAG_ATTRIBUTES;
    const content = { kind: MessageKind.volatile, flags, publisher, time: timeAt(now()) };
    this.sendBeside(buildMessage(publication.topic, content, body));
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
    this.#isLinkUp = open;
    this.#linkOpen = open;
    this.#resume();
  }

  /**
   * Sends a message that is no batch of events at once, past what waits here.
   *
   * @returns as {@link Transport.send}.
   */
  sendBeside(message: Buffer): boolean {
    const isWelcome = this.#link.send(message);
    if (!isWelcome) this.#linkOpen = false;
    this.#noteHandedOver(message.length, 0);
    return isWelcome;
  }

  /** On a new link: acknowledgements that are missing may have been lost. */
  forgetReceivers(): void {
    this.#pacer.reset();
  }

  /** A receiver asks for what it missed. */
  heard(receiver: PublisherId): void {
    this.#pacer.heard(receiver);
  }

  /** A receiver has delivered the batch with `sequence`. */
  acknowledge(receiver: PublisherId, sequence: number): void {
    this.#pacer.acknowledge(receiver, sequence);
  }

  /** Sends what is here, as far as the link takes it. */
  flush(): void {
    this.#finishBatch();
    this.#link.flush();
  }

  /** What the link has not confirmed may be lost, and so may what follows, until {@link trust}. */
  doubt(): void {
    this.#handedOver.keepLast(this.#link.unconfirmedBytes);
    this.#doubtful ??= this.#handedOver.events;
  }

  /** Receivers have had the time to ask for what was lost. */
  trust(): void {
    this.#doubtful = undefined;
  }

  /**
   * Gives up what is unsent, what is in doubt, and the last `unconfirmedBytes` that the link took. Lets every waiter go.
   *
   * @returns how many events were given up.
   */
  discard(unconfirmedBytes: number): number {
    this.#finishBatch();
    this.#handedOver.keepLast(unconfirmedBytes);
    // What is in doubt includes it.
    let given = this.#doubtful ?? this.#handedOver.events;
    this.#handedOver.keepLast(0);
    this.#doubtful = undefined;
    for (let i = this.#head; i < this.#queue.length; i += 1) given += (this.#queue[i] as Batch).count;
    this.#queue = [];
    this.#head = 0;
    this.#queuedBytes = 0;
    this.#turnBytes = 0;
    this.#pacer.stop();
    this.#releaseWaiters();
    return given;
  }

  #checkSize(bytes: number): void {
    const { maxEventBytes } = this.#options;
    if (bytes <= maxEventBytes) return;
    this.#builder.drop();
    throw new EventTooLargeError(`it has ${bytes} bytes, and \`maxEventBytes\` is ${maxEventBytes}`);
  }

  /**
   * Within the limit, or at the level at which {@link room} lets callers go on: whoever awaits each event is never
   * refused one, however large.
   */
  #hasRoomFor(bytes: number): boolean {
    return (
      this.bytes + bytes <= this.#options.maxBufferBytes || this.bytes <= this.#options.highWaterMark / 2
    );
  }

  #finishBatch(): void {
    const batch = this.#builder.finish();
    if (batch === undefined) return;
    if (this.#queuedBytes === 0 && this.#canSend) {
      this.#send(batch, batch.finishedAt);
      return;
    }
    this.#queue.push(batch);
    this.#queuedBytes += batch.message.length;
  }

  get #canSend(): boolean {
    return this.#linkOpen && this.#pacer.isOpen;
  }

  #resume(): void {
    this.#pump();
    this.#link.flush();
    this.#releaseWaiters();
  }

  #send(batch: Batch, now: number): void {
    const { message, count, sequence, publication } = batch;
    // By when it is sent: it may have waited here for longer than anybody is waited for.
    if (this.#pacer.count(sequence, message.length, publication.audience, now)) {
      addFlags(message, publication.topic.length, FLAG_ACKNOWLEDGE);
    }
    this.#linkOpen = this.#link.send(message, this.#options.headroom);
    publication.sentSequence = sequence;
    publication.sentAt = now;
    this.#lastSentAt = now;
    if (this.#doubtful !== undefined) this.#doubtful += count;
    this.#history.add(batch, now);
    this.#tailMarker.sent(publication);
    this.#noteHandedOver(message.length, count);
  }

  #noteHandedOver(bytes: number, events: number): void {
    this.#handedOver.add(bytes, events);
    if (this.#handedOver.isDue) this.#handedOver.keepLast(this.#link.unconfirmedBytes);
  }

  #pump(): void {
    const now = this.#options.now();
    while (this.#head < this.#queue.length && this.#canSend) {
      const batch = this.#queue[this.#head] as Batch;
      this.#head += 1;
      this.#queuedBytes -= batch.message.length;
      this.#send(batch, now);
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
      const isFlood = this.#turnBytes >= FLOOD_TURN_BYTES;
      this.#flushScheduled = false;
      this.#turnBytes = 0;
      this.flush();
      // While the link is down, waiting would be in vain.
      if (isFlood && this.#isLinkUp && this.#options.canBrake)
        brake(this.bytes, this.#options.highWaterMark, this.#options.maxBufferBytes);
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
