import { expect, test } from 'vitest';
import { DistributedEmitter } from '../../src/emitter.js';
import type { DistributedError } from '../../src/errors.js';
import { caughtUp } from '../support/caught-up.js';
import { untyped } from '../support/emittery-settings.js';
import { describeOverEach } from '../support/meeting.js';

describeOverEach('filters', (start) => {
  test('decide by what the listener would be called with, here and elsewhere', async () => {
    await using meeting = await start();
    const [here, there] = [await meeting.emitter(), await meeting.emitter()];
    const seen: unknown[] = [];
    for (const view of [here, there, here.channel('c'), there.channel('c')]) {
      view.on('a:b', (data) => seen.push(['on', data]), { filter: (data) => data > 1 });
      view.onPattern('a:*', (name, data) => seen.push([name, data]), {
        filter: (name, data) => name === 'a:b' && data > 2,
      });
      view.onAny((name, data) => seen.push(['any', name, data]), {
        filter: (name, data) => name === 'a:b' && data > 3,
      });
    }
    await there.ready();
    const expected = [
      ['on', 2],
      ['on', 3],
      ['a:b', 3],
      ['on', 4],
      ['a:b', 4],
      ['any', 'a:b', 4],
    ];
    for (const view of [here, here.channel('c')]) {
      for (let i = 1; i <= 4; i += 1) await view.emit('a:b', i);
      expect(seen.splice(0, 6)).toEqual(expected);
      await caughtUp(here, there);
      expect(seen.splice(0)).toEqual(expected);
    }
    for (let i = 1; i <= 4; i += 1) await here.emitSerial('a:b', i);
    expect(seen.splice(0, 6)).toEqual(expected);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('mine');
      },
      'mine',
    ],
    ['returns a promise', async () => true, 'Expected `filter` to return a boolean, got a promise'],
    [
      'returns a promise that is rejected',
      async () => {
        throw new Error('mine');
      },
      'Expected `filter` to return a boolean, got a promise',
    ],
  ])('one that %s is told, and its listener not called; others are', async (_how, filter, message) => {
    await using meeting = await start();
    const [here, there] = [await meeting.emitter(), await meeting.emitter()];
    for (const emitter of [here, there]) {
      const errors: DistributedError[] = [];
      const seen: unknown[] = [];
      emitter.on('distributed:error', (error) => errors.push(error));
      emitter.on('a', () => seen.push('filtered'), { filter: filter as never });
      emitter.onAny(() => seen.push('filtered'), {
        filter: ((name: unknown) => name === 'a' && filter()) as never,
      });
      emitter.on('a', (data) => seen.push(data));
      await emitter.ready();
      await here.emit('a', 1);
      await here.emitSerial('a', 2);
      await caughtUp(here, there);
      expect(seen).toEqual([1, 2]);
      expect(errors.map(({ type, code, eventName }) => [type, code, eventName])).toEqual(
        Array(4).fill(['listener', 'DEMITTER_LISTENER', 'a']),
      );
      for (const { cause } of errors) expect((cause as Error).message).toBe(message);
      emitter.clearListeners();
    }
  });
});

describeOverEach('signals and disposables', (start) => {
  test('an unsubscribe function may be called, or disposed of by `using`', async () => {
    await using meeting = await start();
    const emitter = await meeting.emitter();
    for (const view of [emitter, emitter.channel('a')]) {
      {
        using _on = view.on('a', () => {});
        using _any = view.onAny(() => {});
        using _pattern = view.onPattern('*', () => {});
        await using _events = view.events('a');
        await using _anyEvent = view.anyEvent();
        await using _patternEvents = view.patternEvents('*');
        expect(view.listenerCount('a')).toBe(6);
      }
      expect(view.listenerCount('a')).toBe(0);
    }
  });

  test('a signal ends every way to listen, also one that is aborted already', async () => {
    await using meeting = await start();
    const emitter = await meeting.emitter();
    for (const view of [emitter, emitter.channel('a')]) {
      for (const aborts of ['before', 'after']) {
        const controller = new AbortController();
        const { signal } = controller;
        const reason = new Error('enough');
        if (aborts === 'before') controller.abort(reason);
        view.on(['a', 'b'], () => {}, { signal });
        view.onAny(() => {}, { signal });
        view.onPattern('*', () => {}, { signal });
        const once = view.once('a', { signal });
        const iterators = [
          view.events(['a', 'b'], { signal }),
          view.anyEvent({ signal }),
          view.patternEvents('*', { signal }),
        ];
        if (aborts === 'after') {
          expect(view.listenerCount('a')).toBe(7);
          const next = iterators.map((iterator) => iterator.next());
          await view.emit('b', 1);
          for (const result of await Promise.all(next)) expect(result.done).not.toBe(true);
          await view.emit('b', 2);
          controller.abort(reason);
        }
        await expect(once).rejects.toBe(reason);
        for (const iterator of iterators) {
          const held: unknown[] = [];
          for await (const item of iterator as AsyncIterable<unknown>)
            held.push(Array.isArray(item) ? item[1] : item);
          // What it holds can still be taken.
          expect(held.includes(2)).toBe(aborts === 'after');
        }
        expect(view.listenerCount('a')).toBe(0);
        expect(view.listenerCount()).toBe(0);
      }
    }
  });

  test('a signal that lives on keeps nothing of who is done', async () => {
    await using meeting = await start();
    const emitter = await meeting.emitter();
    const { signal } = new AbortController();
    let count = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      count += 1;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      count -= 1;
      removeEventListener.apply(signal, args);
    };
    emitter.on('a', () => {}, { signal })();
    const once = emitter.once('a', { signal });
    await emitter.events('a', { signal }).return?.();
    await emitter.anyEvent({ signal }).return?.();
    const finished = emitter.patternEvents('*', { signal });
    await emitter.emit('a');
    await once;
    emitter.clearListeners();
    expect((await finished.next()).done).toBe(false);
    expect(count).toBe(0);
  });

  test('once with a predicate and a signal', async () => {
    await using meeting = await start();
    const [here, there] = [await meeting.emitter(), await meeting.emitter()];
    const { signal } = new AbortController();
    const once = there.once('a', { predicate: (data) => data > 1, signal });
    await there.ready();
    await here.emit('a', 1);
    await here.emit('a', 2);
    expect(await once).toBe(2);
  });
});

