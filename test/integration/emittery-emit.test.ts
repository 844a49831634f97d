import { expect, test } from 'vitest';
import { describeInEverySetting } from '../support/emittery-settings.js';

/** A name that stays in this process. */
const LOCAL = Symbol('local');

/** A promise to be settled by the test, so that listeners end when the test says so. */
function gate(): { readonly passed: Promise<void>; open(): void } {
  let open = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

describeInEverySetting('emit() and emitSerial()', ({ open }) => {
  for (const emit of ['emit', 'emitSerial'] as const) {
    test(`${emit}() - calls nobody before it has returned`, async () => {
      await using here = await open();
      let called = false;
      here.emitter.on('a', () => {
        called = true;
      });
      const done = here.emitter[emit]('a');
      expect(called).toBe(false);
      await done;
      expect(called).toBe(true);
    });

    test(`${emit}() - resolves to undefined, whatever listeners return, and without any`, async () => {
      await using here = await open();
      expect(await here.emitter[emit]('nobody', 1)).toBeUndefined();
      here.emitter.on('a', () => 'value' as unknown as undefined);
      here.emitter.on('a', async () => 'later' as unknown as undefined);
      here.emitter.onAny(() => 'any' as unknown as undefined);
      expect(await here.emitter[emit]('a')).toBeUndefined();
    });

    test(`${emit}() - waits for asynchronous listeners`, async () => {
      await using here = await open();
      let finished = 0;
      here.emitter.on('a', async () => {
        await new Promise(setImmediate);
        finished += 1;
      });
      here.emitter.onAny(async () => {
        await new Promise(setImmediate);
        finished += 1;
      });
      await here.emitter[emit]('a');
      expect(finished).toBe(2);
    });

    test(`${emit}() - listeners of the name come before those of all names`, async () => {
      await using here = await open();
      const calls: string[] = [];
      here.emitter.onAny(() => void calls.push('any 1'));
      here.emitter.on('a', () => void calls.push('named 1'));
      here.emitter.onAny(() => void calls.push('any 2'));
      here.emitter.on('a', () => void calls.push('named 2'));
      await here.emitter[emit]('a');
      expect(calls).toEqual(['named 1', 'named 2', 'any 1', 'any 2']);
    });

    test(`${emit}() - who is added after it was called does not get the event`, async () => {
      await using here = await open();
      const calls: string[] = [];
      here.emitter.on('a', () => void calls.push('before'));
      const done = here.emitter[emit]('a');
      here.emitter.on('a', () => void calls.push('after'));
      here.emitter.onAny(() => void calls.push('any after'));
      await done;
      expect(calls).toEqual(['before']);
      await here.emitter[emit]('a');
      expect(calls).toEqual(['before', 'before', 'after', 'any after']);
    });

    test(`${emit}() - who is added by a listener does not get the event`, async () => {
      await using here = await open();
      const calls: string[] = [];
      const off = here.emitter.on('a', () => {
        calls.push('adder');
        here.emitter.on('a', () => void calls.push('named'));
        here.emitter.onAny(() => void calls.push('any'));
      });
      await here.emitter[emit]('a');
      expect(calls).toEqual(['adder']);
      off();
      await here.emitter[emit]('a');
      expect(calls).toEqual(['adder', 'named', 'any']);
    });

    test(`${emit}() - who is removed before its turn does not get the event`, async () => {
      await using here = await open();
      const calls: string[] = [];
      const offs: (() => void)[] = [];
      const removeRest = () => {
        for (const off of offs) off();
      };
      here.emitter.on('a', () => {
        calls.push('remover');
        removeRest();
      });
      offs.push(here.emitter.on('a', () => void calls.push('named')));
      here.emitter.onAny(() => void calls.push('any stays'));
      offs.push(here.emitter.onAny(() => void calls.push('any')));
      await here.emitter[emit]('a');
      expect(calls).toEqual(['remover', 'any stays']);
    });

    test(`${emit}() - a listener may remove itself`, async () => {
      await using here = await open();
      const calls: string[] = [];
      const off = here.emitter.on('a', () => {
        calls.push('self');
        off();
      });
      here.emitter.on('a', () => void calls.push('other'));
      await here.emitter[emit]('a');
      await here.emitter[emit]('a');
      expect(calls).toEqual(['self', 'other', 'other']);
    });

    test(`${emit}() - clearListeners() right after it leaves nobody to call`, async () => {
      await using here = await open();
      const calls: string[] = [];
      here.emitter.on('a', () => void calls.push('named'));
      here.emitter.onAny(() => void calls.push('any'));
      const done = here.emitter[emit]('a');
      here.emitter.clearListeners();
      await done;
      expect(calls).toEqual([]);
    });

    test(`${emit}() - rejects with what a listener throws or rejects with, and nothing is left unhandled`, async () => {
      await using here = await open();
      const unhandled: unknown[] = [];
      const onUnhandled = (reason: unknown) => void unhandled.push(reason);
      process.on('unhandledRejection', onUnhandled);
      const failure = new Error('thrown');
      here.emitter.on('throws', () => {
        throw failure;
      });
      here.emitter.on('rejects', async () => Promise.reject(failure));
      here.emitter.on('both', () => {
        throw failure;
      });
      here.emitter.on('both', () => Promise.reject(new Error('second')));
      for (const name of ['throws', 'rejects', 'both']) {
        await expect(here.emitter[emit](name)).rejects.toBe(failure);
      }
      await new Promise(setImmediate);
      process.off('unhandledRejection', onUnhandled);
      expect(unhandled).toEqual([]);
    });

    test(`${emit}() - strings, numbers and symbols only`, async () => {
      await using here = await open();
      for (const name of ['text', '', 42, 0, Symbol('local')]) await here.emitter[emit](name);
      for (const name of [true, undefined, null, {}, ['a']]) {
        await expect(here.emitter[emit](name as unknown as string)).rejects.toThrow(
          new TypeError('`eventName` must be a string, symbol, or number'),
        );
      }
    });
  }

  test('emit() - listeners run concurrently, called in the order in which they were added', async () => {
    await using here = await open();
    const calls: string[] = [];
    const hold = gate();
    here.emitter.on('a', async () => {
      calls.push('slow begins');
      await hold.passed;
      calls.push('slow ends');
    });
    here.emitter.on('a', () => {
      calls.push('quick');
      hold.open();
    });
    await here.emitter.emit('a');
    expect(calls).toEqual(['slow begins', 'quick', 'slow ends']);
  });

  test('emit() - one listener that fails keeps the others from nothing', async () => {
    await using here = await open();
    const calls: string[] = [];
    here.emitter.on('a', () => {
      throw new Error('first fails');
    });
    here.emitter.on('a', () => void calls.push('named'));
    here.emitter.onAny(() => void calls.push('any'));
    await expect(here.emitter.emit('a')).rejects.toThrow('first fails');
    expect(calls).toEqual(['named', 'any']);
  });

  test('emit() - events in flight at the same time are handled side by side', async () => {
    await using here = await open();
    const hold = gate();
    let running = 0;
    here.emitter.on('a', async () => {
      running += 1;
      if (running === 5) hold.open();
      await hold.passed;
    });
    await Promise.all(Array.from({ length: 5 }, () => here.emitter.emit('a')));
    expect(running).toBe(5);
  });

  test('emitSerial() - each listener waits for the one before it', async () => {
    await using here = await open();
    const calls: string[] = [];
    for (const label of ['first', 'second', 'third']) {
      here.emitter.on('a', async () => {
        calls.push(`${label} begins`);
        await new Promise(setImmediate);
        calls.push(`${label} ends`);
      });
    }
    here.emitter.onAny(() => void calls.push('any'));
    await here.emitter.emitSerial('a');
    expect(calls).toEqual([
      'first begins',
      'first ends',
      'second begins',
      'second ends',
      'third begins',
      'third ends',
      'any',
    ]);
  });

  test('emitSerial() - a listener that fails is the last one called', async () => {
    await using here = await open();
    const calls: string[] = [];
    here.emitter.on('a', () => void calls.push('first'));
    here.emitter.on('a', async () => Promise.reject(new Error('second fails')));
    here.emitter.on('a', () => void calls.push('third'));
    here.emitter.onAny(() => void calls.push('any'));
    await expect(here.emitter.emitSerial('a')).rejects.toThrow('second fails');
    expect(calls).toEqual(['first']);
  });

  test('emitSerial() - who is removed while an earlier listener is still busy does not get the event', async () => {
    await using here = await open();
    const calls: string[] = [];
    here.emitter.on('a', async () => {
      await new Promise(setImmediate);
      off();
    });
    const off = here.emitter.on('a', () => void calls.push('removed'));
    here.emitter.on('a', () => void calls.push('last'));
    await here.emitter.emitSerial('a');
    expect(calls).toEqual(['last']);
  });

  test('a listener may emit: the same name, and another one', async () => {
    await using here = await open();
    const calls: string[] = [];
    here.emitter.on('count', async (left: number) => {
      calls.push(`count ${left}`);
      if (left > 0) await here.emitter.emit('count', left - 1);
      else await here.emitter.emitSerial('end');
    });
    here.emitter.on('end', () => void calls.push('end'));
    await here.emitter.emit('count', 2);
    expect(calls).toEqual(['count 2', 'count 1', 'count 0', 'end']);
  });

  test('a listener that is added again after clearListeners() still gets the event on its way', async () => {
    await using here = await open();
    const calls: string[] = [];
    const last = () => void calls.push('last');
    here.emitter.on('a', () => {
      here.emitter.clearListeners('a');
      here.emitter.on('a', last);
    });
    here.emitter.on('a', last);
    await here.emitter.emit('a');
    expect(calls).toEqual(['last']);
    here.emitter.clearListeners('a');
    expect(here.emitter.listenerCount('a')).toBe(0);
  });

  test('emit() rejects with what was thrown rather than with what was rejected', async () => {
    await using here = await open();
    here.emitter.on('a', async () => {
      throw new Error('rejected');
    });
    here.emitter.on('a', () => {
      throw new Error('thrown');
    });
    await expect(here.emitter.emit('a')).rejects.toThrow('thrown');
  });

  test('emit() waits for a function with a `then`', async () => {
    await using here = await open();
    let isDone = false;
    const query = Object.assign(() => {}, {
      // biome-ignore lint/suspicious/noThenProperty: what is tested.
      then(resolve: () => void) {
        isDone = true;
        resolve();
      },
    });
    here.emitter.on('a', () => query as never);
    await here.emitter.emit('a');
    expect(isDone).toBe(true);
  });

  test('data that cannot be asked for its `then` reaches the listeners', async () => {
    await using here = await open();
    const { proxy, revoke } = Proxy.revocable({}, {});
    let calls = 0;
    here.emitter.on(LOCAL, () => {
      calls += 1;
    });
    const iterator = here.emitter.anyEvent();
    revoke();
    const next = iterator.next();
    await Promise.all([here.emitter.emit(LOCAL, proxy), expect(next).rejects.toThrow('revoked')]);
    expect(calls).toBe(1);
  });
});
