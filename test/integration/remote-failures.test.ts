import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DistributedEmitter } from '../../src/emitter.js';
import { DistributedError } from '../../src/errors.js';
import { Bus } from '../support/bus.js';
import { caughtUp } from '../support/caught-up.js';

let bus: Bus;
beforeAll(async () => {
  bus = await Bus.start();
});
afterAll(() => bus[Symbol.asyncDispose]());

/** Collects what `process` tells under `event` until it is disposed of. */
function collect(event: 'warning' | 'unhandledRejection' | 'uncaughtException') {
  const told: unknown[] = [];
  let watchers: (() => void)[] = [];
  const take = (value: unknown) => {
    told.push(value);
    for (const watcher of watchers) watcher();
    watchers = [];
  };
  process.on(event, take);
  return {
    told,
    async atLeast(count: number) {
      while (told.length < count) await new Promise<void>((resolve) => watchers.push(resolve));
      return told;
    },
    [Symbol.dispose]: () => void process.off(event, take),
  };
}

describe('a listener of a remote event that fails', () => {
  test('is told as distributed:error, and all others get the event', async () => {
    using unhandled = collect('unhandledRejection');
    await using here = await bus.emitter();
    await using there = await bus.emitter();
    const seen: string[] = [];
    const errors: DistributedError[] = [];
    const thrown = new Error('thrown');
    const rejected = new Error('rejected');
    there.on('distributed:error', (error) => errors.push(error));
    there.on('a', () => {
      throw thrown;
    });
    there.on('a', async () => Promise.reject(rejected));
    there.on('a', () => seen.push('named'));
    there.onAny((name) => {
      if (name === 'a') throw 'no error object';
    });
    there.onAny((name) => name === 'a' && seen.push('any'));
    const iterator = there.events('a');
    await there.ready();
    await here.emit('a', 1);
    await here.emit('a', 2);
    await caughtUp(here, there);
    await new Promise(setImmediate);
    expect(seen).toEqual(['named', 'any', 'named', 'any']);
    expect([(await iterator.next()).value, (await iterator.next()).value]).toEqual([1, 2]);
    expect(errors).toHaveLength(6);
    for (const error of errors) {
      expect(error).toBeInstanceOf(DistributedError);
      expect(error).toMatchObject({ type: 'listener', code: 'DEMITTER_LISTENER', eventName: 'a' });
    }
    const causes = errors.map(({ cause }) => cause);
    for (const cause of [thrown, rejected, 'no error object']) {
      expect(causes.filter((other) => other === cause)).toHaveLength(2);
    }
    expect(errors.find(({ cause }) => cause === thrown)?.message).toContain('thrown');
    expect(unhandled.told).toEqual([]);
  });

  test('as a predicate of once() - is told, and once() goes on listening', async () => {
    await using here = await bus.emitter();
    await using there = await bus.emitter();
    const errors: DistributedError[] = [];
    there.on('distributed:error', (error) => errors.push(error));
    const once = there.once('a', (data) => {
      if (data === 1) throw new Error('no predicate for this');
      return true;
    });
    await there.ready();
    await here.emit('a', 1);
    await here.emit('a', 2);
    expect(await once).toBe(2);
    expect(errors.map(({ type }) => type)).toEqual(['listener']);
  });

  test('does not make the emitting side reject, nor keep it waiting', async () => {
    await using here = await bus.emitter();
    await using there = await bus.emitter();
    there.on('distributed:error', () => {});
    there.on('a', () => new Promise(() => {}));
    there.on('a', () => {
      throw new Error('far away');
    });
    await there.ready();
    await here.emit('a');
    await here.emitSerial('a');
    await caughtUp(here, there);
  });

  test('a debug logger that throws is told as well, and listeners get the event', async () => {
    await using here = await bus.emitter();
    const logged: unknown[] = [];
    let fails = false;
    await using there = await bus.emitter({
      debug: {
        name: 'there',
        enabled: true,
        logger: (type, debugName, name, data) => {
          if (type !== 'receive') return;
          logged.push([debugName, name, data]);
          if (fails) throw new Error('no log');
        },
      },
    });
    const errors: DistributedError[] = [];
    const seen: unknown[] = [];
    there.on('distributed:error', (error) => errors.push(error));
    const second = new Promise<void>((resolve) => {
      there.on('a', (data) => {
        seen.push(data);
        fails = true;
        if (data === 2) resolve();
      });
    });
    await there.ready();
    await here.emit('a', 1);
    await new Promise(setImmediate);
    await here.emit('a', 2);
    await second;
    fails = false;
    expect(seen).toEqual([1, 2]);
    expect(logged).toEqual([
      ['there', 'a', 1],
      ['there', 'a', 2],
    ]);
    expect(errors.every(({ type }) => type === 'listener')).toBe(true);
  });
});

