/**
 * What an emitter says of itself (docs/protocol.md, section 10): the body of an announcement. Beats, roll calls and
 * farewells have none. Integers are big-endian; the interval is in the unit of `elapsed`.
 *
 * | offset | size | field                                                     |
 * |-------:|-----:|-----------------------------------------------------------|
 * |      0 |    8 | since: milliseconds since 1970, by the sender's own clock |
 * |      8 |    4 | interval between its beats                                |
 * |     12 |    4 | process id                                                |
 * |     16 |    4 | thread id, 0 for the main thread                          |
 * |     20 |    2 | length of the host name                                   |
 * |     22 |    2 | length of the name, 0 if there is none                    |
 * |     24 |      | host name, then name, in UTF-8                            |
 * |        |      | to the end: meta, one payload; nothing if there is none   |
 */
import { isUtf8 } from 'node:buffer';
import { fromElapsed, toElapsed } from './batch.js';
import { readUint32, readUint64, writeUint32, writeUint64 } from './integers.js';
import { PayloadError, unpackPayloads } from './payload.js';

/** Of a name, in UTF-16 code units. */
export const MAX_NAME_LENGTH = 255;
export const MAX_META_BYTES = 16 * 1024;

/** Faster or slower beats are taken for these: a stranger decides neither how often we look nor for how long we wait. */
export const MIN_INTERVAL_MS = 100;
export const MAX_INTERVAL_MS = 3_600_000;

const FIXED_BYTES = 24;
const MAX_HOST_BYTES = 1024;
const MAX_NAME_BYTES = 3 * MAX_NAME_LENGTH;

/** What a Date can hold. */
const MAX_DATE = 8.64e15;

export interface Announcement {
  /** In milliseconds since 1970. */
  readonly since: number;
  readonly intervalMs: number;
  readonly pid: number;
  /** 0 for the main thread. */
  readonly threadId: number;
  readonly host: string;
  /** Empty if there is none. */
  readonly name: string;
  /** As msgpack; empty if there is none. */
  readonly meta: Uint8Array;
}

export function encodeAnnouncement(announcement: Announcement): Buffer {
  const { since, intervalMs, pid, threadId, meta } = announcement;
  const host = Buffer.from(announcement.host);
  const name = Buffer.from(announcement.name);
  const fixed = Buffer.allocUnsafe(FIXED_BYTES);
  writeUint64(fixed, 0, since);
  writeUint32(fixed, 8, toElapsed(intervalMs));
  writeUint32(fixed, 12, pid);
  writeUint32(fixed, 16, threadId);
  fixed.writeUInt16BE(host.length, 20);
  fixed.writeUInt16BE(name.length, 22);
  return Buffer.concat([fixed, host, name, meta]);
}

/** `undefined` if the bytes are no announcement. What it returns refers to them. */
export function decodeAnnouncement(body: Buffer): Announcement | undefined {
  if (body.length < FIXED_BYTES) return undefined;
  const since = readUint64(body, 0);
  const hostBytes = body.readUInt16BE(20);
  const nameBytes = body.readUInt16BE(22);
  // Not a number: beyond 53 bits.
  if (!(since <= MAX_DATE) || hostBytes > MAX_HOST_BYTES || nameBytes > MAX_NAME_BYTES) return undefined;
  const nameAt = FIXED_BYTES + hostBytes;
  const metaAt = nameAt + nameBytes;
  const texts = body.subarray(FIXED_BYTES, metaAt);
  const meta = body.subarray(metaAt);
  if (metaAt > body.length || !isUtf8(texts) || !isMeta(meta)) return undefined;
  const host = body.toString('utf8', FIXED_BYTES, nameAt);
  const name = body.toString('utf8', nameAt, metaAt);
  if (name.length > MAX_NAME_LENGTH) return undefined;
  const intervalMs = Math.min(Math.max(MIN_INTERVAL_MS, fromElapsed(readUint32(body, 8))), MAX_INTERVAL_MS);
  return { since, intervalMs, pid: readUint32(body, 12), threadId: readUint32(body, 16), host, name, meta };
}

/** Whether the bytes are none, or one payload. */
function isMeta(bytes: Buffer): boolean {
  if (bytes.length === 0) return true;
  if (bytes.length > MAX_META_BYTES) return false;
  try {
    unpackPayloads(bytes, 0, 1);
    return true;
  } catch (error) {
    if (error instanceof PayloadError) return false;
    throw error;
  }
}
