import { describe, expect, test } from 'vitest';
import { DistributedEmitter } from '../../src/emitter.js';
import { describeInEverySetting } from '../support/emittery-settings.js';

const DONE = { done: true };
const item = (value: unknown) => ({ done: false, value });

describeInEverySetting('events() and anyEvent()', ({ open }) => {
  test('events() - buffers, waits for what comes later, and ends with a break', async () => {
    await using here = await open();
    const iterator = here.emitter.events('a');
    await here.emitter.emit('a', 1);
    await here.emitter.emit('b', 'not asked for');
    await here.emitter.emitSerial('a', 2);
    setImmediate(() => void here.emitter.emit('a', 3));
    const seen: unknown[] = [];
    for await (const data of iterator) {
      seen.push(data);
      if (seen.length === 3) break;
    }
    expect(seen).toEqual([1, 2, 3]);
    expect(here.emitter.listenerCount()).toBe(0);
    expect(await iterator.next()).toEqual(DONE);
  });

  test('events() - several names, in the order of their events', async () => {
    await using here = await open();
    const local = Symbol('local');
    const iterator = here.emitter.events(['a', 0, local]);
    for (const name of [local, 'a', 'b', 0, 'a']) await here.emitter.emit(name, String(name));
    const seen = [await iterator.next(), await iterator.next(), await iterator.next(), await iterator.next()];
    expect(seen).toEqual([item('Symbol(local)'), item('a'), item('0'), item('a')]);
  });

  test('anyEvent() - names and data of all events, with their types', async () => {
    await using here = await open();
    const iterator = here.emitter.anyEvent();
    const local = Symbol('local');
    for (const name of ['1', 1, '', local]) await here.emitter.emit(name, { of: name });
    for (const name of ['1', 1, '', local]) {
      expect(await iterator.next()).toEqual(item([name, { of: name }]));
    }
  });

  test('events() and anyEvent() - data that is a promise is awaited', async () => {
    await using here = await open();
    here.emitter.on('distributed:error', () => {});
    const iterator = here.emitter.events('a');
    const all = here.emitter.anyEvent();
    void here.emitter.emit('a', Promise.resolve('later'));
    expect(await iterator.next()).toEqual(item('later'));
    expect(await all.next()).toEqual(item(['a', 'later']));
  });

  test('events() - an event is there as soon as emit() was called', async () => {
    await using here = await open();
    const iterator = here.emitter.events('a');
    here.emitter.on('a', () => void iterator.return?.());
    void here.emitter.emit('a', 1);
    expect(await iterator.next()).toEqual(item(1));
    expect(await iterator.next()).toEqual(DONE);
  });

  test('anyEvent() - return() by a listener of the same event', async () => {
    await using here = await open();
    // Iterators get the meta events of whoever is added later.
    here.emitter.onAny(() => void iterator.return?.());
    const iterator = here.emitter.anyEvent();
    void here.emitter.emit('a', 1);
    expect(await iterator.next()).toEqual(item(['a', 1]));
    expect(await iterator.next()).toEqual(DONE);
  });

  for (const method of ['events', 'anyEvent'] as const) {
    const iterate = (emitter: Awaited<ReturnType<typeof open>>['emitter']) =>
      method === 'events' ? emitter.events('a') : emitter.anyEvent();

    test(`${method}() - return() resolves to its argument, awaited, or to nothing`, async () => {
      await using here = await open();
      expect(await iterate(here.emitter).return?.(Promise.resolve(1))).toEqual({ done: true, value: 1 });
      const result = await iterate(here.emitter).return?.();
      expect(result).toEqual(DONE);
      expect(result).not.toHaveProperty('value');
    });

    test(`${method}() - return() drops what is buffered and ends a next() that waits`, async () => {
      await using here = await open();
      const buffering = iterate(here.emitter);
      await here.emitter.emit('a', 1);
      await buffering.return?.();
      const waiting = iterate(here.emitter);
      const next = waiting.next();
      await waiting.return?.();
      await here.emitter.emit('a', 2);
      expect(await buffering.next()).toEqual(DONE);
      expect(await next).toEqual(DONE);
      expect(await waiting.next()).toEqual(DONE);
      expect(here.emitter.listenerCount()).toBe(0);
    });

    test(`${method}() - each iterator gets every event`, async () => {
      await using here = await open();
      const one = iterate(here.emitter);
      const other = iterate(here.emitter);
      await here.emitter.emit('a', 1);
      await one.return?.();
      await here.emitter.emit('a', 2);
      const seen = [(await other.next()).value, (await other.next()).value];
      expect(seen).toEqual(
        method === 'events'
          ? [1, 2]
          : [
              ['a', 1],
              ['a', 2],
            ],
      );
      expect(await one.next()).toEqual(DONE);
    });

    test(`${method}() - gives itself as its iterator`, async () => {
      await using here = await open();
      const iterator = iterate(here.emitter);
      expect(iterator[Symbol.asyncIterator]()).toBe(iterator);
    });

    test(`${method}() - clearListeners() ends it after what is buffered, also one that waits`, async () => {
      await using here = await open();
      const buffering = iterate(here.emitter);
      await here.emitter.emit('a', 1);
      const waiting = iterate(here.emitter);
      const next = waiting.next();
      here.emitter.clearListeners();
      await here.emitter.emit('a', 2);
      expect(await next).toEqual(DONE);
      expect((await buffering.next()).value).toEqual(method === 'events' ? 1 : ['a', 1]);
      expect(await buffering.next()).toEqual(DONE);
      expect(here.emitter.listenerCount()).toBe(0);
    });
  }

  test('clearListeners(name) - ends the iterators of that name, and not anyEvent()', async () => {
    await using here = await open();
    const cleared = here.emitter.events('a');
    const kept = here.emitter.events('b');
    const all = here.emitter.anyEvent();
    await here.emitter.emit('a', 1);
    here.emitter.clearListeners('a');
    await here.emitter.emit('a', 2);
    await here.emitter.emit('b', 3);
    expect(await cleared.next()).toEqual(item(1));
    expect(await cleared.next()).toEqual(DONE);
    expect(await kept.next()).toEqual(item(3));
    expect([await all.next(), await all.next(), await all.next()]).toEqual([
      item(['a', 1]),
      item(['a', 2]),
      item(['b', 3]),
    ]);
  });

  test('events() - works again after clearListeners()', async () => {
    await using here = await open();
    here.emitter.events('a');
    here.emitter.clearListeners();
    const iterator = here.emitter.events('a');
    here.emitter.clearListeners('b');
    await here.emitter.emit('a', 1);
    expect(await iterator.next()).toEqual(item(1));
    expect(here.emitter.listenerCount('a')).toBe(1);
  });
});

