import { describe, expect, it } from 'vitest';
import { PayloadError, packPayload, unpackPayloads } from '../../src/wire/payload.js';

function refusal(value: unknown): PayloadError {
  try {
    packPayload(value);
  } catch (error) {
    expect(error).toBeInstanceOf(PayloadError);
    return error as PayloadError;
  }
  throw new Error('it was packed');
}

function travel(value: unknown): unknown {
  return unpackPayloads(Buffer.from(packPayload(value)), 0, 1)[0];
}

describe('what cannot travel is refused, by the way to it', () => {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const revokedArray = Proxy.revocable([], {});
  revokedArray.revoke();

  it.each<[string, unknown, string]>([
    ['a function', { users: [1, { onClick: () => 1 }] }, 'data.users[1].onClick: a function cannot travel'],
    ['a class', class {}, 'data: a function cannot travel'],
    ['a symbol', { 'my key': Symbol('s') }, 'data["my key"]: a symbol cannot travel'],
    ['a boxed symbol', [Object(Symbol.iterator)], 'data[0]: a symbol cannot travel'],
    ['a Promise', { p: Promise.resolve() }, 'data.p: a Promise cannot travel'],
    ['a WeakMap', [new WeakMap()], 'data[0]: a WeakMap cannot travel'],
    ['a WeakSet', [new WeakSet()], 'data[0]: a WeakSet cannot travel'],
    ['a WeakRef', [new WeakRef({})], 'data[0]: a WeakRef cannot travel'],
    ['a SharedArrayBuffer', new SharedArrayBuffer(8), 'data: a SharedArrayBuffer cannot travel'],
    ['an iterator', [].values(), 'data: an object of the class Array Iterator cannot travel'],
    [
      'a URLSearchParams',
      { q: new URLSearchParams('a=1') },
      'data.q: an object of the class URLSearchParams cannot travel',
    ],
    ['a Map key', new Map([[() => 1, 1]]), 'data<key 0>: a function cannot travel'],
    [
      'a Map value',
      {
        m: new Map([
          ['a', 1],
          ['b', Symbol()],
        ] as [string, unknown][]),
      },
      'data.m<value 1>: a symbol cannot travel',
    ],
    ['a Set member', new Set([1, () => 1]), 'data<member 1>: a function cannot travel'],
    ['a cause', new Error('x', { cause: () => 1 }), 'data.cause: a function cannot travel'],
    [
      'a property of an Error',
      Object.assign(new Error('x'), { retry: () => 1 }),
      'data.retry: a function cannot travel',
    ],
  ])('%s', (_name, value, message) => {
    expect(refusal(value).message).toBe(message);
  });

  it('a getter that throws', () => {
    const boom = new Error('boom');
    const value = {
      list: [
        {
          get secret() {
            throw boom;
          },
        },
      ],
    };
    const error = refusal(value);
    expect(error.message).toBe('data.list[0].secret: reading it threw Error: boom');
    expect(error.cause).toBe(boom);
  });

  it('a toJSON that throws, and whatever else is thrown', () => {
    const unprintable = {
      toString() {
        throw 1;
      },
    };
    const value = {
      toJSON() {
        throw unprintable;
      },
    };
    expect(refusal({ a: value }).message).toBe('data.a: reading it threw something that cannot be shown');
  });

  it('a revoked proxy', () => {
    expect(refusal({ a: revoked.proxy }).message).toMatch(/^data\.a: reading it threw TypeError/);
    expect(refusal(revokedArray.proxy).message).toMatch(/^data: reading it threw TypeError/);
  });

  it('a proxy that will not list its keys', () => {
    const secretive = new Proxy({}, { ownKeys: () => Number('x').toFixed(101) as never });
    expect(refusal({ a: secretive }).message).toMatch(/^data\.a: reading it threw RangeError/);
  });

  it('too many RegExps that take long to compile', () => {
    expect(refusal([new RegExp('\\p{L}'.repeat(2000), 'u')]).message).toMatch(/^data\[0\]: too many Unicode/);
  });

  it('arrays that are nearly all holes, at once', () => {
    const holes: unknown[] = [];
    holes[4_294_967_294] = 1;
    expect(refusal({ holes }).message).toMatch(/^data\.holes: more than \d+ bytes/);
  });

  it('more bytes than the limit', () => {
    const part = 'x'.repeat(100 * 1024 * 1024);
    expect(refusal([part, part, part]).message).toMatch(/^data\[2\]: more than \d+ bytes/);
    expect(travel(1)).toBe(1);
  });
});

