/**
 * Messages: topic, header, body (docs/protocol.md, section 3). A *batch* is one message with the events that one
 * emitter emitted in a row under one name. All integers are big-endian; 64-bit fields hold at most 53 bits.
 *
 * | offset | size | field                                                                           |
 * |-------:|-----:|---------------------------------------------------------------------------------|
 * |      0 |    1 | version, 1                                                                      |
 * |      1 |    1 | kind: 1 batch, 2 probe, 3 acknowledgement, 4 to 9 see `recovery.ts`, 10 volatile, 11 to 14 see `presence.ts`, 15 to 17 retained values |
 * |      2 |    2 | flags: 1 acknowledge, 2 answers requests, 4 attributes                          |
 * |      4 |    4 | count: events in the body, at least 1                                           |
 * |      8 |    8 | publisher: random identity of the emitter that sends it                         |
 * |     16 |    8 | sequence: number of this batch among all of its publisher's, from 1             |
 * |     24 |    8 | previous: sequence of the publisher's batch before this one on this topic, or 0 |
 * |     32 |    8 | position: events the publisher emitted on this topic before this batch          |
 * |     40 |    4 | elapsed: since the previous batch on this topic, in tenths of a millisecond     |
 * |     44 |    8 | time: when it was finished, in microseconds since 1970, by the publisher's clock |
 */
import { randomBytes } from 'node:crypto';
import { readUint32, readUint64, TWO_32, writeUint32, writeUint64 } from './integers.js';

export const WIRE_VERSION = 1;
export const HEADER_BYTES = 52;

/** In `elapsed`: there is no previous batch, or it was sent longer ago than the field can say (five days). */
export const NO_ELAPSED = 0xffff_ffff;
const ELAPSED_PER_MS = 10;

export const MessageKind = {
  batch: 1,
  probe: 2,
  acknowledgement: 3,
  tail: 4,
  request: 5,
  replay: 6,
  replayed: 7,
  inquiry: 8,
  tails: 9,
  volatile: 10,
  announcement: 11,
  beat: 12,
  rollCall: 13,
  farewell: 14,
  retainedQuery: 15,
  retained: 16,
  holder: 17,
} as const;

/** The sender asks every receiver to acknowledge this batch once it has delivered it. */
export const FLAG_ACKNOWLEDGE = 1;
/** On batches and tails: the sender answers requests for what was missed. */
export const FLAG_ANSWERS = 2;
/** On batches and volatile messages: each value is a pair of attributes and data (attributes.ts). */
export const FLAG_ATTRIBUTES = 4;
const KNOWN_FLAGS = FLAG_ACKNOWLEDGE | FLAG_ANSWERS | FLAG_ATTRIBUTES;
const FLAGS_OFFSET = 2;

export type MessageKind = (typeof MessageKind)[keyof typeof MessageKind];

/** An emitter's identity: 53 random bits, so that it is an exact number and the chance of a collision is nil. */
export type PublisherId = number;

const MAX_HIGH_WORD = 0x1f_ffff;
const TWO_28 = 0x1000_0000;

export interface Header {
  kind: number;
  flags: number;
  count: number;
  publisher: PublisherId;
  sequence: number;
  previous: number;
  position: number;
  elapsed: number;
  time: number;
}

/** For {@link readHeader} to fill. */
export function emptyHeader(): Header {
  const numbers = { publisher: 0, sequence: 0, previous: 0, position: 0, elapsed: 0, time: 0 };
  return { kind: 0, flags: 0, count: 0, ...numbers };
}

/** Milliseconds as `elapsed` has them. */
export function toElapsed(ms: number): number {
  return Math.min(Math.max(0, Math.round(ms * ELAPSED_PER_MS)), NO_ELAPSED);
}

/** `elapsed` in milliseconds; infinite if the field could not say it. */
export function fromElapsed(elapsed: number): number {
  return elapsed === NO_ELAPSED ? Number.POSITIVE_INFINITY : elapsed / ELAPSED_PER_MS;
}