// Where Emittery 1.2 itself fails, and a DistributedEmitter must not.
describe('iterators, better than Emittery', () => {
  test('anyEvent() - works again after clearListeners()', async () => {
    const emitter = new DistributedEmitter();
    emitter.anyEvent();
    emitter.clearListeners();
    const iterator = emitter.anyEvent();
    await emitter.emit('a', 1);
    expect(await iterator.next()).toEqual(item(['a', 1]));
    expect(emitter.listenerCount()).toBe(1);
  });

  test('events() - all of several pending next() are served, in order', async () => {
    const emitter = new DistributedEmitter();
    const iterator = emitter.events('a');
    const pending = [iterator.next(), iterator.next(), iterator.next()];
    await emitter.emit('a', 1);
    await emitter.emit('a', 2);
    await iterator.return?.();
    expect(await Promise.all(pending)).toEqual([item(1), item(2), DONE]);
  });

  test('events() - finished under one of its names, it lets emit() of the others succeed', async () => {
    const emitter = new DistributedEmitter();
    const iterator = emitter.events(['a', 'b']);
    const other = emitter.events('b');
    emitter.clearListeners('a');
    expect(await iterator.next()).toEqual(DONE);
    await emitter.emit('b', 1);
    expect(await other.next()).toEqual(item(1));
    expect(emitter.listenerCount('b')).toBe(1);
  });

  test('events() - data that is a rejected promise rejects next(), and nothing is left unhandled', async () => {
    const emitter = new DistributedEmitter();
    emitter.on('distributed:error', () => {});
    const iterator = emitter.events('a');
    const rejected = Promise.reject(new Error('no data'));
    rejected.catch(() => {});
    await emitter.emit('a', rejected);
    await emitter.emit('a', 'data');
    await expect(iterator.next()).rejects.toThrow('no data');
    expect(await iterator.next()).toEqual(item('data'));
  });

  test('events() - 100,000 buffered events come out in order', async () => {
    const emitter = new DistributedEmitter();
    const local = Symbol('count');
    const counted = emitter.events(local);
    for (let i = 0; i < 100_000; i += 1) void emitter.emit(local, i);
    emitter.clearListeners(local);
    let next = 0;
    for await (const value of counted) {
      expect(value).toBe(next);
      next += 1;
    }
    expect(next).toBe(100_000);
  });
});
