import { execFile } from 'node:child_process';
import { isDeepStrictEqual, promisify } from 'node:util';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';

type Codec = typeof import('../../src/wire/payload.js');

/** Generates code as often as this. */
let compilations = 0;

/** A codec of its own, with nothing learnt yet; `compiles` tells whether it may generate code. */
async function freshCodec(compiles = true): Promise<Codec> {
  compilations = 0;
  vi.unstubAllGlobals();
  vi.stubGlobal(
    'Function',
    new Proxy(Function, {
      construct(target, args) {
        if (!compiles) throw new EvalError('Code generation from strings disallowed for this context');
        compilations++;
        return Reflect.construct(target, args);
      },
    }),
  );
  vi.resetModules();
  return import('../../src/wire/payload.js');
}

afterEach(() => {
  vi.unstubAllGlobals();
});

function pack(codec: Codec, value: unknown): Buffer {
  return Buffer.from(codec.packPayload(value));
}

function teach(codec: Codec, bytes: Buffer): void {
  for (let i = 0; i < 50; i++) codec.unpackPayloads(bytes, 0, 1);
}

/** A codec that has found out that it may not generate code. */
async function ordinaryCodec(): Promise<Codec> {
  const codec = await freshCodec(false);
  for (let i = 0; i < 2000; i++) codec.unpackPayloads(pack(codec, { ...EVENT }), 0, 1);
  return codec;
}

/** What comes of reading it, such that two outcomes can be compared. */
function outcome(codec: Codec, bytes: Buffer): unknown {
  try {
    return { values: codec.unpackPayloads(bytes, 0, 1) };
  } catch (error) {
    expect(error).toMatchObject({ name: 'PayloadError' });
    return { message: (error as Error).message };
  }
}

/** Deep equality that also sees the order of keys. */
function isSame(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a, b) && JSON.stringify(a, bigintAsText) === JSON.stringify(b, bigintAsText);
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value;
}

const EVENT = {
  seq: 7,
  user: 'user-184467',
  action: 'order:placed',
  amount: 129.95,
  at: 1_760_000_000_007,
  tags: ['mobile', 'returning'],
  paid: true,
  source: { region: 'eu-west-1', shop: 'grün' },
};

describe('maps of the same keys again and again', () => {
  it('are read by generated code from some time on, and come out the same', async () => {
    const codec = await freshCodec();
    const bytes = pack(codec, EVENT);
    for (let i = 0; i < 200; i++) {
      const [event] = codec.unpackPayloads(bytes, 0, 1);
      expect(event).toStrictEqual(EVENT);
      expect(Object.keys(event as object)).toEqual(Object.keys(EVENT));
      expect(Object.getOwnPropertyDescriptor(event, 'seq')).toEqual({
        value: 7,
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
    expect(compilations).toBe(2);
  });

  it('are told apart by any of their keys, and by how many there are', async () => {
    const codec = await freshCodec();
    const keys = ['type', 'id', 'a', 'b', 'ab', 'abc', 'a-b', '$', '_'];
    const shapes = fc.uniqueArray(fc.shuffledSubarray(keys, { minLength: 1 }), {
      minLength: 2,
      maxLength: 30,
    });
    const value = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc.constantFrom('EUR', 'order:placed', 'order:paid', 'eu-west-1/shop', 'a-string-of-exactly-24-b'),
      fc.integer(),
      fc.double({ noNaN: true }),
      fc.constantFrom(null, true, 0, undefined),
    );
    fc.assert(
      fc.property(shapes, fc.array(value, { minLength: 9, maxLength: 9 }), (some, values) => {
        for (let round = 0; round < 12; round++) {
          const objects = some.map((names, i) =>
            Object.fromEntries(names.map((name, j) => [name, values[(i + j + round) % values.length]])),
          );
          const [read] = codec.unpackPayloads(pack(codec, objects), 0, 1) as [object[]];
          if (!isDeepStrictEqual(read, objects)) return false;
          if (!objects.every((object, i) => isSame(Object.keys(read[i] as object), Object.keys(object))))
            return false;
        }
        return true;
      }),
      { numRuns: 200 },
    );
    expect(compilations).toBeGreaterThan(20);
  });

  it('may lack a key, have one more, one twice, another order, or another header before a key', async () => {
    const ordinary = await ordinaryCodec();
    const codec = await freshCodec();
    teach(codec, pack(codec, { a: 1, bb: 2, ccc: 3 }));
    expect(compilations).toBe(1);
    const entry = (key: string, value: number): Buffer => Buffer.concat([pack(codec, key), Buffer.of(value)]);
    const map = (...entries: Buffer[]): Buffer =>
      Buffer.concat([Buffer.of(0x80 | entries.length), ...entries]);
    const [a, b, c] = [entry('a', 1), entry('bb', 2), entry('ccc', 3)] as [Buffer, Buffer, Buffer];
    const longHeader = Buffer.concat([Buffer.of(0xd9, 2), Buffer.from('bb'), Buffer.of(2)]);
    const proto = entry('__proto__', 4);
    const forms = [map(a, b), map(a, b, c, entry('d', 4)), map(a, b, a), map(c, b, a), map(a, c, b)];
    forms.push(map(a, longHeader, c), map(a, b, proto), map(proto, b, c), map(a, b, b), map(a, a, a));
    for (const form of forms) expect(isSame(outcome(codec, form), outcome(ordinary, form))).toBe(true);
    expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('a');
  });

  it('come out the same, or fail the same way, with any byte changed and cut short anywhere', async () => {
    const ordinary = await ordinaryCodec();
    const codec = await freshCodec();
    const bytes = pack(codec, EVENT);
    teach(codec, bytes);
    expect(compilations).toBe(2);
    for (let end = 0; end < bytes.length; end++) {
      const cut = bytes.subarray(0, end);
      expect(outcome(codec, cut)).toEqual(outcome(ordinary, cut));
    }
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      for (let byte = 0; byte < 256; byte++) {
        changed[at] = byte;
        const [one, other] = [outcome(codec, changed), outcome(ordinary, changed)];
        if (!isSame(one, other)) expect(one).toEqual(other);
      }
    }
  });

  it('are limited in depth as all others, however many keys they have', async () => {
    const codec = await freshCodec();
    const level = (inner: unknown): object => ({
      ...Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`key${i}`, i])),
      inner,
    });
    let value: unknown = 'deep';
    for (let depth = 0; depth < 512; depth++) value = level(value);
    const bytes = pack(codec, value);
    for (let i = 0; i < 20; i++)
      expect(Buffer.compare(pack(codec, codec.unpackPayloads(bytes, 0, 1)[0]), bytes)).toBe(0);
    const tooDeep = Buffer.concat([Buffer.of(0x81, 0xa1, 0x61), bytes]);
    for (let i = 0; i < 20; i++) expect(() => codec.unpackPayloads(tooDeep, 0, 1)).toThrow('512 levels');
  });
});

