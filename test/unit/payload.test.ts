import { isDeepStrictEqual } from 'node:util';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packPayload, unpackPayloads } from '../../src/wire/payload.js';

function travel<T>(value: T): T {
  return unpackPayloads(Buffer.from(packPayload(value)), 0, 1)[0] as T;
}

describe('a value arrives equal, by type and value', () => {
  it.each<[string, unknown]>([
    ['null', null],
    ['undefined', undefined],
    ['true', true],
    ['false', false],
    ['the empty string', ''],
    ['a string', 'user:login'],
    ['text beyond ASCII', 'Ünïcödé — 漢字 🦄'],
    ['a long string', 'x'.repeat(1_000_000)],
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
    ['an invalid Date', new Date(Number.NaN)],
    [
      'a Map',
      new Map<unknown, unknown>([
        ['a', 1],
        [{ k: 1 }, new Map()],
        [undefined, [1]],
      ]),
    ],
    ['a Map of 20,000 entries', new Map(Array.from({ length: 20_000 }, (_, i) => [i, `${i}`]))],
    ['a Set', new Set<unknown>([1, 'a', new Set(), Number.NaN])],
    ['a RegExp', /a\/(?<b>b+)\n/giu],
    ['an empty RegExp', /(?:)/],
    ['a Buffer', Buffer.from('bytes')],
    ['an empty Buffer', Buffer.alloc(0)],
    ['a Buffer of 100,000 bytes', Buffer.alloc(100_000, 'abc')],
    ['a Uint8Array', Uint8Array.of(1, 2, 3)],
    ['an ArrayBuffer', Uint8Array.of(1, 2, 3).buffer],
    ['an empty ArrayBuffer', new ArrayBuffer(0)],
    ['a DataView', new DataView(Uint8Array.of(1, 2, 3, 4).buffer, 0, 4)],
    ['an Int8Array', Int8Array.of(-1)],
    ['a Uint8ClampedArray', Uint8ClampedArray.of(255)],
    ['an Int16Array', Int16Array.of(-2)],
    ['a Uint16Array', Uint16Array.of(65535)],
    ['an Int32Array', Int32Array.of(-3)],
    ['a Uint32Array', Uint32Array.of(4294967295)],
    ['a Float32Array', Float32Array.of(0.5)],
    ['a Float64Array', Float64Array.of(0.1, Number.NaN)],
    ['a BigInt64Array', BigInt64Array.of(-1n)],
    ['a BigUint64Array', BigUint64Array.of(2n ** 64n - 1n)],
    ['an empty Float64Array', new Float64Array(0)],
  ])('%s', (_name, value) => {
    expect(travel(value)).toStrictEqual(value);
  });

  it.each([
    0,
    -0,
    1,
    127,
    128,
    255,
    256,
    65535,
    65536,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 53,
    2 ** 60,
    1e300,
    -1,
    -32,
    -33,
    -128,
    -129,
    -32768,
    -32769,
    -(2 ** 31),
    -(2 ** 31) - 1,
    -(2 ** 53),
    0.1,
    -1.5,
    Number.MIN_VALUE,
    Number.MAX_VALUE,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ])('the number %d', (value) => {
    expect(Object.is(travel(value), value)).toBe(true);
  });

  it('BigInts of any size, and never as numbers', () => {
    for (let bits = 0n; bits < 200n; bits++) {
      for (const near of [-1n, 0n, 1n]) {
        const value = (1n << bits) + near;
        expect(travel(value)).toBe(value);
        expect(travel(-value)).toBe(-value);
      }
    }
    const huge = -(3n ** 50_000n);
    expect(travel(huge)).toBe(huge);
  });

  it('Dates, to the millisecond, in all of time', () => {
    const edges = [
      -8.64e15,
      8.64e15,
      -1,
      0,
      1,
      999,
      1000,
      2 ** 32 * 1000 - 1,
      2 ** 32 * 1000,
      2 ** 34 * 1000 - 1,
      2 ** 34 * 1000,
    ];
    for (const ms of edges) expect(travel(new Date(ms)).getTime()).toBe(ms);
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true }), (date) => travel(date).getTime() === date.getTime()),
    );
  });

  it('whatever is nested in whatever', () => {
    const binary = fc.oneof(
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.uint8Array(),
      fc.int16Array(),
      fc.uint32Array(),
      fc.float32Array(),
      fc.float64Array(),
      fc.bigInt64Array(),
    );
    const text = fc.string({ unit: 'binary' });
    const exotic = fc.oneof(
      text,
      fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
      binary,
      fc.constant(undefined),
      fc.bigInt(),
      // Node compares invalid Dates inside Sets and Maps by identity; by themselves they are tested above.
      fc.date({ noInvalidDate: true }),
      fc.double(),
      fc.integer(),
      fc
        .record({ source: fc.constantFrom('a+', '\\/', '(?:)'), flags: fc.constantFrom('', 'g', 'iu') })
        .map((r) => new RegExp(r.source, r.flags)),
      fc
        .record({ message: text, cause: text })
        .map(({ message, cause }) => new TypeError(message, { cause })),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof({ maxDepth: 5 }, exotic, tie('array'), tie('object'), tie('map'), tie('set')),
      array: fc.array(tie('tree')),
      object: fc.dictionary(
        text.filter((key) => key !== '__proto__'),
        tie('tree'),
        { noNullPrototype: true },
      ),
      map: fc.array(fc.tuple(tie('tree'), tie('tree'))).map((entries) => new Map(entries)),
      set: fc.array(tie('tree')).map((members) => new Set(members)),
    }));
    fc.assert(
      fc.property(tree, (value) => isDeepStrictEqual(travel(value), value)),
      { numRuns: 300 },
    );
  });

  it('many values, one after another, from an offset on', () => {
    const values = [1, 'two', { three: 3 }, [4], undefined, new Map([[5, 6n]])];
    const bytes = Buffer.concat([
      Buffer.from('head'),
      ...values.map((value) => Buffer.from(packPayload(value))),
    ]);
    expect(unpackPayloads(bytes, 4, values.length)).toStrictEqual(values);
    expect(unpackPayloads(bytes, bytes.length, 0)).toEqual([]);
  });

  it('the same names and texts again and again, whichever came before', () => {
    const words = Array.from({ length: 5000 }, (_, i) => `k${(i * 7919) % 3000}${'x'.repeat(i % 30)}`);
    const values = words.map((word, i) => ({ [word]: word, [`${word}é`]: i }));
    const bytes = Buffer.concat(values.map((value) => Buffer.from(packPayload(value))));
    expect(unpackPayloads(bytes, 0, values.length)).toStrictEqual(values);
  });
});

