/**
 * Bodies of the messages by which receivers get what they missed (docs/protocol.md, section 6). Integers are
 * big-endian; 64-bit fields hold at most 53 bits; topics are whole, with their NUL.
 *
 * | kind       | under topic       | header                                                | body |
 * |------------|-------------------|-------------------------------------------------------|------|
 * | `tail`     | the event's       | sequence, position: after the last batch; its age     | none |
 * | `request`  | publisher's inbox | sequence: number of the request                       | after 8, before 8, max. age 4, topics |
 * | `replay`   | requester's inbox | sequence: the request's; previous: index; age         | the batch's whole message |
 * | `replayed` | requester's inbox | sequence: the request's                               | through 8, gone 8, last 8, replays 4 |
 * | `inquiry`  | all emitters'     | age: how far back                                     | topics |
 * | `tails`    | inquirer's inbox  | –                                                     | count 4, per topic: sequence 8, position 8, age 4, topic |
 *
 * Ages are in the header's `elapsed`, in its unit. *Topics* is a count (4 bytes, 0 for all events) and then each topic;
 * a topic is its length (2 bytes) and its bytes.
 */
import { fromElapsed, toElapsed } from './batch.js';
import { readUint32, readUint64, writeUint32, writeUint64 } from './integers.js';

/** What a receiver asks a publisher for. */
export interface Request {
  /** Batches with a sequence beyond this one… */
  readonly after: number;
  /** …and below this one; 0 for all that have been sent. */
  readonly before: number;
  /** Sent at most so long ago, in milliseconds; may be infinite. */
  readonly maxAgeMs: number;
  /** Whole topics; none for those of all events. */
  readonly topics: readonly Buffer[];
}

/** The end of an answer. */
export interface Replayed {
  /** Every batch asked for with a sequence up to this one was replayed now or is gone. */
  readonly through: number;
  /** Batches up to this one, or some of them, are not in the history any more; 0 if all that were asked for are. */
  readonly gone: number;
  /** The last batch that was sent. */
  readonly last: number;
  /** How many `replay` messages came before this. */
  readonly replays: number;
}

/** How far a publisher has come with a topic. */
export interface Tail {
  readonly topic: Buffer;
  /** Of the last batch that was sent. */
  readonly sequence: number;
  /** Events sent on the topic so far. */
  readonly position: number;
  /** Since that batch, as in a header. */
  readonly elapsed: number;
}

const REQUEST_BYTES = 20;
const REPLAYED_BYTES = 28;
const TAIL_BYTES = 22;
const COUNT_BYTES = 4;
const LENGTH_BYTES = 2;

/**
 * Longer lists are refused before they are looked at. Who listens to topics of more than half of the first asks for all
 * events; tails come in messages of half of the second.
 */
export const MAX_TOPICS_BYTES = 32 * 1024;
const MAX_TAILS_BYTES = 128 * 1024;

/** The shortest topic: a kind, a tag and the NUL. Shorter ones would only make long lists of few bytes. */
const MIN_TOPIC_BYTES = 3;

export function encodeRequest({ after, before, maxAgeMs, topics }: Request): Buffer {
  const body = Buffer.allocUnsafe(REQUEST_BYTES);
  writeUint64(body, 0, after);
  writeUint64(body, 8, before);
  writeUint32(body, 16, toElapsed(maxAgeMs));
  return Buffer.concat([body, encodeTopics(topics)]);
}

/** `undefined` if the bytes are no request. */
export function decodeRequest(body: Buffer): Request | undefined {
  if (body.length < REQUEST_BYTES) return undefined;
  const after = readUint64(body, 0);
  const before = readUint64(body, 8);
  const topics = decodeTopics(body.subarray(REQUEST_BYTES));
  if (Number.isNaN(after + before) || topics === undefined) return undefined;
  return { after, before, maxAgeMs: fromElapsed(readUint32(body, 16)), topics };
}

export function encodeReplayed({ through, gone, last, replays }: Replayed): Buffer {
  const body = Buffer.allocUnsafe(REPLAYED_BYTES);
  writeUint64(body, 0, through);
  writeUint64(body, 8, gone);
  writeUint64(body, 16, last);
  writeUint32(body, 24, replays);
  return body;
}

/** `undefined` if the bytes are none. */
export function decodeReplayed(body: Buffer): Replayed | undefined {
  if (body.length !== REPLAYED_BYTES) return undefined;
  const through = readUint64(body, 0);
  const gone = readUint64(body, 8);
  const last = readUint64(body, 16);
  if (Number.isNaN(through + gone + last)) return undefined;
  return { through, gone, last, replays: readUint32(body, 24) };
}

export function encodeTopics(topics: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [uint32(topics.length)];
  for (const topic of topics) parts.push(uint16(topic.length), topic);
  return Buffer.concat(parts);
}

/** `undefined` if the bytes are no list of topics. */
export function decodeTopics(body: Buffer): Buffer[] | undefined {
  if (body.length < COUNT_BYTES || body.length > MAX_TOPICS_BYTES) return undefined;
  const count = readUint32(body, 0);
  const topics: Buffer[] = [];
  let at = COUNT_BYTES;
  for (let i = 0; i < count; i += 1) {
    const topic = topicAt(body, at);
    if (topic === undefined) return undefined;
    topics.push(topic);
    at += LENGTH_BYTES + topic.length;
  }
  return at === body.length ? topics : undefined;
}

export function encodeTails(tails: readonly Tail[]): Buffer {
  const parts: Buffer[] = [uint32(tails.length)];
  for (const { topic, sequence, position, elapsed } of tails) {
    const head = Buffer.allocUnsafe(TAIL_BYTES);
    writeUint64(head, 0, sequence);
    writeUint64(head, 8, position);
    writeUint32(head, 16, elapsed);
    head.writeUInt16BE(topic.length, 20);
    parts.push(head, topic);
  }
  return Buffer.concat(parts);
}

/** `undefined` if the bytes are no list of tails. */
export function decodeTails(body: Buffer): Tail[] | undefined {
  if (body.length < COUNT_BYTES || body.length > MAX_TAILS_BYTES) return undefined;
  const count = readUint32(body, 0);
  const tails: Tail[] = [];
  let at = COUNT_BYTES;
  for (let i = 0; i < count; i += 1) {
    const topicLengthAt = at + TAIL_BYTES - LENGTH_BYTES;
    const topic = topicAt(body, topicLengthAt);
    if (topic === undefined) return undefined;
    const sequence = readUint64(body, at);
    const position = readUint64(body, at + 8);
    if (Number.isNaN(sequence + position)) return undefined;
    tails.push({ topic, sequence, position, elapsed: readUint32(body, at + 16) });
    at += TAIL_BYTES + topic.length;
  }
  return at === body.length ? tails : undefined;
}

/** The topic whose length is at `at`, if it is one and all there. */
function topicAt(body: Buffer, at: number): Buffer | undefined {
  const start = at + LENGTH_BYTES;
  if (start > body.length) return undefined;
  const end = start + (((body[at] as number) << 8) | (body[at + 1] as number));
  return end - start >= MIN_TOPIC_BYTES && end <= body.length ? body.subarray(start, end) : undefined;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(COUNT_BYTES);
  writeUint32(bytes, 0, value);
  return bytes;
}

function uint16(value: number): Buffer {
  return Buffer.from([value >>> 8, value & 0xff]);
}
