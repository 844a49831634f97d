import fc from 'fast-check';
import { Packr, unpack } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { swapUnlessLittleEndian } from '../../src/wire/payload/format.js';
import { packPayload, unpackPayloads } from '../../src/wire/payload.js';

function typeError(): TypeError {
  const error = Object.assign(new TypeError('bad', { cause: 1 }), { code: 'E_BAD' });
  error.stack = 'S';
  return error;
}

/** The wire format of 0.x, byte by byte: a change here is a change of docs/protocol.md and of its version. */
const VECTORS: [string, unknown, string][] = [
  ['null', null, 'c0'],
  ['false', false, 'c2'],
  ['true', true, 'c3'],
  ['undefined', undefined, 'd4 00 00'],
  ['0', 0, '00'],
  ['-0', -0, 'cb 8000000000000000'],
  ['127', 127, '7f'],
  ['128', 128, 'cc 80'],
  ['65535', 65535, 'cd ffff'],
  ['65536', 65536, 'ce 00010000'],
  ['2^32', 2 ** 32, 'cb 41f0000000000000'],
  ['-1', -1, 'ff'],
  ['-33', -33, 'd0 df'],
  ['-129', -129, 'd1 ff7f'],
  ['-32769', -32769, 'd2 ffff7fff'],
  ['1.5', 1.5, 'cb 3ff8000000000000'],
  ['NaN', Number.NaN, 'cb 7ff8000000000000'],
  ['Infinity', Number.POSITIVE_INFINITY, 'cb 7ff0000000000000'],
  ['the empty string', '', 'a0'],
  ['é', 'é', 'a2 c3a9'],
  ['32 characters', 'x'.repeat(32), `d9 20 ${'78'.repeat(32)}`],
  ['31 characters of 2 bytes', 'é'.repeat(31), `d9 3e ${'c3a9'.repeat(31)}`],
  ['256 characters', 'x'.repeat(256), `da 0100 ${'78'.repeat(256)}`],
  ['a lone surrogate', 'a\uD800', 'd6 55 610000d8'],
  ['an array', [1, [2]], '92 01 91 02'],
  ['16 elements', Array(16).fill(0), `dc 0010 ${'00'.repeat(16)}`],
  ['an object', { id: 'e1', ok: true, tags: ['a'] }, '83 a26964 a26531 a26f6b c3 a474616773 91 a161'],
  ['5n', 5n, 'd7 42 0000000000000005'],
  ['-1n', -1n, 'd7 42 ffffffffffffffff'],
  ['2n ** 63n', 2n ** 63n, 'c7 09 42 008000000000000000'],
  ['-(2n ** 64n)', -(2n ** 64n), 'c7 09 42 ff0000000000000000'],
  ['a Date on the second', new Date(0), 'd6 ff 00000000'],
  ['a Date', new Date(1), 'd7 ff 003d0900 00000000'],
  ['a Date before 1970', new Date(-1), 'c7 0c ff 3b8b87c0 ffffffffffffffff'],
  ['an invalid Date', new Date(Number.NaN), 'd4 44 00'],
  ['a Buffer', Buffer.from('ab'), 'c4 02 6162'],
  ['a Uint8Array', Uint8Array.of(1, 2), 'c7 03 74 01 0102'],
  ['an Int16Array', Int16Array.of(1, -2), 'c7 05 74 03 0100feff'],
  ['a Float64Array', Float64Array.of(1.5), 'c7 09 74 08 000000000000f83f'],
  ['a BigUint64Array', BigUint64Array.of(1n), 'c7 09 74 0a 0100000000000000'],
  ['an ArrayBuffer', Uint8Array.of(7, 8).buffer, 'c7 03 74 10 0708'],
  ['a DataView', new DataView(Uint8Array.of(7, 8).buffer), 'c7 03 74 11 0708'],
  ['a Map', new Map([['a', 1]]), 'c7 04 4d 92 a161 01'],
  ['a Set', new Set([1, 2]), 'c7 03 53 92 01 02'],
  ['a RegExp', /a+/gi, 'c7 07 52 92 a2612b a26769'],
  [
    'an Error',
    typeError(),
    'c7 38 45 92 84 a46e616d65 a9547970654572726f72 a76d657373616765 a3626164 a5737461636b a153 a56361757365 01 81 a4636f6465 a5455f424144',
  ],
];

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

