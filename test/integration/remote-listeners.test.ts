import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DistributedEmitter } from '../../src/emitter.js';
import { Bus } from '../support/bus.js';
import { caughtUp, MARKER } from '../support/caught-up.js';

let bus: Bus;
beforeAll(async () => {
  bus = await Bus.start();
});
afterAll(() => bus[Symbol.asyncDispose]());

/** The next event that is not one of Emittery's meta events: as in Emittery, `anyEvent()` gives these as well. */
async function nextEvent(iterator: AsyncIterableIterator<[PropertyKey, unknown]>): Promise<unknown> {
  for (;;) {
    const { value } = await iterator.next();
    const [name] = value as [PropertyKey];
    if (name !== DistributedEmitter.listenerAdded && name !== DistributedEmitter.listenerRemoved)
      return value;
  }
}

describe('remote events reach the listeners that Emittery would call', () => {
  test('two on() in one tick, for two names and for one', async () => {
    await using here = await bus.emitter();
    await using there = await bus.emitter();
    const seen: unknown[] = [];
    there.on('a', (data) => seen.push(['a', data]));
    there.on('b', (data) => seen.push(['b', data]));
    there.on('b', (data) => seen.push(['b again', data]));
    await there.ready();
    await here.emit('a', 1);
    await here.emit('b', 2);
    await caughtUp(here, there);
    expect(seen).toEqual([
      ['a', 1],
      ['b', 2],
      ['b again', 2],
    ]);
  });

  test('on() after onAny(), and onAny() after on(): each gets an event once, and keeps it when the other goes', async () => {
    await using here = await bus.emitter();
    await using there = await bus.emitter();
    const seen: unknown[] = [];
    const offAny = there.onAny((name, data) => name !== MARKER && seen.push(['any', data]));
    const off = there.on('a', (data) => seen.push(['on', data]));
    await there.ready();
    await here.emit('a', 1);
    await caughtUp(here, there);
    offAny();
    await there.ready();
    await here.emit('a', 2);
    await caughtUp(here, there);
    there.onAny((name, data) => name !== MARKER && seen.push(['any again', data]));
    await there.ready();
    await here.emit('a', 3);
    await caughtUp(here, there);
    off();
    await there.ready();
    await here.emit('a', 4);
    await caughtUp(here, there);
    expect(seen).toEqual([
      ['on', 1],
      ['any', 1],
      ['on', 2],
      ['on', 3],
      ['any again', 3],
      ['any again', 4],
    ]);
  });

  test("names '', 0, '0', numbers and registered symbols are told apart, by name and by onAny()", async () => {
    await using here = await bus.emitter();
    await using there = await bus.emitter();
    const names: PropertyKey[] = ['', 0, '0', -1.5, Symbol.for('0'), Symbol.for(''), 'a', 'a:b', 'ü\0\ud800'];
    const byName: unknown[] = [];
    const any: unknown[] = [];
    for (const name of names) there.on(name, (data) => byName.push([name, data]));
    there.onAny((name, data) => name !== MARKER && any.push([name, data]));
    await there.ready();
    for (const name of names) await here.emit(name, String(name));
    await caughtUp(here, there);
    const expected = names.map((name) => [name, String(name)]);
    expect(byName).toEqual(expected);
    expect(any).toEqual(expected);
  });

  test('a listener of `user` does not get `user:login`, nor the other way round', async () => {
    await using here = await bus.emitter();
    await using there = await bus.emitter();
    const seen: unknown[] = [];
    there.on('user', (data) => seen.push(data));
    there.on('user:login:late', (data) => seen.push(data));
    await there.ready();
    for (const name of ['user:login', 'use', 'user', 'username', '']) await here.emit(name, name);
    await caughtUp(here, there);
    expect(seen).toEqual(['user']);
  });

  test('the same listener twice is one, and off() ends it', async () => {
    await using here = await bus.emitter();
    await using there = await bus.emitter();
    const seen: unknown[] = [];
    const listener = (data: unknown) => seen.push(data);
    there.on('a', listener);
    there.on('a', listener);
    await there.ready();
    await here.emit('a', 1);
    await caughtUp(here, there);
    there.off('a', listener);
    await here.emit('a', 2);
    await caughtUp(here, there);
    expect(seen).toEqual([1]);
  });

  test('an AbortSignal ends it', async () => {
    await using here = await bus.emitter();
    await using there = await bus.emitter();
    const seen: unknown[] = [];
    const controller = new AbortController();
    there.on('a', (data) => seen.push(data), { signal: controller.signal });
    await there.ready();
    await here.emit('a', 1);
    await caughtUp(here, there);
    controller.abort();
    await here.emit('a', 2);
    await caughtUp(here, there);
    expect(seen).toEqual([1]);
  });

  test('listeners and iterators of every kind added before connect()', async () => {
    await using here = await bus.emitter();
    await using there = new DistributedEmitter(bus.addresses);
    const seen: unknown[] = [];
    there.on('a', (data) => seen.push(['on', data]));
    there.onAny((name, data) => name !== MARKER && seen.push(['any', data]));
    const once = there.once('a');
    const named = there.events('a');
    const all = there.anyEvent();
    await there.connect();
    await here.emit('a', 1);
    await caughtUp(here, there);
    expect(seen).toEqual([
      ['on', 1],
      ['any', 1],
    ]);
    expect(await once).toBe(1);
    expect(await named.next()).toEqual({ done: false, value: 1 });
    expect(await nextEvent(all)).toEqual(['a', 1]);
  });

  test('events() and anyEvent() - events from here and from elsewhere', async () => {
    await using here = await bus.emitter();
    await using there = await bus.emitter();
    const named = there.events(['a', 0]);
    const all = there.anyEvent();
    await there.ready();
    await here.emit('a', 'remote');
    await caughtUp(here, there);
    await there.emit(0, 'local');
    expect([await named.next(), await named.next()].map(({ value }) => value)).toEqual(['remote', 'local']);
    const events = [await nextEvent(all), await nextEvent(all), await nextEvent(all)];
    expect(events).toEqual([
      ['a', 'remote'],
      [MARKER, undefined],
      [0, 'local'],
    ]);
  });

  test('once() - with a predicate: the first remote event it accepts', async () => {
    await using here = await bus.emitter();
    await using there = await bus.emitter();
    const accepted = there.once(['a', 'b'], (data) => data > 1);
    await there.ready();
    for (const [name, data] of [
      ['a', 1],
      ['b', 2],
      ['a', 3],
    ] as const) {
      await here.emit(name, data);
    }
    expect(await accepted).toBe(2);
    expect(there.listenerCount()).toBe(0);
  });

  test('clearListeners() and then on(), onAny(), events(), anyEvent() again', async () => {
    await using here = await bus.emitter();
    await using there = await bus.emitter();
    const seen: unknown[] = [];
    const listenAll = (round: number) => {
      there.on('a', (data) => seen.push([round, 'on', data]));
      there.onAny((name, data) => name !== MARKER && seen.push([round, 'any', data]));
      return [there.events('a'), there.anyEvent()] as const;
    };
    const before = listenAll(1);
    await there.ready();
    there.clearListeners();
    await here.emit('a', 'nobody');
    await caughtUp(here, there);
    const after = listenAll(2);
    await there.ready();
    await here.emit('a', 'somebody');
    await caughtUp(here, there);
    expect(seen).toEqual([
      [2, 'on', 'somebody'],
      [2, 'any', 'somebody'],
    ]);
    for (const iterator of before) expect(await iterator.next()).toEqual({ done: true });
    expect((await after[0].next()).value).toBe('somebody');
    expect(await nextEvent(after[1])).toEqual(['a', 'somebody']);
  });

  test('clearListeners(name) and then on() again', async () => {
    await using here = await bus.emitter();
    await using there = await bus.emitter();
    const seen: unknown[] = [];
    there.on(['a', 'b'], (data) => seen.push(data));
    there.clearListeners('a');
    await there.ready();
    await here.emit('a', 'a, nobody');
    await here.emit('b', 'b');
    await caughtUp(here, there);
    there.on('a', (data) => seen.push(data));
    await there.ready();
    await here.emit('a', 'a, again');
    await caughtUp(here, there);
    expect(seen).toEqual(['b', 'a, again']);
  });
});

