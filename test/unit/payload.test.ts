import { describe, expect, it } from 'vitest';
import { packPayload, unpackPayloads } from '../../src/wire/payload.js';

function travel<T>(value: T): T {
  return unpackPayloads(Buffer.from(packPayload(value)), 0, 1)[0] as T;
}

describe('what goes in comes out', () => {
  it.each<[string, unknown]>([
    ['null', null],
    ['undefined', undefined],
    ['true', true],
    ['false', false],
    ['the empty string', ''],
    ['a string', 'user:login'],
    ['text beyond ASCII', 'Ünïcödé — 漢字 🦄'],
    ['a long string', 'x'.repeat(100_000)],
    ['a long string beyond ASCII', '🦄é'.repeat(50_000)],
    ['a string that begins with a byte order mark', `\uFEFF${'x'.repeat(70)}`],
    ['a string with a replacement character', '\uFFFD is fine'],
    ['a string with a lone high surrogate', 'a\uD800b'],
    ['a long string with a lone low surrogate', `${'x'.repeat(300)}\uDC00`],
    ['an empty object', {}],
    ['an empty array', []],
    ['an object', { id: 'e1', user: { name: 'Ada', admin: true, note: null }, tags: ['a', 'b'] }],
    ['an object of 15 keys', numbered(15)],
    ['an object of 16 keys', numbered(16)],
    ['an object of 70,000 keys', numbered(70_000)],
    ['an array of 70,000 elements', Array.from({ length: 70_000 }, (_, i) => i)],
    ['undefined properties', { a: undefined, b: [undefined] }],
    [
      'odd keys',
      { '': 1, constructor: 2, toString: 3, hasOwnProperty: 4, '0': 5, 'a b': 6, é: 7, '\uD800': 8 },
    ],
    ['a Date', new Date(1763683200123)],
    ['a Date on the second', new Date(1763683200000)],
    ['the first Date there is', new Date(-8.64e15)],
    ['the last Date there is', new Date(8.64e15)],
    ['a Date just before 1970', new Date(-1)],
    ['a Date in 2106', new Date(2 ** 32 * 1000)],
    ['a Date in 2514', new Date(2 ** 34 * 1000)],
    ['an invalid Date', new Date(Number.NaN)],
    [
      'a Map',
      new Map<unknown, unknown>([
        ['a', 1],
        [{ k: 1 }, new Map()],
        [undefined, [1]],
      ]),
    ],
    ['a Set', new Set<unknown>([1, 'a', new Set(), Number.NaN])],
    ['a RegExp', /a\/(?<b>b+)\n/giu],
    ['a Buffer', Buffer.from('bytes')],
    ['an empty Buffer', Buffer.alloc(0)],
    ['a Uint8Array', Uint8Array.of(1, 2, 3)],
    ['an ArrayBuffer', Uint8Array.of(1, 2, 3).buffer],
    ['a DataView', new DataView(Uint8Array.of(1, 2, 3, 4).buffer, 1, 2)],
    [
      'typed arrays',
      [
        Int8Array.of(-1),
        Uint8ClampedArray.of(255),
        Int16Array.of(-2),
        Uint16Array.of(65535),
        Int32Array.of(-3),
        Uint32Array.of(4294967295),
        Float32Array.of(0.5),
        Float64Array.of(0.1, Number.NaN),
        BigInt64Array.of(-1n),
        BigUint64Array.of(2n ** 64n - 1n),
      ],
    ],
    ['an Error', new Error('plain')],
    ['a TypeError with a cause', new TypeError('bad', { cause: new RangeError('worse') })],
  ])('%s', (_name, value) => {
    expect(travel(value)).toStrictEqual(value);
  });
});

function numbered(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`key${i}`, i]));
}