const NO_SIGNAL = 'Expected `signal` to be an AbortSignal, got ';

test.each([
  ['on', ['a', () => {}, null], 'Expected the options to be an object, got null'],
  ['on', ['a', () => {}, { fliter: () => true }], 'Unknown option `fliter`: expected one of signal, filter'],
  ['on', ['a', () => {}, { filter: 1 }], 'Expected `filter` to be a function, got 1'],
  ['on', ['a', () => {}, { signal: {} }], `${NO_SIGNAL}an object`],
  ['on', ['a', 1], 'listener must be a function'],
  ['onAny', [() => {}, { filter: 'x' }], "Expected `filter` to be a function, got 'x'"],
  ['onAny', [() => {}, { signal: 1 }], `${NO_SIGNAL}1`],
  ['onPattern', ['a', () => {}, { filter: null }], 'Expected `filter` to be a function, got null'],
  ['onPattern', ['a', () => {}, { signal: null }], `${NO_SIGNAL}null`],
  ['events', ['a', { sginal: 1 }], 'Unknown option `sginal`: expected one of signal'],
  ['events', ['a', { signal: 'x' }], `${NO_SIGNAL}'x'`],
  ['anyEvent', [1], 'Expected the options to be an object, got 1'],
  ['patternEvents', ['a', { signal: 1 }], `${NO_SIGNAL}1`],
  ['once', ['a', { signal: 1 }], `${NO_SIGNAL}1`],
  ['once', ['a', { predicate: 1 }], 'Expected `predicate` to be a function, got 1'],
  ['once', ['a', 1], 'predicate must be a function'],
  ['emission', [{}], '`eventName` must be a string, symbol, or number'],
  ['emission', ['a', { volatile: 1 }], 'Expected `volatile` to be a boolean, got 1'],
])('%s(%o) is refused, and leaves nothing', (method, args, message) => {
  const emitter = new DistributedEmitter({ transport: 'memory' });
  for (const view of [emitter, emitter.channel('c')]) {
    expect(() => untyped(view)[method]?.(...args)).toThrow(new TypeError(message));
    expect(view.listenerCount()).toBe(0);
  }
});

test.each([
  [{ volatlie: true }, 'Unknown option `volatlie`: expected one of volatile, retain, headers'],
  ['x', "Expected the options to be an object, got 'x'"],
  [{ headers: 'x' }, "Expected `headers` to be a plain object of strings, got 'x'"],
  [{ headers: new Map([['a', 'b']]) }, 'Expected `headers` to be a plain object of strings, got an object'],
  [{ headers: new Headers({ a: 'b' }) }, 'Expected `headers` to be a plain object of strings, got an object'],
  [{ headers: { a: 1 } }, "Expected header 'a' to be a string, got 1"],
  [{ headers: { a: undefined } }, "Expected header 'a' to be a string, got undefined"],
])('emitting with %o is refused', async (options, message) => {
  const emitter = new DistributedEmitter({ transport: 'memory' });
  for (const view of [emitter, emitter.channel('c')]) {
    const refused = { rejects: new TypeError(message) };
    await expect(view.emit('a', 1, options as never)).rejects.toThrow(refused.rejects);
    await expect(view.emitSerial('a', 1, options as never)).rejects.toThrow(refused.rejects);
    await expect(view.volatile.emit('a', 1, options as never)).rejects.toThrow(refused.rejects);
  }
});

test('an emission carries its options, as they were when it was made', async () => {
  const emitter = new DistributedEmitter({ transport: 'memory', context: true });
  const seen: unknown[] = [];
  const headers: Record<string, string> = { a: '1' };
  for (const view of [emitter, emitter.channel('c')]) {
    view.on('move', ([x, y]) => seen.push([x, y, emitter.context()?.headers]));
    const move = view.emission('move', { headers });
    headers.a = '2';
    await move([1, 2]);
    headers.a = '1';
  }
  const ping = emitter.emission('ping', { volatile: true });
  await ping();
  expect(seen).toEqual(Array(2).fill([1, 2, { a: '1' }]));
  expect(emitter.volatileDropped).toBe(1);
});