describe('keys of a stranger', () => {
  it('never become code, and do what they always do', async () => {
    const codec = await freshCodec();
    const names = [
      '"',
      '\\',
      '`',
      '{x}',
      "'];throw 1;//",
      'a\nb',
      '\u2028',
      '__proto__',
      'constructor',
      '1',
      'é',
    ];
    for (const name of names) {
      const bytes = pack(codec, JSON.parse(`{"ok":1,${JSON.stringify(name)}:2}`));
      for (let i = 0; i < 50; i++) {
        const [object] = codec.unpackPayloads(bytes, 0, 1) as [object];
        expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
        expect(Object.getOwnPropertyDescriptor(object, name)?.value).toBe(2);
      }
    }
    expect(compilations).toBe(0);
  });

  it('in whatever number, make it generate code for no more than 256 shapes', async () => {
    const codec = await freshCodec();
    for (let shape = 0; shape < 2000; shape++) {
      const object = { [`k${shape}`]: 1, [`l${shape}`]: 'text' };
      const bytes = pack(codec, object);
      for (let i = 0; i < 20; i++) expect(codec.unpackPayloads(bytes, 0, 1)).toStrictEqual([object]);
    }
    expect(compilations).toBe(256);
  });

  it('that never come again, or are numbered, make it generate no code', async () => {
    const codec = await freshCodec();
    for (let i = 0; i < 5000; i++) {
      const object = { [`id-${i}`]: 1, [`user-${(i * 7919) % 500}`]: 2 };
      expect(codec.unpackPayloads(pack(codec, object), 0, 1)).toStrictEqual([object]);
    }
    expect(compilations).toBe(0);
  });

  it('with many keys, make it generate code for no more than 4096 keys', async () => {
    const codec = await freshCodec();
    const letters = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'];
    for (let shape = 0; shape < 300; shape++) {
      const keys = letters.slice(0, 32).map((letter, i) => [`${letter}${shape}${letters[51 - i]}`, i]);
      const bytes = pack(codec, Object.fromEntries(keys));
      for (let i = 0; i < 40; i++) codec.unpackPayloads(bytes, 0, 1);
    }
    expect(compilations).toBe(128);
  });

  it('that share size and first key make no function without bound', async () => {
    const codec = await freshCodec();
    for (let shape = 0; shape < 100; shape++) {
      const object = { type: 1, [`l${shape}`]: 'text' };
      const bytes = pack(codec, object);
      for (let i = 0; i < 20; i++) expect(codec.unpackPayloads(bytes, 0, 1)).toStrictEqual([object]);
    }
    expect(compilations).toBe(8);
  });
});

