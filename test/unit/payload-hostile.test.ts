import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PayloadError, packPayload, unpackPayloads } from '../../src/wire/payload.js';

const MIB = 1024 * 1024;

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

/** An extension or a string with its longest header. */
function sized32(token: number, body: Buffer, type?: number): Buffer {
  const header = Buffer.alloc(type === undefined ? 5 : 6, type ?? 0);
  header[0] = token;
  header.writeUInt32BE(body.length, 1);
  return Buffer.concat([header, body]);
}

/** An array of as many `item`s as make about `bytes`. */
function repeated(item: Buffer, bytes: number): Buffer {
  const count = Math.floor(bytes / item.length);
  const header = hex('dd 00000000');
  header.writeUInt32BE(count, 1);
  return Buffer.concat([header, Buffer.alloc(count * item.length, item)]);
}

function regExp(source: string, flags: string): Buffer {
  const parts = [hex('92'), sized32(0xdb, Buffer.from(source)), sized32(0xdb, Buffer.from(flags))];
  return sized32(0xc9, Buffer.concat(parts), 0x52);
}

describe('bytes that are no payload are refused', () => {
  it.each<[string, string]>([
    ['nothing at all', ''],
    ['0xc1, which msgpack never uses', 'c1'],
    ['a byte too many', 'c0 c0'],
    ['an array that promises four thousand million elements', 'dd ffffffff'],
    ['a map that promises four thousand million entries', 'df ffffffff'],
    ['a string longer than what is left', 'a5 61'],
    ['a string of 4 GiB', 'db ffffffff'],
    ['a Buffer of 4 GiB', 'c6 ffffffff 00'],
    ['an extension of 4 GiB', 'c9 ffffffff 74'],
    ['an extension without a type', 'c7 00'],
    ['a float cut short', 'cb 0000'],
    ['an integer cut short', 'ce 0000'],
    ['a map key that is a number', '81 01 01'],
    ['a map key that is an array', '81 90 01'],
    ['a map without its value', '81 a161'],
    ['a string that is not UTF-8', 'a2 c328'],
    ['a surrogate as UTF-8', 'a3 eda080'],
    ['a key that is not UTF-8', '81 a2c328 01'],
    ['an unknown extension type', 'd4 01 00'],
    ['an unknown predefined extension type', 'd4 fe 00'],
    ['undefined with a body', 'd4 00 01'],
    ['undefined of two bytes', 'd5 00 0000'],
    ["a record of msgpackr's", 'd4 72 40 91 a161 01'],
    ["a reference of msgpackr's", 'd6 70 00000000'],
    ["an identity of msgpackr's", 'd6 69 00000000 90'],
    ["a bundle of msgpackr's", 'd6 62 00000000'],
    ["a Set of msgpackr's", 'd4 73 00 90'],
    ["an Error of msgpackr's", 'd4 65 00 93 a0 a0 c0'],
    ["a RegExp of msgpackr's", 'd4 78 00 92 a0 a0'],
    ["an invalid Date of msgpackr's", 'd4 ff ff'],
    ['a BigInt of no bytes', 'c7 00 42'],
    ['a timestamp of 5 bytes', 'c7 05 ff 0000000000'],
    ['a timestamp of too many nanoseconds', 'd7 ff ffffffff 00000000'],
    ['a timestamp that no Date can hold', 'c7 0c ff 00000000 7fffffffffffffff'],
    ['an invalid Date of the wrong form', 'd4 44 01'],
    ['binary data of no kind', 'c7 00 74'],
    ['binary data of an unknown kind', 'd4 74 63'],
    ['a typed array that ends within an element', 'c7 04 74 08 010203'],
    ['a Map that is no array', 'd4 4d 80'],
    ['a Map with half an entry', 'd5 4d 91 01'],
    ['a Map shorter than its extension', 'd5 4d 90 c0'],
    ['a Map longer than its extension', 'd4 4d 92 01 02'],
    ['a Set that is no array', 'd4 53 c0'],
    ['a RegExp of one part', 'd5 52 91 a0'],
    ['a RegExp of three parts', 'd6 52 93 a0 a0 a0'],
    ['a RegExp of numbers', 'c7 03 52 92 01 02'],
    ['a RegExp that does not compile', 'c7 05 52 92 a128 a0 c0'],
    ['a RegExp with unknown flags', 'c7 05 52 92 a161 a171'],
    ['an Error that is no pair', 'd4 45 90'],
    ['an Error with one map', 'd5 45 91 80'],
    ['an Error with an unknown field', 'c7 06 45 92 81 a178 01 80'],
    ['an Error of two arrays', 'c7 03 45 92 90 90'],
    ['half a UTF-16 unit', 'd4 55 61'],
  ])('%s', (_name, bytes) => {
    expect(() => unpackPayloads(hex(bytes), 0, 1)).toThrow(PayloadError);
  });

  it('fewer or more values than announced', () => {
    const bytes = hex('01 02 03');
    expect(unpackPayloads(bytes, 0, 3)).toEqual([1, 2, 3]);
    for (const count of [0, 1, 2, 4, 2 ** 32])
      expect(() => unpackPayloads(bytes, 0, count)).toThrow(PayloadError);
    expect(() => unpackPayloads(bytes, 4, 0)).toThrow(PayloadError);
  });

  it.each<[string, string]>([
    ['arrays', '91'],
    ['objects', '81 a161'],
    ['Sets', 'd4 53 91'],
    ['Maps', 'd4 4d 92 01'],
    ['RegExps', 'd4 52 92'],
    ['Errors', 'd4 45 92 81 a16e'],
    ['Error causes', 'd4 45 92 81 a56361757365'],
    ['arrays with long headers', 'dd 00000001'],
  ])('%s within one another, a hundred thousand times', (_name, level) => {
    const bytes = Buffer.alloc(100_000 * hex(level).length, hex(level));
    expect(() => unpackPayloads(bytes, 0, 1)).toThrow(PayloadError);
  });

  it('headers that each promise what only one of them could hold', () => {
    const headers = Array.from({ length: 500 }, (_, i) => {
      const header = hex('dd 00000000');
      header.writeUInt32BE(MIB - 5 * i - 5, 1);
      return header;
    });
    const bytes = Buffer.concat([...headers, Buffer.alloc(MIB)]);
    expect(() => unpackPayloads(bytes, 0, 1)).toThrow(/more elements than there are bytes/);
  });

  it('what says where: the byte and what was found there', () => {
    expect(() => unpackPayloads(hex('93 01 02 c1'), 0, 1)).toThrow('byte 4: 0xc1, which msgpack never uses');
  });
});

