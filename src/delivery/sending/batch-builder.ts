/**
 * Builds batches: copies the packed events of one name, one after another, behind a topic and a header.
 *
 * Batches are cut from slabs that are never written twice, so that a finished batch may be kept by reference
 * (in the outbox, in the transport, in the history) for as long as anyone likes.
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
import type { Channel } from './channels.js';

/** A slab takes several batches, and is small enough for an idle emitter to own one. */
const MIN_SLAB_BYTES = 64 * 1024;
const BATCHES_PER_SLAB = 4;

/** A finished batch. */
export interface Batch {
  readonly message: Buffer;
  /** Events in it. */
  readonly count: number;
  readonly sequence: number;
  readonly channel: Channel;
  /** In milliseconds of the builder's clock. */
  readonly finishedAt: number;
}

export class BatchBuilder {
  readonly #publisher: PublisherId;
  readonly #maxBatchBytes: number;
  readonly #now: () => number;
  readonly #slabBytes: number;
  #slab: Buffer = Buffer.alloc(0);
  /** Where the open batch begins in the slab, and where its next byte goes. */
  #start = 0;
  #end = 0;
  #channel: Channel | undefined;
  #count = 0;
  /** Sequence of the last batch on any topic. */
  #sequence = 0;

  /** `now` is a clock in milliseconds that only goes forward. */
  constructor(publisher: PublisherId, maxBatchBytes: number, now: () => number) {
    this.#now = now;
    this.#publisher = publisher;
    this.#maxBatchBytes = maxBatchBytes;
    this.#slabBytes = Math.max(MIN_SLAB_BYTES, maxBatchBytes * BATCHES_PER_SLAB);
  }

  /** Bytes of the batch being built, 0 if there is none. */
  get openBytes(): number {
    return this.#end - this.#start;
  }

  /** Whether the open batch may take an event of `bytes` under `channel`, or has to be finished first. */
  fits(channel: Channel, bytes: number): boolean {
    if (this.#channel === undefined) return true;
    return channel === this.#channel && this.openBytes + bytes <= this.#roomEnd();
  }

  /** Adds an event to the open batch, or opens one with it. Only what {@link fits}. */
  add(channel: Channel, payload: Uint8Array): void {
    if (this.#channel === undefined) this.#open(channel, payload.length);
    this.#slab.set(payload, this.#end);
    this.#end += payload.length;
    this.#count += 1;
  }

  /** Ends the open batch and returns it, or `undefined` if there is none. */
  finish(): Batch | undefined {
    const channel = this.#channel;
    if (channel === undefined) return undefined;
    this.#sequence += 1;
    const now = this.#now();
    writeHeader(this.#slab, this.#start + channel.topic.length, {
      kind: MessageKind.batch,
      flags: FLAG_ANSWERS,
      count: this.#count,
      publisher: this.#publisher,
      sequence: this.#sequence,
      previous: channel.sequence,
      position: channel.position,
      elapsed: channel.sequence === 0 ? NO_ELAPSED : toElapsed(now - channel.finishedAt),
    });
    channel.sequence = this.#sequence;
    channel.position += this.#count;
    channel.finishedAt = now;
    const batch: Batch = {
      message: this.#slab.subarray(this.#start, this.#end),
      count: this.#count,
      sequence: this.#sequence,
      channel,
      finishedAt: now,
    };
    this.#channel = undefined;
    this.#count = 0;
    this.#start = this.#end;
    return batch;
  }

  /** How long the open batch may become: its limit, or what its slab has left. */
  #roomEnd(): number {
    return Math.min(this.#maxBatchBytes, this.#slab.length - this.#start);
  }

  #open(channel: Channel, payloadBytes: number): void {
    const needed = channel.topic.length + HEADER_BYTES + payloadBytes;
    if (needed > this.#slab.length - this.#end) {
      this.#slab = Buffer.allocUnsafeSlow(Math.max(this.#slabBytes, needed));
      this.#end = 0;
    }
    this.#start = this.#end;
    this.#slab.set(channel.topic, this.#end);
    this.#end += channel.topic.length + HEADER_BYTES;
    this.#channel = channel;
  }
}
