import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  emptyHeader,
  FLAG_ACKNOWLEDGE,
  FLAG_ANSWERS,
  formatPublisherId,
  HEADER_BYTES,
  MessageKind,
  randomPublisherId,
  readHeader,
  writeHeader,
} from '../../src/wire/batch.js';

const exact = fc.maxSafeNat();
const headers = fc.record({
  kind: fc.constantFrom(...Object.values(MessageKind)),
  flags: fc.constantFrom(0, FLAG_ACKNOWLEDGE, FLAG_ANSWERS, FLAG_ACKNOWLEDGE | FLAG_ANSWERS),
  count: fc.integer({ min: 1, max: 0xffff_ffff }),
  publisher: exact,
  sequence: exact,
  previous: exact,
  position: exact,
  elapsed: fc.integer({ min: 0, max: 0xffff_ffff }),
  time: exact,
});

describe('batch headers', () => {
  test('are these bytes', () => {
    const bytes = Buffer.alloc(HEADER_BYTES, 0xff);
    writeHeader(bytes, 0, {
      kind: MessageKind.batch,
      flags: FLAG_ACKNOWLEDGE,
      count: 3,
      publisher: 0x1f_0123_4567_89ab,
      sequence: 7,
      previous: 0x1_0000_0002,
      position: 1000,
      elapsed: 0x0102_0304,
      time: 0x5_0000_0006,
    });
    expect(bytes.toString('hex').match(/.{8}/g)).toEqual([
      '01010001',
      '00000003',
      '001f0123',
      '456789ab',
      '00000000',
      '00000007',
      '00000001',
      '00000002',
      '00000000',
      '000003e8',
      '01020304',
      '00000005',
      '00000006',
    ]);
  });

  test('come back as they were written, at any offset', () => {
    fc.assert(
      fc.property(headers, fc.nat(20), (header, offset) => {
        const bytes = Buffer.alloc(offset + HEADER_BYTES);
        writeHeader(bytes, offset, header);
        const read = emptyHeader();
        expect(readHeader(bytes, offset, read)).toBeUndefined();
        expect(read).toEqual(header);
      }),
    );
  });

  test.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, HEADER_BYTES - 1), 'cut short'],
    ['of another version', (bytes: Buffer) => Buffer.from(bytes.fill(2, 0, 1)), 'version 2, expected 1'],
    ['with unknown flags', (bytes: Buffer) => Buffer.from(bytes.fill(8, 3, 4)), 'flags'],
    ['with unknown flags in their first byte', (bytes: Buffer) => Buffer.from(bytes.fill(1, 2, 3)), 'flags'],
    ['with a number over 53 bits', (bytes: Buffer) => Buffer.from(bytes.fill(0xff, 16, 24)), '53 bits'],
  ])('%s are refused with a reason', (_, damage, reason) => {
    const bytes = Buffer.alloc(HEADER_BYTES);
    writeHeader(bytes, 0, { ...emptyHeader(), kind: MessageKind.batch, count: 1 });
    expect(readHeader(damage(bytes), 0, emptyHeader())).toContain(reason);
  });
});

describe('publisher ids', () => {
  test('are exact integers, written as 14 hexadecimal digits', () => {
    const ids = Array.from({ length: 1000 }, randomPublisherId);
    expect(ids.every(Number.isSafeInteger)).toBe(true);
    expect(new Set(ids).size).toBe(1000);
    for (const id of ids) expect(Number.parseInt(formatPublisherId(id), 16)).toBe(id);
    expect(formatPublisherId(1)).toBe('00000000000001');
  });
});