describe('objects of the same keys again and again', () => {
  /** Packs objects of this shape until code was generated for it. */
  function teachPacking(codec: Codec, make: () => unknown): void {
    const before = compilations;
    for (let i = 0; i < 2000 && compilations === before; i++) codec.packPayload(make());
    expect(compilations).toBeGreaterThan(before);
  }

  /** The bytes, or what is wrong. */
  function packed(codec: Codec, value: unknown): string {
    try {
      return pack(codec, value).toString('hex');
    } catch (error) {
      return (error as Error).message;
    }
  }

  it('are written by generated code from some time on, to the same bytes', async () => {
    const ordinary = await ordinaryCodec();
    const codec = await freshCodec();
    const columns = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`column${i}`, 0]));
    for (const shape of [EVENT, EVENT.source, columns]) teachPacking(codec, () => ({ ...shape }));
    const keys = fc.constantFrom(...Object.keys(EVENT), ...Object.keys(columns), 'other', '1', 'é');
    fc.assert(
      fc.property(
        fc.constantFrom({ ...EVENT }, { ...columns }),
        fc.dictionary(keys, fc.anything({ withDate: true, withBigInt: true }), { maxKeys: 5 }),
        fc.subarray(Object.keys(EVENT), { minLength: 6 }),
        (shape, changes, some) => {
          const values = [{ ...shape, ...changes }, Object.fromEntries(some.map((key) => [key, EVENT]))];
          return packed(codec, values) === packed(ordinary, values);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('find room, or do not, as all others', async () => {
    const ordinary = await ordinaryCodec();
    const codec = await freshCodec();
    const columns = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`column${i}`, 2 ** 40 + i]));
    for (const shape of [EVENT, columns]) {
      teachPacking(codec, () => ({ ...shape }));
      const expected = pack(ordinary, shape);
      for (let room = 0; room < expected.length + 64; room++) {
        const memory = Buffer.alloc(room + 40, 0xee);
        const end = codec.packInto(shape, memory.subarray(0, 20 + room), 20);
        const bytes = end < 0 ? Buffer.from(codec.takeSpilled()) : memory.subarray(20, end);
        expect(bytes).toEqual(expected);
        expect(memory.subarray(0, 20)).toEqual(Buffer.alloc(20, 0xee));
        expect(memory.subarray(20 + room)).toEqual(Buffer.alloc(20, 0xee));
      }
    }
  });

  it('are read in order, and may change while they are', async () => {
    const ordinary = await ordinaryCodec();
    const codec = await freshCodec();
    for (const count of [3, 20]) {
      const fillers = Object.fromEntries(Array.from({ length: count }, (_, i) => [`filler${i}`, i]));
      teachPacking(codec, () => ({ first: 1, gone: 2, list: [], last: 'x', ...fillers }));
      const changing = (): object => {
        const object: Record<string, unknown> = { first: 1, gone: 2, list: [], last: 'x', ...fillers };
        object.first = {
          toJSON() {
            delete object.gone;
            delete object.filler1;
            object.added = 1;
            object.last = 'changed';
            return 'first';
          },
        };
        return object;
      };
      expect(packed(codec, changing())).toBe(packed(ordinary, changing()));
      const order: string[] = [];
      const watched = (name: string): object => ({
        get: () => {
          order.push(name);
          return packed(codec, { first: 1, gone: 2, list: [], last: name });
        },
        enumerable: true,
      });
      const names = ['first', 'gone', 'list', 'last', ...Object.keys(fillers)];
      const object = Object.defineProperties(
        {},
        Object.fromEntries(names.map((name) => [name, watched(name)])),
      );
      expect(packed(codec, object)).toBe(packed(ordinary, object));
      expect(order).toEqual([...names, ...names]);
    }
  });

  it('may inherit, hide, be proxies or have undefined values', async () => {
    const ordinary = await ordinaryCodec();
    const codec = await freshCodec();
    teachPacking(codec, () => ({ alpha: 1, beta: 2 }));
    const values = [
      Object.assign(Object.create({ beta: 1 }), { alpha: 1 }),
      Object.assign(Object.create({ alpha: 1 }), { beta: 1 }),
      Object.defineProperty({ alpha: 1 }, 'beta', { value: 2, enumerable: false }),
      new Proxy({ alpha: 1, beta: 2 }, {}),
      { alpha: undefined, beta: undefined },
      { alpha: 1, beta: 2, toJSON: () => 'json' },
      Object.assign(new (class Pair {})(), { alpha: 1, beta: [new Map([[1, { alpha: 1, beta: 2 }]])] }),
      Object.assign(Object.create(null), { alpha: 1, beta: 2 }),
    ];
    for (const value of values) expect(packed(codec, value)).toBe(packed(ordinary, value));
  });

  it('are refused by the way to what cannot travel', async () => {
    const codec = await freshCodec();
    teachPacking(codec, () => ({ alpha: 1, beta: 'b', gamma: [] }));
    const make = (gamma: unknown): object => ({ alpha: { alpha: 1, beta: 'b', gamma }, beta: 1, gamma: 1 });
    expect(() => codec.packPayload(make([() => 1]))).toThrow('data.alpha.gamma[0]: a function cannot travel');
    const boom = {
      alpha: 1,
      get beta() {
        throw new Error('boom');
      },
      gamma: 1,
    };
    expect(() => codec.packPayload(make(boom))).toThrow(
      'data.alpha.gamma.beta: reading it threw Error: boom',
    );
    const circle = { alpha: 1, beta: 2, gamma: undefined as unknown };
    circle.gamma = circle;
    expect(() => codec.packPayload(circle)).toThrow('a circular structure cannot travel');
    expect(pack(codec, { alpha: 1, beta: 'b', gamma: null })).toEqual(
      Buffer.from('83a5616c70686101a462657461a162a567616d6d61c0', 'hex'),
    );
  });

  it('make the codec generate code once, whatever comes in between', async () => {
    const codec = await freshCodec();
    teachPacking(codec, () => ({ alpha: 1, beta: 2 }));
    for (let i = 0; i < 20_000; i++) {
      codec.packPayload({ alpha: 1, beta: 2 });
      for (let j = 0; j < 9; j++) codec.packPayload({ [`unheard of ${i * 9 + j}`]: 1 });
      if (i % 20 === 0) for (let j = 0; j < 100; j++) codec.packPayload({ [`of ${i}`]: j });
    }
    expect(compilations).toBe(1);
  });

  it('make the codec generate code once, if they inherit properties as well', async () => {
    const codec = await freshCodec();
    const inherited = { greet: true };
    for (let i = 0; i < 5000; i++) codec.packPayload(Object.assign(Object.create(inherited), { alpha: 1 }));
    expect(compilations).toBe(1);
  });

  it('in whatever number, make the codec generate code for no more than 256 shapes', async () => {
    const codec = await freshCodec();
    for (let shape = 0; shape < 300; shape++) {
      for (let i = 0; i < 1000; i++) codec.packPayload({ [`k${shape}`]: 1, [`l${shape}`]: 'text' });
    }
    expect(compilations).toBe(256);
  });
});