const NO_BODY = new Uint8Array(0);

export function randomPublisherId(): PublisherId {
  const bytes = randomBytes(8);
  return (bytes.readUInt32BE(0) & MAX_HIGH_WORD) * TWO_32 + bytes.readUInt32BE(4);
}

/** As in `emitter.id`, in topics and in errors: 14 hexadecimal digits. */
export function formatPublisherId(id: PublisherId): string {
  // In two halves: small integers are written several times as fast as what only a double holds.
  return hexHalf(Math.floor(id / TWO_28)) + hexHalf(id % TWO_28);
}

function hexHalf(half: number): string {
  return half.toString(16).padStart(7, '0');
}

/** Writes `header` into `target` at `offset`: {@link HEADER_BYTES} bytes. */
export function writeHeader(target: Buffer, offset: number, header: Readonly<Header>): void {
  target[offset] = WIRE_VERSION;
  target[offset + 1] = header.kind;
  target[offset + FLAGS_OFFSET] = header.flags >>> 8;
  target[offset + FLAGS_OFFSET + 1] = header.flags;
  writeUint32(target, offset + 4, header.count);
  writeUint64(target, offset + 8, header.publisher);
  writeUint64(target, offset + 16, header.sequence);
  writeUint64(target, offset + 24, header.previous);
  writeUint64(target, offset + 32, header.position);
  writeUint32(target, offset + 40, header.elapsed);
  writeUint64(target, offset + 44, header.time);
}

/** Adds flags, of the lower eight, to those of a message whose header is at `offset`. */
export function addFlags(message: Buffer, offset: number, flags: number): void {
  const at = offset + FLAGS_OFFSET + 1;
  message[at] = (message[at] as number) | flags;
}

/** A whole message. Fields of `header` that are left out are 0, the count 1. */
export function buildMessage(
  topic: Uint8Array,
  {
    kind,
    flags = 0,
    count = 1,
    publisher,
    sequence = 0,
    previous = 0,
    position = 0,
    elapsed = 0,
    time = 0,
  }: Pick<Header, 'kind' | 'publisher'> & Partial<Header>,
  body: Uint8Array = NO_BODY,
): Buffer {
  const message = Buffer.allocUnsafe(topic.length + HEADER_BYTES + body.length);
  message.set(topic);
  const header = { kind, flags, count, publisher, sequence, previous, position, elapsed, time };
  writeHeader(message, topic.length, header);
  message.set(body, topic.length + HEADER_BYTES);
  return message;
}

/** Fills `into` from `source` at `offset`, or returns what is wrong with the bytes there. */
export function readHeader(source: Buffer, offset: number, into: Header): string | undefined {
  if (source.length - offset < HEADER_BYTES) return `is cut short: ${source.length} bytes`;
  if (source[offset] !== WIRE_VERSION) return `has version ${source[offset]}, expected ${WIRE_VERSION}`;
  into.flags =
    ((source[offset + FLAGS_OFFSET] as number) << 8) | (source[offset + FLAGS_OFFSET + 1] as number);
  if ((into.flags & ~KNOWN_FLAGS) !== 0) return 'has flags that version 1 does not know';
  into.kind = source[offset + 1] as number;
  into.count = readUint32(source, offset + 4);
  if (into.count === 0) return 'counts no events';
  into.publisher = readUint64(source, offset + 8);
  into.sequence = readUint64(source, offset + 16);
  into.previous = readUint64(source, offset + 24);
  into.position = readUint64(source, offset + 32);
  into.elapsed = readUint32(source, offset + 40);
  into.time = readUint64(source, offset + 44);
  const exact = into.publisher + into.sequence + into.previous + into.position + into.time;
  if (Number.isNaN(exact)) return 'has a number of more than 53 bits';
  return undefined;
}
