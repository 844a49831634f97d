import { expect, test } from 'vitest';
import { describeInEverySetting } from '../support/emittery-settings.js';

const LOCAL = Symbol('local');

describeInEverySetting('onAny() and offAny()', ({ open }) => {
  test('onAny() - gets name and data of every event, in order', async () => {
    await using here = await open();
    const seen: unknown[] = [];
    here.emitter.onAny((name, data) => void seen.push([name, data]));
    await here.emitter.emit('a', { n: 1 });
    await here.emitter.emitSerial(7, 'two');
    await here.emitter.emit(LOCAL);
    expect(seen).toEqual([
      ['a', { n: 1 }],
      [7, 'two'],
      [LOCAL, undefined],
    ]);
  });

  test('onAny() - the same listener twice is one; unsubscribing and offAny() end it', async () => {
    await using here = await open();
    const seen: unknown[] = [];
    const listener = (name: unknown) => void seen.push(name);
    const off = here.emitter.onAny(listener);
    here.emitter.onAny(listener);
    await here.emitter.emit('once');
    off();
    await here.emitter.emit('nobody');
    here.emitter.onAny(listener);
    await here.emitter.emit('again');
    here.emitter.offAny(listener);
    here.emitter.offAny(listener);
    await here.emitter.emit('nobody');
    expect(seen).toEqual(['once', 'again']);
  });

  test('onAny() - the same function may also listen by name', async () => {
    await using here = await open();
    const seen: unknown[] = [];
    const listener = (...args: unknown[]) => void seen.push(args);
    here.emitter.on('a', listener);
    here.emitter.onAny(listener);
    await here.emitter.emit('a', 1);
    here.emitter.offAny(listener);
    await here.emitter.emit('a', 2);
    expect(seen).toEqual([[1], ['a', 1], [2]]);
  });

  test('onAny() - an AbortSignal ends it; one that is aborted already never lets it begin', async () => {
    await using here = await open();
    const seen: unknown[] = [];
    const controller = new AbortController();
    here.emitter.onAny((name) => void seen.push(name), { signal: controller.signal });
    await here.emitter.emit('a');
    controller.abort();
    here.emitter.onAny((name) => void seen.push(name), { signal: controller.signal });
    await here.emitter.emit('b');
    expect(seen).toEqual(['a']);
    expect(here.emitter.listenerCount()).toBe(0);
  });
});

describeInEverySetting('clearListeners()', ({ open }) => {
  async function withListeners() {
    const opened = await open();
    const calls: string[] = [];
    for (const name of ['a', 'b', LOCAL]) {
      opened.emitter.on(name, () => void calls.push(`${String(name)} 1`));
      opened.emitter.on(name, () => void calls.push(`${String(name)} 2`));
    }
    opened.emitter.onAny(() => void calls.push('any'));
    const emitAll = async () => {
      calls.length = 0;
      for (const name of ['a', 'b', LOCAL]) await opened.emitter.emit(name);
      return calls;
    };
    return { ...opened, emitAll, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
  }

  test('without a name - nobody listens any more', async () => {
    await using here = await withListeners();
    here.emitter.clearListeners();
    expect(await here.emitAll()).toEqual([]);
    expect(here.emitter.listenerCount()).toBe(0);
  });

  test('with a name - the listeners of that name are gone', async () => {
    await using here = await withListeners();
    here.emitter.clearListeners('a');
    expect(await here.emitAll()).toEqual([
      'any',
      'b 1',
      'b 2',
      'any',
      'Symbol(local) 1',
      'Symbol(local) 2',
      'any',
    ]);
    expect(here.emitter.listenerCount('a')).toBe(1);
  });

  test('with several names - the listeners of those names are gone', async () => {
    await using here = await withListeners();
    here.emitter.clearListeners(['a', LOCAL, 'unknown']);
    expect(await here.emitAll()).toEqual(['any', 'b 1', 'b 2', 'any', 'any']);
  });

  test('with an empty list - nothing changes; with what is no name - as without one', async () => {
    await using here = await withListeners();
    here.emitter.clearListeners([]);
    expect(here.emitter.listenerCount()).toBe(7);
    here.emitter.clearListeners(null as unknown as string);
    expect(here.emitter.listenerCount()).toBe(0);
    expect(await here.emitAll()).toEqual([]);
  });

  test('listeners can be added again, and unsubscribe functions from before do no harm', async () => {
    await using here = await open();
    const seen: unknown[] = [];
    const listener = (data: unknown) => void seen.push(data);
    const off = here.emitter.on('a', () => {});
    const offAny = here.emitter.onAny(() => {});
    here.emitter.on('a', listener);
    here.emitter.clearListeners();
    here.emitter.on('a', listener);
    here.emitter.clearListeners('a');
    here.emitter.on('a', listener);
    off();
    offAny();
    await here.emitter.emit('a', 1);
    expect(seen).toEqual([1]);
  });
});

describeInEverySetting('listenerCount()', ({ Class, open }) => {
  test('is 0 for a fresh emitter, by every way of asking', async () => {
    await using here = await open();
    const { emitter } = here;
    await emitter.emit('a');
    expect([
      emitter.listenerCount(),
      emitter.listenerCount('a'),
      emitter.listenerCount(''),
      emitter.listenerCount(0),
      emitter.listenerCount(LOCAL),
      emitter.listenerCount(['a', 'b']),
      emitter.listenerCount([]),
    ]).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });

  test('counts listeners by name and those of all names with every name', async () => {
    await using here = await open();
    const { emitter } = here;
    emitter.on('a', () => {});
    emitter.on('a', () => {});
    emitter.on(['b', '', 0], () => {});
    emitter.onAny(() => {});
    emitter.onAny(() => {});
    expect([
      emitter.listenerCount(),
      emitter.listenerCount('a'),
      emitter.listenerCount('b'),
      emitter.listenerCount(''),
      emitter.listenerCount(0),
      emitter.listenerCount('0'),
      emitter.listenerCount('unknown'),
      emitter.listenerCount(['a', 'b']),
      emitter.listenerCount(['a', 'a']),
    ]).toEqual([7, 4, 3, 3, 3, 2, 2, 7, 8]);
  });

  test('counts iterators: by each of their names, or with every name', async () => {
    await using here = await open();
    const { emitter } = here;
    emitter.on('a', () => {});
    emitter.onAny(() => {});
    const named = emitter.events(['a', 'b', 'b']);
    const all = emitter.anyEvent();
    expect([
      emitter.listenerCount(),
      emitter.listenerCount('a'),
      emitter.listenerCount('b'),
      emitter.listenerCount('c'),
      emitter.listenerCount(['a', 'c']),
    ]).toEqual([5, 4, 3, 2, 6]);
    await named.return?.();
    expect([emitter.listenerCount(), emitter.listenerCount('a')]).toEqual([3, 3]);
    await all.return?.();
    expect([emitter.listenerCount(), emitter.listenerCount('a')]).toEqual([2, 2]);
  });

  test('counts once() until it is done, and listeners of meta events', async () => {
    await using here = await open();
    const { emitter } = here;
    void emitter.once(['a', 'b']);
    emitter.on(Class.listenerAdded, () => {});
    expect([
      emitter.listenerCount(),
      emitter.listenerCount(Class.listenerAdded as unknown as string),
    ]).toEqual([3, 1]);
    await emitter.emit('a');
    expect(emitter.listenerCount()).toBe(1);
  });
});