describe('a process without `__proto__`', () => {
  it('gives it to nobody as a prototype', async () => {
    const url = new URL('../../src/wire/payload.ts', import.meta.url);
    const script = `
      import { packPayload, unpackPayloads } from ${JSON.stringify(url.href)};
      const bytes = Buffer.from(packPayload(JSON.parse('{"__proto__":{"isAdmin":true},"id":1}')));
      let value;
      for (let i = 0; i < 100; i++) [value] = unpackPayloads(bytes, 0, 1);
      console.log(value.isAdmin, Object.keys(value).join());`;
    const flags = ['--disable-proto=delete', '--import', 'tsx', '--input-type=module'];
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, '--eval', script]);
    expect(stdout.trim()).toBe('undefined __proto__,id');
  });
});

describe('a process that may not generate code', () => {
  it('reads and writes everything the ordinary way', async () => {
    const url = new URL('../../src/wire/payload.ts', import.meta.url);
    const script = `
      import { packPayload, unpackPayloads } from ${JSON.stringify(url.href)};
      const event = ${JSON.stringify(EVENT)};
      let text;
      for (let i = 0; i < 2000; i++) text = JSON.stringify(unpackPayloads(Buffer.from(packPayload(event)), 0, 1));
      let refused = false;
      try { new Function(''); } catch { refused = true; }
      console.log(refused + text);`;
    const flags = ['--disallow-code-generation-from-strings', '--import', 'tsx', '--input-type=module'];
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, '--eval', script]);
    expect(stdout.trim()).toBe(`true${JSON.stringify([EVENT])}`);
  });
});

describe('values of the same text again and again', () => {
  it('are never taken for one another', async () => {
    const codec = await freshCodec();
    const alphabet = fc.constantFrom('a', 'b', 'é');
    const text = fc.string({ unit: alphabet, minLength: 0, maxLength: 26 });
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 20 }), (texts) => {
        const events = Array.from({ length: 20 }, (_, i) => ({ text: texts[i % texts.length], i }));
        return isDeepStrictEqual(codec.unpackPayloads(pack(codec, events), 0, 1), [events]);
      }),
      { numRuns: 500 },
    );
  });
});