describe('distributed:error', () => {
  test('without a listener - the first of each type is a process warning', async () => {
    using warnings = collect('warning');
    await using here = await bus.emitter();
    await using there = await bus.emitter();
    there.on('fails', (data) => {
      throw new Error(`failure ${data}`);
    });
    await there.ready();
    for (const data of [1, 2, 3]) await here.emit('fails', data);
    await caughtUp(here, there);
    for (const data of [() => {}, Symbol('local')]) await there.emit('unsendable', data);
    expect(await warnings.atLeast(2)).toEqual([
      expect.objectContaining({ name: 'DistributedError', code: 'DEMITTER_LISTENER' }),
      expect.objectContaining({ name: 'DistributedError', code: 'DEMITTER_SERIALIZATION' }),
    ]);
    await caughtUp(here, there);
    expect(warnings.told).toHaveLength(2);
    expect(String(warnings.told[0])).toContain('failure 1');
  });

  test('without a listener - each emitter warns of its own', async () => {
    using warnings = collect('warning');
    await using one = await bus.emitter();
    await using other = await bus.emitter();
    await one.emit('unsendable', () => {});
    await other.emit('unsendable', () => {});
    expect(await warnings.atLeast(2)).toHaveLength(2);
  });

  for (const listen of ['on', 'once', 'events'] as const) {
    test(`with ${listen}() - no warning, and all of them are told`, async () => {
      using warnings = collect('warning');
      await using emitter = await bus.emitter();
      const told = new Promise<DistributedError>((resolve) => {
        if (listen === 'on') emitter.on('distributed:error', resolve);
        if (listen === 'once') void emitter.once('distributed:error').then(resolve);
        if (listen === 'events')
          void emitter
            .events('distributed:error')
            .next()
            .then(({ value }) => resolve(value));
      });
      await emitter.emit('unsendable', () => {});
      expect(await told).toMatchObject({ type: 'serialization', eventName: 'unsendable' });
      await caughtUp(await bus.emitter(), emitter);
      expect(warnings.told).toEqual([]);
    });
  }

  test('a listener of it that fails - is a warning, and causes nothing more', async () => {
    using warnings = collect('warning');
    using unhandled = collect('unhandledRejection');
    await using emitter = await bus.emitter();
    const told: DistributedError[] = [];
    emitter.on('distributed:error', (error) => {
      told.push(error);
      throw new Error('cannot handle it');
    });
    emitter.on('distributed:error', async () => Promise.reject(new Error('cannot handle it either')));
    const others: DistributedError[] = [];
    emitter.on('distributed:error', (error) => others.push(error));
    await emitter.emit('unsendable', () => {});
    await warnings.atLeast(2);
    await caughtUp(await bus.emitter(), emitter);
    expect(told).toHaveLength(1);
    expect(others).toEqual(told);
    expect(warnings.told.map(String)).toEqual([
      expect.stringContaining('cannot handle it'),
      expect.stringContaining('cannot handle it either'),
    ]);
    expect(unhandled.told).toEqual([]);
  });

  test('a listener of distributed:status that fails - is told as distributed:error', async () => {
    await using emitter = new DistributedEmitter(bus.addresses);
    const failure = new Error('no status');
    const told = emitter.once('distributed:error');
    emitter.on('distributed:status', () => {
      throw failure;
    });
    await emitter.connect();
    expect(await told).toMatchObject({ type: 'listener', eventName: 'distributed:status', cause: failure });
  });

  test('a listener of it that emits what fails again - does not keep the event loop from turning', async () => {
    await using emitter = await bus.emitter();
    const enough = 1000;
    let told = 0;
    const finished = new Promise<void>((resolve) => {
      emitter.on('distributed:error', () => {
        told += 1;
        if (told === enough) resolve();
        else void emitter.emit('unsendable', () => {});
      });
    });
    void emitter.emit('unsendable', () => {});
    await new Promise(setImmediate);
    const toldInOneTurn = told;
    await finished;
    expect(toldInOneTurn).toBeLessThan(enough);
  });

  test('a listener of it that emits an event - the event goes out', async () => {
    await using here = await bus.emitter();
    await using there = await bus.emitter();
    const reported = there.once('report');
    await there.ready();
    here.on('distributed:error', ({ type, code }) => here.emit('report', { type, code }));
    await here.emit('unsendable', () => {});
    expect(await reported).toEqual({ type: 'serialization', code: 'DEMITTER_SERIALIZATION' });
  });
});