describe('a hostile message costs no more than in proportion to its size', () => {
  it.each<[string, string]>([
    ['empty objects', '80'],
    ['empty arrays', '90'],
    ['empty Buffers', 'c4 00'],
    ['empty Maps', 'd4 4d 90'],
    ['empty Sets', 'd4 53 90'],
    ['empty Errors', 'c7 03 45 92 80 80'],
    ['empty RegExps', 'c7 03 52 92 a0 a0'],
    ['empty typed arrays', 'd4 74 08'],
    ['empty ArrayBuffers', 'd4 74 10'],
  ])('a mebibyte of %s', (_name, item) => {
    const bytes = repeated(hex(item), MIB);
    const before = process.memoryUsage();
    const values = unpackPayloads(bytes, 0, 1);
    const after = process.memoryUsage();
    expect(values).toHaveLength(1);
    expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(256 * MIB);
  });

  it.each<[string, string, string]>([
    ['Unicode property escapes', '\\p{L}'.repeat(MIB / 8), 'iu'],
    ['emoji sequences', '\\p{RGI_Emoji}'.repeat(10_000), 'v'],
    ['open groups', '('.repeat(MIB), ''],
    ['open classes', '['.repeat(MIB), 'v'],
  ])('a RegExp of %s', (_name, source, flags) => {
    expect(() => unpackPayloads(regExp(source, flags), 0, 1)).toThrow(PayloadError);
  });

  it('many RegExps, each of them allowed', () => {
    const bytes = Buffer.alloc(0);
    const one = regExp('\\p{L}'.repeat(500), 'u');
    expect(unpackPayloads(one, 0, 1)).toHaveLength(1);
    const same = Buffer.concat([bytes, ...Array.from({ length: 100 }, () => one)]);
    expect(unpackPayloads(same, 0, 100)).toHaveLength(100);
    const many = Array.from({ length: 100 }, (_, i) => regExp('\\p{L}'.repeat(500) + i, 'u'));
    expect(() => unpackPayloads(Buffer.concat(many), 0, 100)).toThrow(/too many Unicode property escapes/);
  });
});