describe('objects', () => {
  it('keep the order of their keys', () => {
    expect(Object.keys(travel({ z: 1, a: 2, m: 3, 10: 4, 2: 5 }))).toEqual(['2', '10', 'z', 'a', 'm']);
  });

  it('keep __proto__ as a property of their own, and touch no prototype', () => {
    const received = travel(JSON.parse('{"__proto__":{"admin":true},"b":1}'));
    expect(Object.getPrototypeOf(received)).toBe(Object.prototype);
    expect(Object.keys(received)).toEqual(['__proto__', 'b']);
    expect(Object.getOwnPropertyDescriptor(received, '__proto__')?.value).toEqual({ admin: true });
    expect(received.admin).toBeUndefined();
  });

  it('arrive plain if they were of a class or had no prototype, with their own enumerable properties', () => {
    class User {
      name = 'Ada';
      #secret = 1;
      get secret() {
        return this.#secret;
      }
    }
    expect(travel<object>(new User())).toStrictEqual({ name: 'Ada' });
    expect(travel(Object.assign(Object.create(null), { a: 1 }))).toStrictEqual({ a: 1 });
    expect(
      travel(Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true }, hidden: { value: 3 } })),
    ).toStrictEqual({ own: 2 });
  });

  it('arrive as what their toJSON returns', () => {
    expect(travel<unknown>(new URL('https://example.org/a'))).toBe('https://example.org/a');
    expect(travel<unknown>({ secret: () => 1, toJSON: () => ({ shown: new Date(5) }) })).toStrictEqual({
      shown: new Date(5),
    });
    class Own {
      a = 1;
      toJSON() {
        return this;
      }
    }
    expect(travel<unknown>([new Own()])).toStrictEqual([{ a: 1 }]);
  });

  it('referred to twice arrive as two equal ones', () => {
    const shared = { a: [1] };
    const [first, second] = travel([shared, shared]);
    expect(first).toStrictEqual(shared);
    expect(second).toStrictEqual(shared);
    expect(first).not.toBe(second);
  });

  it('from another realm count as what they are', () => {
    const foreign = runInNewContext(
      '({ d: new Date(1), m: new Map([[1, 2]]), e: new TypeError("x"), o: { a: [1] } })',
    );
    const received = travel(foreign);
    expect(received.d).toStrictEqual(new Date(1));
    expect(received.m).toStrictEqual(new Map([[1, 2]]));
    expect(received.e).toBeInstanceOf(TypeError);
    expect(received.o).toStrictEqual({ a: [1] });
  });

  it('that wrap primitives arrive as the primitives', () => {
    expect(travel<unknown[]>([Object(1), Object('a'), Object(true), Object(2n)])).toStrictEqual([
      1,
      'a',
      true,
      2n,
    ]);
  });
});

describe('arrays', () => {
  it('arrive with undefined where they had holes', () => {
    const holes = [1, 2, 3];
    delete holes[1];
    expect(travel(holes)).toStrictEqual([1, undefined, 3]);
  });

  it('of a class arrive as arrays', () => {
    class List extends Array<number> {}
    expect(travel<unknown>(List.of(1, 2, 3))).toStrictEqual([1, 2, 3]);
  });
});