describe('while a remote event is being delivered', () => {
  test('who is removed gets it no more, not even the rest of the same batch', async () => {
    await using here = await bus.emitter();
    await using there = await bus.emitter();
    const seen: unknown[] = [];
    const offs: (() => void)[] = [];
    there.on('a', (data) => {
      seen.push(['remover', data]);
      if (data === 2) for (const off of offs) off();
    });
    offs.push(there.on('a', (data) => seen.push(['named', data])));
    offs.push(there.onAny((_name, data) => seen.push(['any', data])));
    await there.ready();
    for (const data of [1, 2, 3]) void here.emit('a', data);
    await caughtUp(here, there);
    expect(seen).toEqual([
      ['remover', 1],
      ['named', 1],
      ['any', 1],
      ['remover', 2],
      ['remover', 3],
    ]);
  });

  test('who is added gets the next one', async () => {
    await using here = await bus.emitter();
    await using there = await bus.emitter();
    const seen: unknown[] = [];
    const off = there.on('a', () => {
      off();
      there.on('a', (data) => seen.push(['named', data]));
      there.onAny((name, data) => name === 'a' && seen.push(['any', data]));
    });
    await there.ready();
    for (const data of [1, 2]) void here.emit('a', data);
    await caughtUp(here, there);
    expect(seen).toEqual([
      ['named', 2],
      ['any', 2],
    ]);
  });

  test('clearListeners() by a listener ends it at once', async () => {
    await using here = await bus.emitter();
    await using there = await bus.emitter();
    const seen: unknown[] = [];
    const cleared = new Promise<void>((resolve) => {
      there.on('a', (data) => {
        seen.push(data);
        there.clearListeners();
        resolve();
      });
    });
    there.on('a', (data) => seen.push(data));
    there.onAny((_name, data) => seen.push(data));
    await there.ready();
    for (const data of [1, 2]) void here.emit('a', data);
    await cleared;
    await caughtUp(here, there);
    expect(seen).toEqual([1]);
  });

  test('a listener may emit: what it emits goes out, and comes back only as an event of another', async () => {
    await using here = await bus.emitter();
    await using there = await bus.emitter();
    const trace: unknown[] = [];
    there.on('ping', (n: number) => {
      trace.push(['ping', n]);
      void there.emit('pong', n);
    });
    const finished = new Promise<void>((resolve) => {
      here.on('pong', (n: number) => {
        trace.push(['pong', n]);
        if (n === 3) resolve();
        else void here.emit('ping', n + 1);
      });
    });
    await Promise.all([here.ready(), there.ready()]);
    await here.emit('ping', 1);
    await finished;
    expect(trace).toEqual(
      [1, 2, 3].flatMap((n) => [
        ['ping', n],
        ['pong', n],
      ]),
    );
  });
});
