import Emittery from 'emittery';
import { describe, expect, test, vi } from 'vitest';
import { describeInEverySetting, errorOf, untyped } from '../support/emittery-settings.js';

const METHODS = [
  'on',
  'off',
  'once',
  'events',
  'emit',
  'emitSerial',
  'onAny',
  'anyEvent',
  'offAny',
  'clearListeners',
  'listenerCount',
  'bindMethods',
  'logIfDebugEnabled',
];

/** Calls with arguments that nobody should pass, by what is wrong with them. */
const MISUSES: readonly (readonly [method: string, ...args: unknown[]])[] = [
  ['on', 'a'],
  ['on', 'a', 'no function'],
  ['on', [], 'no function'],
  ['on', true, () => {}],
  ['on', undefined, () => {}],
  ['on', ['a', {}], () => {}],
  ['off', 'a'],
  ['off', [], null],
  ['off', true, () => {}],
  ['off', [null], () => {}],
  ['once', true],
  ['once', ['a', undefined]],
  ['once', 'a', 'no function'],
  ['once', 'a', null],
  ['events', true],
  ['events', undefined],
  ['events', ['a', null]],
  ['emit', true],
  ['emit', undefined, 1],
  ['emit', ['a']],
  ['emit', Emittery.listenerAdded],
  ['emitSerial', null],
  ['emitSerial', Emittery.listenerRemoved],
  ['onAny'],
  ['onAny', {}],
  ['offAny'],
  ['offAny', 'a'],
  ['listenerCount', true],
  ['listenerCount', ['a', {}]],
  ['bindMethods', 'text'],
  ['bindMethods', null],
  ['bindMethods', undefined, []],
  ['bindMethods', {}, null],
  ['bindMethods', {}, 'on'],
  ['bindMethods', {}, [1]],
  ['bindMethods', {}, [null]],
  ['bindMethods', {}, ['nonexistent']],
  ['bindMethods', { on: 1 }, ['on']],
];

describeInEverySetting('bad arguments', ({ open }) => {
  for (const [method, ...args] of MISUSES) {
    const shown = args.map(
      (arg) => (typeof arg === 'function' ? 'a function' : JSON.stringify(arg)) ?? String(arg),
    );
    test(`${method}(${shown.join(', ')}) - fails as in Emittery, at the same time`, async () => {
      await using here = await open();
      const call = (emitter: object) => untyped(emitter)[method]?.(...args);
      const expected = await errorOf(() => call(new Emittery()));
      const failure = await errorOf(() => call(here.emitter));
      expect(failure.message).toBe(expected.message);
      expect(failure.constructor).toBe(expected.constructor);
      expect(throwsAtOnce(() => call(here.emitter))).toBe(throwsAtOnce(() => call(new Emittery())));
    });
  }
});

/** Whether `call` throws rather than rejects. */
function throwsAtOnce(call: () => unknown): boolean {
  try {
    void Promise.resolve(call()).catch(() => {});
    return false;
  } catch {
    return true;
  }
}

describeInEverySetting('bindMethods()', ({ open }) => {
  test('binds the methods asked for, and they work', async () => {
    await using here = await open();
    const target: Record<string, unknown> = {};
    here.emitter.bindMethods(target, ['on', 'emit', 'listenerCount']);
    expect(Object.getOwnPropertyNames(target)).toEqual(['on', 'emit', 'listenerCount']);
    expect(Object.keys(target)).toEqual([]);
    const seen: unknown[] = [];
    const bound = untyped(target);
    bound.on?.('a', (data: unknown) => void seen.push(data));
    await bound.emit?.('a', 1);
    await here.emitter.emit('a', 2);
    expect(seen).toEqual([1, 2]);
    expect(bound.listenerCount?.()).toBe(1);
  });

  test('binds all of them if none are named', async () => {
    await using here = await open();
    const target: Record<string, unknown> = {};
    here.emitter.bindMethods(target);
    expect(Object.getOwnPropertyNames(target).sort()).toEqual([...METHODS].sort());
    for (const method of METHODS) expect(target[method]).toBeTypeOf('function');
  });
});