describe('circles and depth', () => {
  it('refuses a circle of any kind', () => {
    const object: Record<string, unknown> = { name: 'o' };
    object.self = object;
    const array: unknown[] = [];
    array.push({ up: array });
    const map = new Map<unknown, unknown>();
    map.set('map', new Set([map]));
    const error = new Error('x');
    error.cause = error;
    for (const value of [object, array, map, error]) {
      expect(refusal({ value }).message).toMatch(/^data\.value.*: a circular structure cannot travel$/);
    }
    expect(refusal(object).message.length).toBeLessThan(300);
  });

  it('refuses a large circle without going round for long', () => {
    const children = Array.from({ length: 1000 }, (_, i) => ({
      i,
      parent: undefined as unknown,
      text: 'x'.repeat(1000),
    }));
    const tree = { children };
    for (const child of children) child.parent = tree;
    expect(refusal(tree).message).toMatch(/a circular structure cannot travel$/);
  });

  it('refuses what makes itself up while it is read', () => {
    const endless = (): unknown => ({
      toJSON: endless,
    });
    expect(refusal(endless()).message).toMatch(/nested deeper than 512 levels$/);
    const doubling = (): object => ({
      child: doubled,
      toJSON: () => ({ child: doubled, again: doubling() }),
    });
    const doubled = {};
    expect(refusal(doubling()).message).toMatch(/nested deeper than 512 levels$/);
  });

  it.each<[string, (inner: unknown) => unknown]>([
    ['arrays', (inner) => [inner]],
    ['objects', (inner) => ({ inner })],
    ['Maps', (inner) => new Map([[1, inner]])],
    ['Sets', (inner) => new Set([inner])],
    ['causes', (cause) => new Error('x', { cause })],
  ])('takes 512 levels of %s and refuses one more', (_name, wrap) => {
    let value: unknown = 'deep';
    for (let level = 0; level < 512; level++) value = wrap(value);
    const bytes = Buffer.from(packPayload(value));
    expect(Buffer.from(packPayload(unpackPayloads(bytes, 0, 1)[0]))).toEqual(bytes);
    expect(refusal(wrap(value)).message).toMatch(/: nested deeper than 512 levels$/);
  });

  it('does not take shared references for circles, at any depth', () => {
    const shared = { a: 1 };
    let value: unknown = [shared, shared];
    for (let level = 0; level < 100; level++) value = [shared, value, shared];
    expect(travel(value)).toStrictEqual(value);
  });

  it('reports a stack that was nearly used up before', () => {
    const dive = (): number => {
      try {
        return dive() + 1;
      } catch {
        return 0;
      }
    };
    let value: unknown = 1;
    for (let level = 0; level < 500; level++) value = [value];
    const atTheEdge = (): void => {
      try {
        atTheEdge();
      } catch {
        try {
          packPayload(value);
        } catch (error) {
          if (!(error instanceof PayloadError) && !(error instanceof RangeError)) throw error;
        }
      }
    };
    expect(dive()).toBeGreaterThan(0);
    atTheEdge();
    expect(travel(value)).toStrictEqual(value);
  });
});

describe('packing is undisturbed', () => {
  it('by a value that failed before', () => {
    for (let i = 0; i < 100; i++) {
      refusal({ a: 'x'.repeat(i), b: [{ c: () => 1 }] });
      expect(travel({ a: i })).toStrictEqual({ a: i });
    }
  });

  it('by a getter, a toJSON or a proxy that packs something itself', () => {
    const inner = (n: number): number => Buffer.from(packPayload({ n, text: 'y'.repeat(50_000) })).length;
    const sent = {
      before: 'before',
      get packed() {
        return inner(1);
      },
      json: { toJSON: () => [inner(2), inner(3)] },
      proxy: new Proxy(
        { a: 1 },
        { get: (target, key, self) => (inner(4) > 0 ? Reflect.get(target, key, self) : undefined) },
      ),
      after: 'after',
    };
    const length = inner(1);
    expect(travel(sent)).toStrictEqual({
      before: 'before',
      packed: length,
      json: [length, length],
      proxy: { a: 1 },
      after: 'after',
    });
  });

  it('by a getter whose own packing fails', () => {
    const sent = {
      get bad() {
        return packPayload(() => 1);
      },
    };
    expect(refusal(sent).message).toBe(
      'data.bad: reading it threw PayloadError: data: a function cannot travel',
    );
    expect(travel('next')).toBe('next');
  });

  it('by collections that change while they are packed', () => {
    const set = new Set<unknown>();
    const array: unknown[] = [];
    const grow = {
      toJSON() {
        set.add({});
        array.length = 0;
        return 'grown';
      },
    };
    set.add(grow).add(1);
    array.push(grow, 1, 2);
    expect(travel(set)).toStrictEqual(new Set(['grown', 1]));
    array.push(grow, 1, 2);
    expect(travel(array)).toStrictEqual(['grown', undefined, undefined]);
  });

  it('by an array proxy that lies about its length', () => {
    for (const length of ['x', Number.NaN, 1.5, -1, null]) {
      const liar = new Proxy([1, 2], {
        get: (target, key) => (key === 'length' ? length : Reflect.get(target, key)),
      });
      try {
        expect(Array.isArray(travel(liar))).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(PayloadError);
      }
    }
  });

  it('by what was in memory before: the same value always has the same bytes', () => {
    const value = [
      Int16Array.of(1, 2),
      new DataView(new ArrayBuffer(5)),
      new Date(-1),
      2n ** 90n,
      'é'.repeat(50),
    ];
    const first = Buffer.from(packPayload(value));
    packPayload('\xff'.repeat(10_000));
    expect(Buffer.from(packPayload(value))).toEqual(first);
  });
});
