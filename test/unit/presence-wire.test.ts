import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packPayload } from '../../src/wire/payload.js';
import {
  type Announcement,
  decodeAnnouncement,
  encodeAnnouncement,
  MAX_META_BYTES,
} from '../../src/wire/presence.js';
import { presenceTopic } from '../../src/wire/topic.js';

const uint32 = fc.nat(0xffff_ffff);
const wellFormed = (maxLength: number) =>
  fc.string({ unit: 'binary', maxLength }).filter((text) => text.length <= maxLength);
const announcements = fc.record({
  since: fc.nat(8.64e15),
  intervalMs: fc.integer({ min: 1000, max: 36_000_000 }).map((tenths) => tenths / 10),
  pid: uint32,
  threadId: uint32,
  host: wellFormed(255),
  name: wellFormed(255),
  meta: fc.option(fc.jsonValue(), { nil: undefined }).map((value) => {
    return value === undefined ? Buffer.alloc(0) : Buffer.from(packPayload(value));
  }),
});

const sample: Announcement = {
  since: Date.UTC(2026, 0, 1),
  intervalMs: 1000,
  pid: 42,
  threadId: 0,
  host: 'here',
  name: 'api',
  meta: Buffer.from(packPayload({ zone: 1 })),
};

describe('an announcement', () => {
  test('arrives as it left', () => {
    fc.assert(
      fc.property(announcements, (announcement) => {
        expect(decodeAnnouncement(encodeAnnouncement(announcement))).toEqual({ ...announcement });
      }),
    );
  });

  test('of a beat that is faster or slower than 100 ms and 1 h is taken for one of these', () => {
    const read = (intervalMs: number) =>
      decodeAnnouncement(encodeAnnouncement({ ...sample, intervalMs }))?.intervalMs;
    expect([0, 99, 100, 3_600_000, 3_600_001, Number.POSITIVE_INFINITY].map(read)).toEqual([
      100, 100, 100, 3_600_000, 3_600_000, 3_600_000,
    ]);
  });

  const bytes = encodeAnnouncement(sample);
  const changed = (change: (copy: Buffer) => unknown) => {
    const copy = Buffer.from(bytes);
    change(copy);
    return copy;
  };
  test.each<[string, Buffer]>([
    ['that is empty', Buffer.alloc(0)],
    ['that is cut short in its fixed part', bytes.subarray(0, 23)],
    ['that is cut short in its host', bytes.subarray(0, 26)],
    ['that is cut short in its name', bytes.subarray(0, 30)],
    ['that is cut short in its meta', bytes.subarray(0, -1)],
    ['that is too long by a byte', Buffer.concat([bytes, Buffer.of(0xc0)])],
    ['since a time of more than 53 bits', changed((copy) => copy.fill(0xff, 0, 8))],
    ['since a time that no Date can hold', changed((copy) => copy.writeBigUInt64BE(8_640_000_000_000_001n))],
    ['with a longer host than there is', changed((copy) => copy.writeUInt16BE(0xffff, 20))],
    ['with a longer name than there is', changed((copy) => copy.writeUInt16BE(200, 22))],
    ['with a host that is not UTF-8', changed((copy) => copy.fill(0xff, 24, 25))],
    ['with a name of 256 characters', encodeAnnouncement({ ...sample, name: 'x'.repeat(256) })],
    [
      'with meta over 16 KiB',
      encodeAnnouncement({
        ...sample,
        meta: Uint8Array.from(packPayload('x'.repeat(MAX_META_BYTES))),
      }),
    ],
    ['with meta that is no payload', encodeAnnouncement({ ...sample, meta: Buffer.of(0xc1) })],
  ])('%s is refused', (_, body) => {
    expect(decodeAnnouncement(body)).toBeUndefined();
  });

  test('whatever the bytes, nothing is thrown', () => {
    const damaged = fc
      .tuple(announcements, fc.nat(), fc.nat(255), fc.nat())
      .map(([announcement, at, byte, end]) => {
        const copy = encodeAnnouncement(announcement);
        copy[at % copy.length] = byte;
        return copy.subarray(0, copy.length - (end % 3));
      });
    const anything = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
    fc.assert(
      fc.property(fc.oneof(damaged, anything), (body) => {
        const read = decodeAnnouncement(body);
        if (read !== undefined) expect(read.intervalMs).toBeGreaterThanOrEqual(100);
      }),
      { numRuns: 2000 },
    );
  });
});

test('topics of presence are no prefix of each other, and end as all do', () => {
  expect(presenceTopic('news').toString('latin1')).toBe('mn\0');
  expect(presenceTopic('rollCalls').toString('latin1')).toBe('mr\0');
});