describeInEverySetting('debugging', ({ Class, open }) => {
  type Entry = [type: string, debugName: string, eventName?: unknown, eventData?: unknown];

  async function logging(enabled: boolean) {
    const log: Entry[] = [];
    const opened = await open({ name: 'tested', enabled, logger: (...entry) => void log.push(entry) });
    return { log, emitter: opened.emitter, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
  }

  test('the logger is told of every call, whether or not anybody listens', async () => {
    await using here = await logging(true);
    const off = here.emitter.on(['a', 'b'], () => {});
    await here.emitter.emit('a', 1);
    await here.emitter.emitSerial('nobody', 2);
    await here.emitter.emit('nobody', 3);
    off();
    const offAny = here.emitter.onAny(() => {});
    offAny();
    here.emitter.clearListeners('a');
    here.emitter.clearListeners();
    const told = here.log.filter(([, , name]) => typeof name !== 'symbol');
    expect(told).toEqual([
      ['subscribe', 'tested', 'a', undefined],
      ['subscribe', 'tested', 'b', undefined],
      ['emit', 'tested', 'a', 1],
      ['emitSerial', 'tested', 'nobody', 2],
      ['emit', 'tested', 'nobody', 3],
      ['unsubscribe', 'tested', 'a', undefined],
      ['unsubscribe', 'tested', 'b', undefined],
      ['subscribeAny', 'tested', undefined, undefined],
      ['unsubscribeAny', 'tested', undefined, undefined],
      ['clear', 'tested', 'a', undefined],
      ['clear', 'tested', undefined, undefined],
    ]);
    const meta = here.log
      .filter(([, , name]) => typeof name === 'symbol')
      .map(([type, , name]) => [type, name]);
    const { listenerAdded, listenerRemoved } = Class;
    expect(meta).toEqual(
      [listenerAdded, listenerAdded, listenerRemoved, listenerRemoved, listenerAdded, listenerRemoved].map(
        (name) => ['emit', name],
      ),
    );
  });

  test('nothing is logged unless it is enabled: on the instance, or for all', async () => {
    await using here = await logging(false);
    await here.emitter.emit('silent');
    expect(here.log).toEqual([]);
    here.emitter.debug = { ...here.emitter.debug, enabled: true };
    await here.emitter.emit('instance');
    here.emitter.debug = { ...here.emitter.debug, enabled: false };
    Emittery.isDebugEnabled = true;
    // A DistributedEmitter looks at the switch for all once in each turn of the event loop.
    await new Promise(setImmediate);
    try {
      expect(Class.isDebugEnabled).toBe(true);
      await here.emitter.emit('all');
    } finally {
      Class.isDebugEnabled = false;
    }
    expect(Emittery.isDebugEnabled).toBe(false);
    await new Promise(setImmediate);
    await here.emitter.emit('silent');
    expect(here.log).toEqual([
      ['emit', 'tested', 'instance', undefined],
      ['emit', 'tested', 'all', undefined],
    ]);
  });

  test('the environment variable DEBUG enables it for all', async () => {
    await using here = await logging(false);
    vi.stubEnv('DEBUG', 'emittery');
    await new Promise(setImmediate);
    try {
      await here.emitter.emit('a');
    } finally {
      vi.unstubAllEnvs();
    }
    expect(here.log).toEqual([['emit', 'tested', 'a', undefined]]);
  });

  test('a logger that throws makes emit() reject', async () => {
    await using here = await open({
      name: 'tested',
      enabled: true,
      logger: () => {
        throw new Error('no log');
      },
    });
    await expect(here.emitter.emit('a')).rejects.toThrow('no log');
    await expect(here.emitter.emitSerial('a')).rejects.toThrow('no log');
  });

  test('the default logger prints symbols, numbers, structures and cycles', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    try {
      await using here = await open({ name: 'tested', enabled: true });
      const circular: Record<string, unknown> = { key: 1 };
      circular.self = circular;
      await here.emitter.emit(Symbol('local'), { complex: ['data', 1] });
      await here.emitter.emit(Symbol('cycle'), circular);
      await here.emitter.emitSerial(7, 'seven');
      const lines = log.mock.calls.map(([line]) => String(line));
      expect(lines).toEqual([
        expect.stringMatching(
          /\[emittery:emit\]\[tested\] Event Name: Symbol\(local\)\s+data: \{"complex":\["data",1\]\}/,
        ),
        expect.stringMatching(/Event Name: Symbol\(cycle\)\s+data: .*key,self/),
        expect.stringMatching(/\[emittery:emitSerial\]\[tested\] Event Name: 7\s+data: "seven"/),
      ]);
    } finally {
      log.mockRestore();
    }
  });
});

describe('the class', () => {
  test('METHODS - these tests know all of them', () => {
    const methods = Object.getOwnPropertyNames(Emittery.prototype).filter((name) => name !== 'constructor');
    expect(methods.sort()).toEqual([...METHODS].sort());
  });
});
