import { expect, test } from 'vitest';
import { describeInEverySetting } from '../support/emittery-settings.js';

const LOCAL = Symbol('local');

describeInEverySetting('on(), off(), once()', ({ Class, open }) => {
  test('on() - listeners of a name are called in the order in which they were added', async () => {
    await using here = await open();
    const calls: string[] = [];
    here.emitter.on('greeting', () => void calls.push('first'));
    here.emitter.on('greeting', () => void calls.push('second'));
    here.emitter.on(LOCAL, () => void calls.push('symbol'));
    await here.emitter.emit('greeting');
    await here.emitter.emit(LOCAL);
    expect(calls).toEqual(['first', 'second', 'symbol']);
  });

  test('on() - hands over the very value that was emitted', async () => {
    await using here = await open();
    const seen: unknown[] = [];
    const data = { nested: { list: [1] } };
    here.emitter.on('data', (value) => void seen.push(value));
    await here.emitter.emit('data', data);
    await here.emitter.emit('data');
    expect(seen).toHaveLength(2);
    expect(seen[0]).toBe(data);
    expect(seen[1]).toBeUndefined();
  });

  test('on() - strings, the empty string, numbers, 0, NaN and symbols are names, and none is another', async () => {
    await using here = await open();
    const names: PropertyKey[] = ['1', 1, '', 0, Number.NaN, LOCAL, Symbol('local'), Symbol.for('local')];
    const calls: PropertyKey[] = [];
    for (const name of names) here.emitter.on(name, () => void calls.push(name));
    for (const name of names) await here.emitter.emit(name);
    expect(calls).toEqual(names);
  });

  test('on() - a list of names, with one unsubscribe function for all of them', async () => {
    await using here = await open();
    const seen: unknown[] = [];
    const off = here.emitter.on(['a', 'b', LOCAL], (value) => void seen.push(value));
    for (const name of ['a', 'b', LOCAL, 'c']) await here.emitter.emit(name, name);
    off();
    for (const name of ['a', 'b', LOCAL]) await here.emitter.emit(name, name);
    expect(seen).toEqual(['a', 'b', LOCAL]);
  });

  test('on() - an empty list of names listens to nothing', async () => {
    await using here = await open();
    here.emitter.on([], () => {})();
    expect(here.emitter.listenerCount()).toBe(0);
  });

  test('on() - a bad name in a list leaves those before it registered', async () => {
    await using here = await open();
    let calls = 0;
    const listener = () => {
      calls += 1;
    };
    const names = ['a', true, 'b'] as unknown as string[];
    expect(() => here.emitter.on(names, listener)).toThrow(TypeError);
    await here.emitter.emit('a');
    await here.emitter.emit('b');
    expect(calls).toBe(1);
    expect(() => here.emitter.off(names, listener)).toThrow(TypeError);
    await here.emitter.emit('a');
    expect(calls).toBe(1);
  });

  test('on() - the same listener added again is still one listener, gone with one off()', async () => {
    await using here = await open();
    let calls = 0;
    const listener = () => {
      calls += 1;
    };
    here.emitter.on('a', listener);
    here.emitter.on(['a', 'a'], listener);
    await here.emitter.emit('a');
    expect(calls).toBe(1);
    here.emitter.off('a', listener);
    await here.emitter.emit('a');
    expect(calls).toBe(1);
    expect(here.emitter.listenerCount()).toBe(0);
  });

  test('on() - calling the unsubscribe function again does no harm to who was added since', async () => {
    await using here = await open();
    const calls: string[] = [];
    const off = here.emitter.on('a', () => void calls.push('old'));
    off();
    here.emitter.on('a', () => void calls.push('new'));
    off();
    await here.emitter.emit('a');
    expect(calls).toEqual(['new']);
  });

  test('on() - an AbortSignal ends it; one that is aborted already never lets it begin', async () => {
    await using here = await open();
    const calls: string[] = [];
    const controller = new AbortController();
    here.emitter.on(['a', 'b'], () => void calls.push('signal'), { signal: controller.signal });
    await here.emitter.emit('a');
    controller.abort();
    here.emitter.on('a', () => void calls.push('too late'), { signal: controller.signal });
    here.emitter.on('a', () => void calls.push('other'));
    await here.emitter.emit('a');
    await here.emitter.emit('b');
    expect(calls).toEqual(['signal', 'other']);
    expect(here.emitter.listenerCount()).toBe(1);
  });

  test('on() - unsubscribed by hand, it leaves nothing at its AbortSignal', async () => {
    await using here = await open();
    const controller = new AbortController();
    let removals = 0;
    here.emitter.on('a', () => {}, { signal: controller.signal })();
    here.emitter.on(Class.listenerRemoved, () => {
      removals += 1;
    });
    controller.abort();
    await here.emitter.emit('a');
    expect(removals).toBe(0);
  });

  test('off() - one name, several names, and names nobody listens to', async () => {
    await using here = await open();
    const seen: unknown[] = [];
    const listener = (value: unknown) => void seen.push(value);
    here.emitter.on(['a', 'b', 'c'], listener);
    here.emitter.off('a', listener);
    here.emitter.off(['b', 'unknown'], listener);
    here.emitter.off('c', () => {});
    for (const name of ['a', 'b', 'c']) await here.emitter.emit(name, name);
    expect(seen).toEqual(['c']);
  });

  test('once() - resolves to the data of the first event and listens no more', async () => {
    await using here = await open();
    const promise = here.emitter.once('a');
    expect(here.emitter.listenerCount('a')).toBe(1);
    void here.emitter.emit('a', 'first');
    void here.emitter.emit('a', 'second');
    expect(await promise).toBe('first');
    expect(here.emitter.listenerCount('a')).toBe(0);
  });

  test('once() - of several names, whichever comes first', async () => {
    await using here = await open();
    const promise = here.emitter.once(['a', 'b']);
    await here.emitter.emit('b', 'from b');
    expect(await promise).toBe('from b');
    expect(here.emitter.listenerCount(['a', 'b'])).toBe(0);
  });

  test('once() - with a predicate, the first event it accepts', async () => {
    await using here = await open();
    const promise = here.emitter.once(['a', 'b'], (data) => data.ok === true);
    await here.emitter.emit('a', { ok: false });
    expect(here.emitter.listenerCount('a')).toBe(1);
    await here.emitter.emit('b', { ok: true, value: 42 });
    expect(await promise).toEqual({ ok: true, value: 42 });
    expect(here.emitter.listenerCount()).toBe(0);
  });

  test('once() - a predicate that throws makes emit() reject and goes on listening', async () => {
    await using here = await open();
    const promise = here.emitter.once('a', (data) => {
      if (data === 'bad') throw new Error('no predicate for this');
      return true;
    });
    await expect(here.emitter.emit('a', 'bad')).rejects.toThrow('no predicate for this');
    await here.emitter.emit('a', 'good');
    expect(await promise).toBe('good');
  });

  test('once() - off() cancels it', async () => {
    await using here = await open();
    const promise = here.emitter.once('a');
    const settled: unknown[] = [];
    void promise.then((data) => settled.push(data));
    promise.off();
    await here.emitter.emit('a', 'ignored');
    expect(settled).toEqual([]);
    expect(here.emitter.listenerCount()).toBe(0);
  });
});