describe('the bytes on the wire', () => {
  it.each(VECTORS)('%s', (_name, value, bytes) => {
    expect(Buffer.from(packPayload(value)).toString('hex')).toBe(hex(bytes).toString('hex'));
    expect(unpackPayloads(hex(bytes), 0, 1)).toStrictEqual([value]);
  });

  it.each<[string, string, unknown]>([
    ['float 32', 'ca 3fc00000', 1.5],
    ['64-bit integers, as numbers', 'cf 0000019aa3b5ec00', 0x19aa3b5ec00],
    ['negative 64-bit integers, as numbers', 'd3 ffffffffffffff00', -256],
    ['64-bit integers beyond a number, as BigInt', 'cf ffffffffffffffff', 2n ** 64n - 1n],
    ['negative ones beyond a number, as BigInt', 'd3 8000000000000000', -(2n ** 63n)],
    ['integers in longer forms than needed', '94 cc01 cd0001 ce00000001 d0ff', [1, 1, 1, -1]],
    ['strings in longer forms', '92 d90161 db0000000161', ['a', 'a']],
    ['maps with longer headers and keys', 'de0001 d90161 df00000000', { a: {} }],
    ['a BigInt of one byte', 'd4 42 ff', -1n],
    [
      'timestamps in longer forms',
      '92 d7ff0000000000000001 c70cff000000000000000000000001',
      [new Date(1000), new Date(1000)],
    ],
    ['nanoseconds, cut to the millisecond', 'd7 ff 003d0904 00000000', new Date(1)],
    ['the last of two equal keys', '82 a161 01 a161 02', { a: 2 }],
  ])('are also taken as %s', (_name, bytes, value) => {
    expect(unpackPayloads(hex(bytes), 0, 1)).toStrictEqual([value]);
  });

  it('are little-endian within typed arrays, on any host', () => {
    const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    swapUnlessLittleEndian(bytes, 2, false);
    expect([...bytes]).toEqual([2, 1, 4, 3, 6, 5, 8, 7]);
    swapUnlessLittleEndian(bytes, 4, false);
    expect([...bytes]).toEqual([3, 4, 1, 2, 7, 8, 5, 6]);
    swapUnlessLittleEndian(bytes, 8, false);
    expect([...bytes]).toEqual([6, 5, 8, 7, 2, 1, 4, 3]);
    swapUnlessLittleEndian(bytes, 1, false);
    swapUnlessLittleEndian(bytes, 8, true);
    expect([...bytes]).toEqual([6, 5, 8, 7, 2, 1, 4, 3]);
  });
});

describe('msgpackr, as an independent peer', () => {
  // It renames `__proto__` and drops a leading byte order mark, so those are left out.
  const text = fc.string().filter((some) => some !== '__proto__');
  const json = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('"__proto__"'));

  it('reads what JSON has', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(unpack(Buffer.from(packPayload(value)))).toEqual(value);
      }),
    );
  });

  it('reads undefined, BigInt, Date, Buffer and typed arrays', () => {
    const value = {
      u: undefined,
      b: [5n, -(2n ** 70n)],
      d: new Date(1763683200123),
      bytes: Buffer.from('ab'),
    };
    expect(unpack(Buffer.from(packPayload(value)))).toEqual(value);
    const arrays = [Uint8Array.of(1), Float64Array.of(1.5), BigInt64Array.of(-1n), new ArrayBuffer(2)];
    expect(unpack(Buffer.from(packPayload(arrays)))).toEqual(arrays);
  });

  it('writes what can be read here', () => {
    const packr = new Packr({ useRecords: false, variableMapSize: true });
    const value = fc.dictionary(text, fc.oneof(json, fc.date({ noInvalidDate: true, min: new Date(0) })), {
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(value, (some) => {
        // What it makes of its own bytes, since it does not keep everything: -0 becomes 0.
        const packed = Buffer.from(packr.pack(some));
        expect(unpackPayloads(packed, 0, 1)).toEqual([unpack(packed)]);
      }),
    );
  });
});
