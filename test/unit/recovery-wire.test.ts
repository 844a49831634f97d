import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeReplayed,
  decodeRequest,
  decodeTails,
  decodeTopics,
  encodeReplayed,
  encodeRequest,
  encodeTails,
  encodeTopics,
} from '../../src/wire/recovery.js';

const number = fc.maxSafeNat();
const topic = fc.uint8Array({ minLength: 3, maxLength: 50 }).map((bytes) => Buffer.from(bytes));
const topics = fc.array(topic, { maxLength: 20 });
const uint32 = fc.nat(0xffff_ffff);

const requests = fc.record({
  after: number,
  before: number,
  maxAgeMs: fc.oneof(
    uint32.map((tenths) => Math.min(tenths, 0xffff_fffe) / 10),
    fc.constant(Number.POSITIVE_INFINITY),
  ),
  topics,
});
const ends = fc.record({ through: number, gone: number, last: number, replays: uint32 });
const tails = fc.array(fc.record({ topic, sequence: number, position: number, elapsed: uint32 }), {
  maxLength: 20,
});

const hex = (bytes: Buffer) => bytes.toString('hex');

describe('bodies are these bytes:', () => {
  test('a request', () => {
    const body = encodeRequest({
      after: 1,
      before: 0x1_0000_0002,
      maxAgeMs: 100,
      topics: [Buffer.from('esa\0'), Buffer.from('es\0')],
    });
    expect(hex(body)).toBe(
      [
        '0000000000000001',
        '0000000100000002',
        '000003e8',
        '00000002',
        '0004',
        '65736100',
        '0003',
        '657300',
      ].join(''),
    );
  });

  test('a request for all, of any age', () => {
    const body = encodeRequest({ after: 0, before: 0, maxAgeMs: Number.POSITIVE_INFINITY, topics: [] });
    expect(hex(body)).toBe(`${'0'.repeat(32)}ffffffff00000000`);
  });

  test('the end of an answer', () => {
    expect(hex(encodeReplayed({ through: 5, gone: 3, last: 9, replays: 2 }))).toBe(
      ['0000000000000005', '0000000000000003', '0000000000000009', '00000002'].join(''),
    );
  });

  test('tails', () => {
    const body = encodeTails([{ topic: Buffer.from('esa\0'), sequence: 7, position: 8, elapsed: 9 }]);
    expect(hex(body)).toBe(
      ['00000001', '0000000000000007', '0000000000000008', '00000009', '0004', '65736100'].join(''),
    );
  });
});

describe('bodies come back as they were written:', () => {
  test('requests', () => {
    fc.assert(
      fc.property(requests, (request) => void expect(decodeRequest(encodeRequest(request))).toEqual(request)),
    );
  });

  test('ends of answers', () => {
    fc.assert(fc.property(ends, (end) => void expect(decodeReplayed(encodeReplayed(end))).toEqual(end)));
  });

  test('topics', () => {
    fc.assert(fc.property(topics, (list) => void expect(decodeTopics(encodeTopics(list))).toEqual(list)));
  });

  test('tails', () => {
    fc.assert(fc.property(tails, (list) => void expect(decodeTails(encodeTails(list))).toEqual(list)));
  });
});

describe('bytes from anyone', () => {
  const decoders = { decodeRequest, decodeReplayed, decodeTopics, decodeTails };
  const samples = {
    decodeRequest: encodeRequest({ after: 1, before: 9, maxAgeMs: 5, topics: [Buffer.from('esa\0')] }),
    decodeReplayed: encodeReplayed({ through: 5, gone: 3, last: 9, replays: 2 }),
    decodeTopics: encodeTopics([Buffer.from('esa\0'), Buffer.from('esb\0')]),
    decodeTails: encodeTails([{ topic: Buffer.from('esa\0'), sequence: 7, position: 8, elapsed: 9 }]),
  };
  const each = Object.entries(decoders).map(
    ([name, decode]) => [name, decode, samples[name as keyof typeof samples]] as const,
  );

  test.each(each)('%s - refuses what is cut short or too long', (_, decode, sample) => {
    expect(decode(sample)).toBeDefined();
    for (let length = 0; length < sample.length; length += 1) {
      expect(decode(sample.subarray(0, length))).toBeUndefined();
    }
    expect(decode(Buffer.concat([sample, Buffer.alloc(1)]))).toBeUndefined();
  });

  test.each(each)('%s - never throws, whatever they are', (_, decode, sample) => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decode(Buffer.from(bytes))));
    fc.assert(
      fc.property(fc.nat(sample.length - 1), fc.nat(255), (at, value) => {
        const bytes = Buffer.from(sample);
        bytes[at] = value;
        decode(bytes);
      }),
    );
  });

  test.each([
    ['after', (body: Buffer) => decodeRequest(body.fill(0xff, 0, 8)), samples.decodeRequest],
    ['before', (body: Buffer) => decodeRequest(body.fill(0xff, 8, 16)), samples.decodeRequest],
    ['through', (body: Buffer) => decodeReplayed(body.fill(0xff, 0, 8)), samples.decodeReplayed],
    ['gone', (body: Buffer) => decodeReplayed(body.fill(0xff, 8, 16)), samples.decodeReplayed],
    ['last', (body: Buffer) => decodeReplayed(body.fill(0xff, 16, 24)), samples.decodeReplayed],
    ['sequence', (body: Buffer) => decodeTails(body.fill(0xff, 4, 12)), samples.decodeTails],
    ['position', (body: Buffer) => decodeTails(body.fill(0xff, 12, 20)), samples.decodeTails],
  ])('are refused with a number over 53 bits as `%s`', (_, damage, sample) => {
    expect(damage(Buffer.from(sample))).toBeUndefined();
  });

  test('are refused with a topic that is none', () => {
    const short = Buffer.from('es');
    expect(decodeTopics(encodeTopics([short]))).toBeUndefined();
    expect(
      decodeRequest(encodeRequest({ after: 0, before: 0, maxAgeMs: 0, topics: [short] })),
    ).toBeUndefined();
    const tail = { topic: short, sequence: 1, position: 1, elapsed: 0 };
    expect(decodeTails(encodeTails([tail]))).toBeUndefined();
  });

  test('are refused at once with a count of more than there is', () => {
    const body = Buffer.alloc(1000);
    body.fill(0xff, 0, 4);
    expect([decodeTopics(body), decodeTails(body)]).toEqual([undefined, undefined]);
  });
});