describeInEverySetting('meta events', ({ Class, open }) => {
  test('listenerAdded and listenerRemoved - tell name and listener of on() and off()', async () => {
    await using here = await open();
    const told: unknown[] = [];
    const listener = () => {};
    here.emitter.on(Class.listenerAdded, (change) => void told.push(['added', change]));
    here.emitter.on(Class.listenerRemoved, (change) => void told.push(['removed', change]));
    const off = here.emitter.on(['a', LOCAL], listener);
    off();
    await here.emitter.emit('a');
    expect(told).toEqual([
      ['added', { eventName: 'a', listener }],
      ['added', { eventName: LOCAL, listener }],
      ['removed', { eventName: 'a', listener }],
      ['removed', { eventName: LOCAL, listener }],
    ]);
  });

  test('listenerAdded and listenerRemoved - tell the listener of onAny() and offAny(), without a name', async () => {
    await using here = await open();
    const added = here.emitter.once(Class.listenerAdded);
    const listener = () => {};
    here.emitter.onAny(listener);
    expect(await added).toEqual({ listener });
    const removed = here.emitter.once(Class.listenerRemoved);
    here.emitter.offAny(listener);
    expect(await removed).toEqual({ listener });
  });

  test('listenerAdded and listenerRemoved - an aborted signal causes both', async () => {
    await using here = await open();
    const told: string[] = [];
    here.emitter.on(Class.listenerAdded, () => void told.push('added'));
    here.emitter.on(Class.listenerRemoved, () => void told.push('removed'));
    here.emitter.on('a', () => {}, { signal: AbortSignal.abort() });
    here.emitter.onAny(() => {}, { signal: AbortSignal.abort() });
    await here.emitter.emit('a');
    expect(told).toEqual(['added', 'removed', 'added', 'removed']);
  });

  test('listeners of meta events, iterators and clearListeners() cause none', async () => {
    await using here = await open();
    const told: unknown[] = [];
    const off = here.emitter.on(Class.listenerAdded, (change) => void told.push(change));
    here.emitter.on(Class.listenerRemoved, (change) => void told.push(change))();
    await here.emitter.events('a').return?.();
    await here.emitter.anyEvent().return?.();
    here.emitter.clearListeners('a');
    off();
    await here.emitter.emit('a');
    expect(told).toEqual([]);
  });

  test('reach events() and anyEvent(), but not onAny()', async () => {
    await using here = await open();
    const any: unknown[] = [];
    here.emitter.onAny((...event) => void any.push(event));
    const added = here.emitter.events(Class.listenerAdded as unknown as string);
    const all = here.emitter.anyEvent();
    const listener = () => {};
    here.emitter.on('a', listener);
    here.emitter.offAny(listener);
    expect(await added.next()).toEqual({ done: false, value: { eventName: 'a', listener } });
    expect(await all.next()).toEqual({
      done: false,
      value: [Class.listenerAdded, { eventName: 'a', listener }],
    });
    expect(await all.next()).toEqual({ done: false, value: [Class.listenerRemoved, { listener }] });
    await here.emitter.emit('a');
    expect(any).toEqual([['a', undefined]]);
  });

  test('cannot be emitted by users', async () => {
    await using here = await open();
    const told: unknown[] = [];
    here.emitter.on(Class.listenerAdded, (change) => void told.push(change));
    const iterator = here.emitter.anyEvent();
    for (const name of [Class.listenerAdded, Class.listenerRemoved]) {
      await expect(here.emitter.emit(name, {})).rejects.toThrow(TypeError);
      await expect(here.emitter.emitSerial(name, {})).rejects.toThrow(
        '`eventName` cannot be meta event `listenerAdded` or `listenerRemoved`',
      );
    }
    await here.emitter.emit('marker');
    expect(await iterator.next()).toEqual({ done: false, value: ['marker', undefined] });
    expect(told).toEqual([]);
  });
});
