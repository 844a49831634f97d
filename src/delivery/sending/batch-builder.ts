/**
 * Builds batches: the packed events of one name, one after another, behind a topic and a header.
 *
 * Events are packed right where they will be sent from. Batches are cut from slabs that are not written to again before
 * {@link BatchBuilder.reuse}, so that a finished batch may be kept by reference, in the outbox, in the transport and in the
 * history; before each of them, room is left for what the transport frames it with.
 */
import {
  FLAG_ANSWERS,
  HEADER_BYTES,
  MessageKind,
  NO_ELAPSED,
  type PublisherId,
  toElapsed,
  writeHeader,
} from '../../wire/batch.js';
import { packInto, takeSpilled } from '../../wire/payload.js';
import type { Publication } from './publications.js';

/** A slab takes several batches, and is small enough for an idle emitter to own one. */
const MIN_SLAB_BYTES = 64 * 1024;
const BATCHES_PER_SLAB = 4;

/** With less than this left for events, a slab is not worth to begin a batch in. */
const MIN_ROOM_BYTES = 256;

/** Bytes of slabs that wait to be used again. In a steady flood, each one that is forgotten is needed at once. */
const MAX_SPARE_BYTES = 4 * 1024 * 1024;

/** A large event is expected to be as large as the last ones of its name, and a little more. */
const SLACK_BYTES = 1024;

const NO_SLAB = Buffer.alloc(0);

/** A finished batch. */
export interface Batch {
  readonly message: Buffer;
  /** Events in it. */
  readonly count: number;
  readonly sequence: number;
  readonly publication: Publication;
  /** In milliseconds of the builder's clock. */
  readonly finishedAt: number;
}

export interface BatchBuilderOptions {
  readonly publisher: PublisherId;
  /** A clock in milliseconds that only goes forward. */
  readonly now: () => number;
  /** Microseconds since 1970 at a time of that clock. */
  readonly timeAt: (now: number) => number;
  /** A batch does not grow beyond this. A larger event makes a batch of its own. */
  readonly maxBatchBytes: number;
  /** Bytes left free before each batch. */
  readonly headroom: number;
  /** Whether receivers can ask for batches that they missed. Default: true. */
  readonly answers?: boolean;
}

export class BatchBuilder {
  readonly #options: BatchBuilderOptions;
  readonly #slabBytes: number;
  /** Of every batch. */
  readonly #commonFlags: number;
  #slab: Buffer = NO_SLAB;
  #spareSlabs: Buffer[] = [];
  #spareBytes = 0;
  /** Where the last finished batch ends in the slab. */
  #free = 0;
  /** Where the open batch begins, and where its next event goes. */
  #start = 0;
  #end = 0;
  /** Whose batch is at `#start`. It is open once it has events. */
  #publication: Publication | undefined;
  #count = 0;
  /** {@link FLAG_ATTRIBUTES}, if the events of the open batch have attributes; else 0. */
  #flags = 0;
  /** The event that was packed last: `#packedBytes` from `#end` on, unless it had to be put aside. */
  #packedBytes = 0;
  #aside: Uint8Array | undefined;
  /** The slab that an event is being packed into. */
  #packing: Buffer | undefined;
  /** Sequence of the last batch on any topic. */
  #sequence = 0;

  constructor(options: BatchBuilderOptions) {
    this.#options = options;
    this.#slabBytes = Math.max(MIN_SLAB_BYTES, options.maxBatchBytes * BATCHES_PER_SLAB);
    this.#commonFlags = options.answers === false ? 0 : FLAG_ANSWERS;
  }

