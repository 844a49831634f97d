import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PayloadError, packInto, packPayload, takeSpilled, unpackPayloads } from '../../src/wire/payload.js';

const MARGIN = 64;

/** What is packed into `target` at `at`, wherever it ended up. */
function packedAt(value: unknown, target: Buffer, at: number): Buffer {
  const end = packInto(value, target, at);
  return Buffer.from(end < 0 ? takeSpilled() : target.subarray(at, end));
}

function alone(value: unknown): Buffer {
  return Buffer.from(packPayload(value));
}

const VALUES: [string, unknown][] = [
  ['a number', 1.5],
  ['an event', { seq: 7, user: 'user-184467', tags: ['mobile', 'returning'], paid: true, text: 'grün' }],
  ['a map with a longer header', Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`key${i}`, i]))],
  ['maps within one another', { a: { b: [{ c: {} }, { d: [[[]]] }] } }],
  ['a text', 'x'.repeat(100)],
  ['a text whose header grows', 'é'.repeat(31)],
  ['an ill-formed text', `${'x'.repeat(50)}\uD800`],
  ['a Buffer', Buffer.from('bytes of a Buffer')],
  ['a Map with a longer header', new Map(Array.from({ length: 100 }, (_, i) => [i, `${i}`]))],
  ['a large BigInt', 2n ** 300n],
  ['an Error', Object.assign(new Error('why'), { stack: 'S', code: 'E_X' })],
];

describe('a value packed in place', () => {
  it.each(VALUES)(
    '%s: has the same bytes at any place, with any room, and touches nothing before',
    (_name, value) => {
      const expected = alone(value);
      for (const at of [0, 1, 37]) {
        for (let room = 0; room <= expected.length + MARGIN; room++) {
          const memory = Buffer.alloc(at + room + 20, 0xee);
          const target = memory.subarray(10, 10 + at + room);
          const end = packInto(value, target, at);
          if (end < 0) expect(Buffer.from(takeSpilled())).toEqual(expected);
          else expect(target.subarray(at, end)).toEqual(expected);
          if (room >= expected.length + MARGIN) expect(end).toBe(at + expected.length);
          expect(memory.subarray(0, 10 + at).every((byte) => byte === 0xee)).toBe(true);
          expect(memory.subarray(10 + at + room).every((byte) => byte === 0xee)).toBe(true);
        }
      }
    },
  );

  it('stands where it should among others, whatever they are', () => {
    const values = fc.array(fc.anything({ withDate: true, withMap: true, withSet: true, withBigInt: true }));
    fc.assert(
      fc.property(values, fc.nat(500), (some, size) => {
        const target = Buffer.alloc(size);
        const expected = Buffer.concat(some.map(alone));
        let at = 0;
        for (const value of some) {
          const end = packInto(value, target, at);
          if (end < 0) {
            const whole = Buffer.concat([target.subarray(0, at), takeSpilled()]);
            return whole.equals(expected.subarray(0, whole.length)) && at + MARGIN + whole.length > size;
          }
          at = end;
        }
        return target.subarray(0, at).equals(expected);
      }),
      { numRuns: 1000 },
    );
  });

  it('is read once, also if it finds no room', () => {
    for (let room = 0; room < 200; room++) {
      let reads = 0;
      const value = {
        before: 'x'.repeat(50),
        get counted() {
          reads++;
          return 'y'.repeat(50);
        },
        after: { toJSON: () => ++reads },
      };
      packedAt(value, Buffer.alloc(room), 0);
      expect(reads).toBe(2);
    }
  });

  it('that cannot travel is refused as ever, and leaves the next one alone', () => {
    const target = Buffer.alloc(1000);
    for (const room of [1, 1000]) {
      const error = (): number => packInto({ a: [1, () => 1] }, target.subarray(0, room), 0);
      expect(error).toThrow(PayloadError);
      expect(error).toThrow('data.a[1]: a function cannot travel');
      expect(unpackPayloads(packedAt({ a: 1 }, target, 3), 0, 1)).toEqual([{ a: 1 }]);
    }
  });

  it('may be more than a mebibyte, which is not kept', () => {
    const text = 'x'.repeat(3 * 1024 * 1024);
    const target = Buffer.alloc(100);
    expect(unpackPayloads(packedAt({ text }, target, 0), 0, 1)).toEqual([{ text }]);
    expect(packedAt({ text: 'short' }, target, 0)).toEqual(alone({ text: 'short' }));
    expect(() => packInto([text, () => 1], target, 0)).toThrow(PayloadError);
    expect(packedAt('y'.repeat(200), target, 0)).toEqual(alone('y'.repeat(200)));
  });

  it('is unharmed by others packed while it is read, elsewhere in the same target', () => {
    for (const [outerRoom, innerRoom] of [
      [500, 500],
      [60, 500],
      [500, 60],
      [60, 60],
    ] as const) {
      const target = Buffer.alloc(2000);
      const inner: Buffer[] = [];
      const value = {
        first: 1,
        get second() {
          inner.push(packedAt({ inner: 'a'.repeat(100) }, target.subarray(0, 1000 + innerRoom), 1000));
          return 'second';
        },
        third: {
          toJSON: () => {
            inner.push(packedAt(['b'.repeat(100)], Buffer.alloc(innerRoom), 0));
            return ['third', 'c'.repeat(100)];
          },
        },
        fourth: 4,
      };
      const outer = packedAt(value, target.subarray(0, outerRoom), 0);
      expect(unpackPayloads(outer, 0, 1)).toEqual([
        { first: 1, second: 'second', third: ['third', 'c'.repeat(100)], fourth: 4 },
      ]);
      expect(inner.map((bytes) => unpackPayloads(bytes, 0, 1)[0])).toEqual([
        { inner: 'a'.repeat(100) },
        ['b'.repeat(100)],
      ]);
    }
  });
});