describe('no prototype is touched', () => {
  it('by any key, in objects or errors', () => {
    const names = [...Object.getOwnPropertyNames(Object.prototype), 'prototype'];
    for (const name of names) {
      const [object] = unpackPayloads(
        Buffer.from(packPayload(JSON.parse(`{"${name}":{"polluted":1}}`))),
        0,
        1,
      ) as [object];
      expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
      expect(Object.getOwnPropertyDescriptor(object, name)?.value).toEqual({ polluted: 1 });
    }
    const proto = Buffer.from('__proto__');
    const entry = Buffer.concat([hex('81 a9'), proto, hex('81 a1 70 01')]);
    const [error] = unpackPayloads(sized32(0xc9, Buffer.concat([hex('92 80'), entry]), 0x45), 0, 1) as [
      Error,
    ];
    expect(Object.getPrototypeOf(error)).toBe(Error.prototype);
    expect(Object.keys(error)).toEqual(['__proto__']);
    expect(() =>
      unpackPayloads(sized32(0xc9, Buffer.concat([hex('92'), entry, hex('80')]), 0x45), 0, 1),
    ).toThrow(PayloadError);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

describe('nothing but a PayloadError is ever thrown', () => {
  const prototype = Object.getOwnPropertyNames(Object.prototype);
  const samples = [
    {
      id: 'e1',
      type: 'user:login',
      user: { id: 1, name: 'Ada', admin: true },
      tags: ['a', 'b'],
      ts: 1.5e12,
      note: null,
    },
    [
      new Map<unknown, unknown>([['k', new Set([1, undefined])]]),
      new Date(1),
      new Date(-5),
      new Date(Number.NaN),
      2n ** 80n,
      -1n,
    ],
    [
      Buffer.from('abc'),
      Uint8Array.of(1),
      Float64Array.of(1, 2),
      new ArrayBuffer(3),
      new DataView(new ArrayBuffer(2)),
    ],
    new TypeError('bad', { cause: Object.assign(new Error('why'), { code: 'E' }) }),
    [/a(?<b>c)/giu, 'a\uD800', 'é'.repeat(50), -0, 2 ** 40, -(2 ** 40), -200, 70_000],
  ].map((value) => Buffer.from(packPayload(value)));

  function survives(bytes: Buffer, count: number): void {
    try {
      const values = unpackPayloads(bytes, 0, count);
      expect(values).toHaveLength(count);
    } catch (error) {
      expect(error).toBeInstanceOf(PayloadError);
    }
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(prototype);
  }

  it('by random bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(bytes, fc.nat(4), (some, count) => survives(Buffer.from(some), count)),
      { numRuns: 5000 },
    );
  });

  it('by random tokens, which get further', () => {
    const tokens = [
      '80',
      '81',
      '82',
      '90',
      '91',
      '92',
      '93',
      'a0',
      'a161',
      'a46e616d65',
      'a9 5f5f70726f746f5f5f',
      'c0',
      'c1',
      'c2',
    ];
    tokens.push(
      'c401',
      'c701',
      'c702',
      'c703',
      'c709',
      'cb',
      'cc',
      'd3',
      'd4',
      'd5',
      'd6',
      'd7',
      '42',
      '44',
      '45',
      '4d',
      '52',
      '53',
    );
    tokens.push('55', '74', 'ff', '00', '08', 'dc0001', 'de0001', 'dd00000001', 'df00000001');
    const bytes = fc.array(fc.constantFrom(...tokens.map(hex)), { maxLength: 40 });
    fc.assert(
      fc.property(bytes, (some) => survives(Buffer.concat(some), 1)),
      { numRuns: 10_000 },
    );
  });

  it('by valid bytes with a few of them changed, cut out or put in', () => {
    const change = fc.record({ at: fc.nat(), cut: fc.nat(2), put: fc.uint8Array({ maxLength: 2 }) });
    fc.assert(
      fc.property(
        fc.constantFrom(...samples),
        fc.array(change, { minLength: 1, maxLength: 3 }),
        (sample, changes) => {
          let bytes = sample;
          for (const { at, cut, put } of changes) {
            const from = at % (bytes.length + 1);
            bytes = Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(from + cut)]);
          }
          survives(bytes, 1);
        },
      ),
      { numRuns: 10_000 },
    );
  });

  it('by valid bytes cut short anywhere', () => {
    for (const sample of samples) {
      for (let end = 0; end < sample.length; end++) {
        expect(() => unpackPayloads(sample.subarray(0, end), 0, 1)).toThrow(PayloadError);
      }
    }
  });

  it('by a message in the middle of other memory, which is not read', () => {
    const around = Buffer.alloc(300, 0x93);
    for (const sample of samples) {
      sample.copy(around, 10);
      expect(() => unpackPayloads(around.subarray(10, 10 + sample.length - 1), 0, 1)).toThrow(PayloadError);
    }
  });
});