describe('binary values', () => {
  it('carry no more than what is viewed', () => {
    const whole = Uint8Array.from({ length: 64 }, (_, i) => i);
    expect(travel(new Float32Array(whole.buffer, 8, 3))).toStrictEqual(
      new Float32Array(whole.buffer.slice(8, 20)),
    );
    expect(travel(new DataView(whole.buffer, 3, 2))).toStrictEqual(new DataView(Uint8Array.of(3, 4).buffer));
    expect(travel(whole.subarray(5, 7))).toStrictEqual(Uint8Array.of(5, 6));
    expect(travel(Buffer.from(whole.buffer, 5, 2))).toStrictEqual(Buffer.from([5, 6]));
    expect(travel(whole.subarray(5, 7)).buffer.byteLength).toBe(2);
  });

  it('come as Buffer or as plain Uint8Array, as they were sent', () => {
    expect(Buffer.isBuffer(travel(Buffer.from('a')))).toBe(true);
    expect(Object.getPrototypeOf(travel(Uint8Array.of(1)))).toBe(Uint8Array.prototype);
  });

  it('are aligned wherever they stand in the message, and copies of it', () => {
    for (let offset = 0; offset < 9; offset++) {
      const bytes = Buffer.concat([
        Buffer.alloc(offset),
        Buffer.from(packPayload([Float64Array.of(1.5), Buffer.from('ab')])),
      ]);
      const [value] = unpackPayloads(bytes, offset, 1);
      bytes.fill(0);
      expect(value).toStrictEqual([Float64Array.of(1.5), Buffer.from('ab')]);
    }
  });
});

describe('errors', () => {
  it.each([Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError])(
    'of the class %o stay that',
    (Class) => {
      const sent = new Class('why', { cause: { code: 1 } });
      const received = travel(sent);
      expect(received).toBeInstanceOf(Class);
      expect(Object.getPrototypeOf(received)).toBe(Class.prototype);
      expect(received).toStrictEqual(sent);
      expect(received.stack).toBe(sent.stack);
      expect(Object.keys(received)).toEqual([]);
      expect(String(received)).toBe(String(sent));
    },
  );

  it('keep code, cause, and whatever was added to them', () => {
    const cause = Object.assign(new Error('ENOENT: gone'), { code: 'ENOENT', errno: -2, path: '/a' });
    const received = travel(new Error('outer', { cause }));
    expect(received.cause).toStrictEqual(cause);
    expect(Object.entries(received.cause as object)).toEqual(Object.entries(cause));
  });

  it('of a class of the user arrive as Error, with their name', () => {
    class PaymentError extends Error {
      override name = 'PaymentError';
      amount = 5n;
    }
    const received = travel<Error>(new PaymentError('declined'));
    expect(Object.getPrototypeOf(received)).toBe(Error.prototype);
    expect(received).toMatchObject({ name: 'PaymentError', message: 'declined', amount: 5n });
  });

  it('of many keep them all', () => {
    const received = travel(new AggregateError([new TypeError('a'), 'b'], 'several'));
    expect(received).toBeInstanceOf(AggregateError);
    expect(received.message).toBe('several');
    expect(received.errors).toStrictEqual([new TypeError('a'), 'b']);
  });

  it('that are DOMExceptions keep name, message and code', () => {
    const received = travel<Error>(new DOMException('stopped', 'AbortError'));
    expect(received).toBeInstanceOf(Error);
    expect(received).toMatchObject({ name: 'AbortError', message: 'stopped', code: 20 });
  });

  it('without a stack do not get one of the receiver', () => {
    const sent = new Error('quiet');
    delete sent.stack;
    expect(travel(sent).stack).toBe('Error: quiet');
  });

  it('cost the receiver no stack trace limit', () => {
    const limit = Error.stackTraceLimit;
    travel(new Error('x'));
    expect(Error.stackTraceLimit).toBe(limit);
  });
});

function numbered(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`key${i}`, i]));
}

describe('a Buffer that is received', () => {
  const bytesOf = (value: unknown) => Buffer.from(packPayload(value));

  it('is a copy, unless it may share the bytes and is most of them', () => {
    const large = bytesOf(Buffer.alloc(1000, 7));
    const small = bytesOf([Buffer.alloc(100, 7), 'x'.repeat(1000)]);
    const isShared = (bytes: Buffer, mayShare: boolean) => {
      const [value] = [unpackPayloads(bytes, 0, 1, undefined, mayShare)[0]].flat() as Buffer[];
      bytes.fill(0);
      return value?.[0] === 0;
    };
    expect(isShared(Buffer.from(large), false)).toBe(false);
    expect(isShared(Buffer.from(large), true)).toBe(true);
    expect(isShared(Buffer.from(small), true)).toBe(false);
  });
});