  /** Takes back a slab that nobody refers to any more: memory that was used before is much faster than new memory. */
  reuse(slab: ArrayBufferLike): void {
    // Nobody refers to it but who packs an event into it: a getter of that has emitted enough to make it forgotten.
    if (this.#packing !== undefined || this.#spareBytes + slab.byteLength > MAX_SPARE_BYTES) return;
    this.#spareBytes += slab.byteLength;
    this.#spareSlabs.push(Buffer.from(slab));
  }

  /** Gives the slabs back to the system that wait to be used again. */
  dropSpares(): void {
    this.#spareSlabs = [];
    this.#spareBytes = 0;
  }

  /** Bytes of the open batch, 0 if there is none. */
  get openBytes(): number {
    return this.#count === 0 ? 0 : this.#end - this.#start;
  }

  /**
   * Whether an event of `publication` may be packed now, or the open batch has to be finished first.
   *
   * @param flags {@link FLAG_ATTRIBUTES} or 0.
   */
  accepts(publication: Publication, flags = 0): boolean {
    if (this.#count === 0) return true;
    if (flags !== this.#flags) return false;
    return this.#publication === publication && this.#packing !== this.#slab && !this.#isLarge(publication);
  }

  /**
   * Packs an event. It is not part of a batch until {@link take}, and forgotten if that does not come.
   *
   * @returns how many bytes it has.
   * @throws PayloadError if `value` cannot travel.
   */
  pack(publication: Publication, value: unknown): number {
    const outer = this.#packing;
    // A getter of the value that is being packed has emitted: that one's bytes are where the next ones would go.
    if (outer === this.#slab) this.#slab = NO_SLAB;
    if (this.#count === 0) this.#begin(publication);
    const slab = this.#slab;
    const at = this.#publication === undefined ? slab.length : this.#end;
    this.#packing = slab;
    let end: number;
    try {
      end = packInto(value, slab, at);
    } finally {
      this.#packing = outer;
    }
    if (end < 0) this.#aside = takeSpilled();
    else this.#aside = slab === this.#slab ? undefined : slab.subarray(at, end);
    this.#packedBytes = this.#aside?.length ?? end - at;
    return this.#packedBytes;
  }

  /** Whether the event packed last may join the open batch, or that has to be finished first. */
  fits(publication: Publication, flags = 0): boolean {
    if (this.#count === 0) return true;
    if (flags !== this.#flags) return false;
    const bytes = this.#end + this.#packedBytes - this.#start;
    return (
      publication === this.#publication && this.#aside === undefined && bytes <= this.#options.maxBatchBytes
    );
  }

  /** Adds the event packed last to the open batch, or opens one with it. Only what {@link fits}. */
  take(publication: Publication, flags = 0): void {
    // It lies in its place, unless there was no room for it or the batch that it lies behind was finished meanwhile.
    if (this.#aside !== undefined || this.#publication !== publication) this.#move(publication);
    this.#end += this.#packedBytes;
    this.#count += 1;
    this.#flags = flags;
    publication.eventBytes = Math.min(publication.lastEventBytes, this.#packedBytes);
    publication.lastEventBytes = this.#packedBytes;
  }

  /** Forgets the event packed last. */
  drop(): void {
    this.#aside = undefined;
    this.#packedBytes = 0;
  }

  /** Ends the open batch and returns it, or `undefined` if there is none. */
  finish(): Batch | undefined {
    const publication = this.#publication;
    if (publication === undefined || this.#count === 0) return undefined;
    this.#sequence += 1;
    const now = this.#options.now();
    writeHeader(this.#slab, this.#start + publication.topic.length, {
      kind: MessageKind.batch,
      flags: this.#commonFlags | this.#flags,
      count: this.#count,
      publisher: this.#options.publisher,
      sequence: this.#sequence,
      previous: publication.sequence,
      position: publication.position,
      elapsed: publication.sequence === 0 ? NO_ELAPSED : toElapsed(now - publication.finishedAt),
      time: this.#options.timeAt(now),
    });
    publication.sequence = this.#sequence;
    publication.position += this.#count;
    publication.finishedAt = now;
    const batch: Batch = {
      message: this.#slab.subarray(this.#start, this.#end),
      count: this.#count,
      sequence: this.#sequence,
      publication,
      finishedAt: now,
    };
    this.#publication = undefined;
    this.#count = 0;
    this.#free = this.#end;
    return batch;
  }

  /** Whether the events of a name make batches of their own. */
  #isLarge({ eventBytes }: Publication): boolean {
    return eventBytes > this.#options.maxBatchBytes;
  }

  /** Begins a batch where its event can be packed in place, as far as can be told before. */
  #begin(publication: Publication): void {
    if (!this.#isLarge(publication)) {
      if (this.#place(publication, MIN_ROOM_BYTES)) this.#writeTopic(publication);
      return;
    }
    const bytes = publication.eventBytes + SLACK_BYTES;
    if (!this.#place(publication, bytes)) this.#placeAnew(publication, bytes);
    this.#writeTopic(publication);
  }

  /** Begins a batch behind the last one, if the slab has room for `bytes` of events in it. */
  #place(publication: Publication, bytes: number): boolean {
    const { headroom } = this.#options;
    const start = this.#free + headroom;
    const end = start + publication.topic.length + HEADER_BYTES;
    const hasRoom = end + bytes <= this.#slab.length;
    this.#publication = hasRoom ? publication : undefined;
    this.#start = start;
    this.#end = end;
    return hasRoom;
  }

  /** Begins a batch in another slab. */
  #placeAnew(publication: Publication, bytes: number): void {
    const needed = this.#options.headroom + publication.topic.length + HEADER_BYTES + bytes;
    this.#slab = this.#takeSpare(needed) ?? Buffer.allocUnsafeSlow(Math.max(this.#slabBytes, needed));
    this.#free = 0;
    this.#place(publication, bytes);
  }

  /** Not one that is much too large: it would be kept for very little. */
  #takeSpare(needed: number): Buffer | undefined {
    const spare = this.#spareSlabs.at(-1);
    if (spare === undefined) return undefined;
    if (spare.length >= needed && spare.length <= 2 * Math.max(this.#slabBytes, needed)) {
      this.#spareSlabs.pop();
      this.#spareBytes -= spare.length;
      return spare;
    }
    // Sizes have changed.
    this.dropSpares();
    return undefined;
  }

  #writeTopic({ topic }: Publication): void {
    for (let i = 0; i < topic.length; i += 1) this.#slab[this.#start + i] = topic[i] as number;
  }

  /** Begins a batch with the event packed last, wherever that lies. */
  #move(publication: Publication): void {
    const event = this.#aside ?? this.#slab.subarray(this.#end, this.#end + this.#packedBytes);
    if (!this.#place(publication, event.length)) this.#placeAnew(publication, event.length);
    this.#slab.set(event, this.#end);
    this.#aside = undefined;
    this.#writeTopic(publication);
  }
}
