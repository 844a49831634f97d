import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DistributedEmitter } from '../../src/emitter.js';
import { DemitterError } from '../../src/errors.js';
import type { DistributedEmitterOptions } from '../../src/options.js';
import { createMemoryTransport, MemoryHub } from '../../src/transport/memory.js';
import { Bus } from '../support/bus.js';
import { caughtUp } from '../support/caught-up.js';

let bus: Bus;
beforeAll(async () => {
  bus = await Bus.start();
});
afterAll(() => bus[Symbol.asyncDispose]());

const rejections: unknown[] = [];
const onRejection = (reason: unknown): void => void rejections.push(reason);
beforeAll(() => void process.on('unhandledRejection', onRejection));
afterAll(() => {
  process.off('unhandledRejection', onRejection);
  expect(rejections).toEqual([]);
});

/** A promise to be settled by the test. */
function gate() {
  let open = (_value: unknown): void => {};
  const passed = new Promise<unknown>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

async function drain<T>(iterator: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of iterator) items.push(item);
  return items;
}

describe.each(['zmtp', 'memory'])('requests, over %s', (kind) => {
  /** Emitters that have nothing to do with those of other tests. */
  function place() {
    const transport = createMemoryTransport(new MemoryHub());
    const where = { ...(kind === 'memory' ? { transport } : bus.addresses), namespace: crypto.randomUUID() };
    return async (given: DistributedEmitterOptions = {}): Promise<DistributedEmitter> => {
      const emitter = new DistributedEmitter({ ...where, ...given });
      await emitter.connect();
      return emitter;
    };
  }

  test('are answered with what the handler returns, or resolves with', async () => {
    const emitter = place();
    await using here = await emitter();
    await using there = await emitter();
    there.respond('sum', ({ x, y }) => x + y);
    there.respond('later', async (data) => [await data]);
    there.respond('nothing', () => {});
    await there.ready();
    expect(await here.request('sum', { x: 1, y: 2 })).toBe(3);
    expect(await here.request('later', new Map([[1, 'one']]))).toEqual([new Map([[1, 'one']])]);
    expect(await here.request('nothing', undefined)).toBeUndefined();
  });

  test('are no events, nor events requests', async () => {
    const emitter = place();
    await using here = await emitter();
    await using there = await emitter();
    const seen: unknown[] = [];
    there.on('a', (data) => void seen.push(['event', data]));
    there.onAny((name, data) => name === 'a' && seen.push(['any', data]));
    there.respond('a', (data) => void seen.push(['request', data]));
    await there.ready();
    await here.emit('a', 1);
    await here.request('a', 2);
    await caughtUp(here, there);
    expect(seen).toEqual([
      ['event', 1],
      ['any', 1],
      ['request', 2],
    ]);
  });

  test('reject with the error of the handler: its class, message, code and cause', async () => {
    const emitter = place();
    await using here = await emitter();
    await using there = await emitter();
    there.respond('type', () => {
      throw Object.assign(new TypeError('no number', { cause: new Error('deep') }), { code: 'E_NUMBER' });
    });
    there.respond('demitter', async () => {
      throw new DemitterError('DEMITTER_TIMEOUT', 'of another request');
    });
    there.respond('text', () => {
      throw 'only text';
    });
    await there.ready();
    const error = (await here.request('type', 1).catch((reason: unknown) => reason)) as Error;
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ name: 'TypeError', message: 'no number', code: 'E_NUMBER' });
    expect(error.cause).toMatchObject({ message: 'deep' });
    await expect(here.request('demitter', 1)).rejects.toMatchObject({
      name: 'DemitterError',
      code: 'DEMITTER_TIMEOUT',
      message: 'of another request',
    });
    await expect(here.request('text', 1)).rejects.toMatchObject({
      message: "'only text'",
      cause: 'only text',
    });
  });

  test('that nobody answers in time reject, or resolve with the fallback', async () => {
    await using here = await place()();
    await expect(here.request('nobody', 1, { timeout: 20 })).rejects.toMatchObject({
      code: 'DEMITTER_TIMEOUT',
      message: "Nobody answered request 'nobody' within 20 ms",
    });
    expect(await here.request('nobody', 1, { timeout: 20, fallback: 'none' })).toBe('none');
    expect(await here.request('nobody', 1, { timeout: 20, fallback: undefined })).toBeUndefined();
  });

  test('whose answer, or data, cannot travel, say so', async () => {
    const emitter = place();
    await using here = await emitter({ maxEventBytes: 10_000 });
    await using there = await emitter({ maxEventBytes: 1000 });
    there.respond('function', () => () => 1);
    there.respond('large', () => 'x'.repeat(5000));
    await there.ready();
    await expect(here.request('function', 1)).rejects.toThrow(/^The answer could not be sent: .*function/);
    await expect(here.request('large', 1)).rejects.toThrow(/^The answer could not be sent: .*1000/);
    await expect(here.request('function', () => 1)).rejects.toMatchObject({ code: 'DEMITTER_SERIALIZATION' });
    await expect(here.request('large', 'x'.repeat(20_000))).rejects.toMatchObject({
      code: 'DEMITTER_EVENT_TOO_LARGE',
    });
  });

  test('resolve with the first of several answers', async () => {
    const emitter = place();
    await using here = await emitter();
    await using slow = await emitter();
    await using quick = await emitter();
    const { passed, open } = gate();
    slow.respond('who', () => passed);
    quick.respond('who', () => 'quick');
    await Promise.all([slow.ready(), quick.ready()]);
    expect(await here.request('who', 1)).toBe('quick');
    // A late answer is nobody's.
    open('slow');
    expect(await here.request('who', 2)).toBeDefined();
  });

  test('of many give all answers, failures among them, in one iterator', async () => {
    const emitter = place();
    await using here = await emitter();
    await using a = await emitter();
    await using b = await emitter();
    a.respond('load', () => 1);
    b.respond('load', () => {
      throw new Error('busy');
    });
    await Promise.all([a.ready(), b.ready()]);
    const answers = await drain(here.requestMany('load', 1, { max: 2 }));
    expect(answers).toHaveLength(2);
    expect(answers.find(({ status }) => status === 'fulfilled')).toEqual({
      status: 'fulfilled',
      value: 1,
      publisherId: a.id,
    });
    expect(answers.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { message: 'busy' },
      publisherId: b.id,
    });
    expect(await drain(here.requestMany('load', 1, { stall: 50 }))).toHaveLength(2);
    expect(await drain(here.requestMany('load', 1, { timeout: 50 }))).toHaveLength(2);
    expect(await drain(here.requestMany('nobody', 1, { timeout: 10 }))).toEqual([]);
    for await (const { publisherId } of here.requestMany('load', 1)) {
      expect([a.id, b.id]).toContain(publisherId);
      break;
    }
    await expect(drain(here.requestMany('load', () => 1))).rejects.toMatchObject({
      code: 'DEMITTER_SERIALIZATION',
    });
  });

  test('end with their signal', async () => {
    const emitter = place();
    await using here = await emitter();
    const reason = new Error('changed my mind');
    await expect(here.request('a', 1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const waiting = here.request('a', 1, { signal: controller.signal, timeout: 0 });
    const many = drain(here.requestMany('a', 1, { signal: controller.signal, timeout: 0 }));
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(many).rejects.toBe(reason);
  });

  test('whose responder closes reject soon, unless another one answers', async () => {
    const emitter = place();
    await using here = await emitter();
    const leaver = await emitter();
    const { passed, open } = gate();
    const asked = gate();
    leaver.respond('a', () => {
      asked.open(undefined);
      return passed;
    });
    await leaver.ready();
    const request = here.request('a', 1);
    await asked.passed;
    await leaver.close();
    await expect(request).rejects.toMatchObject({ code: 'DEMITTER_RESPONDER_LEFT' });
    open('too late');

    const second = await emitter();
    await using other = await emitter();
    const askedAgain = gate();
    const answer = gate();
    second.respond('b', () => {
      askedAgain.open(undefined);
      return new Promise(() => {});
    });
    other.respond('b', () => answer.passed);
    await Promise.all([second.ready(), other.ready()]);
    const again = here.request('b', 1);
    await askedAgain.passed;
    await second.close();
    answer.open('here I am');
    expect(await again).toBe('here I am');
  });

  test('of an emitter that closes, or is closed, or not connected, reject', async () => {
    const emitter = place();
    const here = await emitter();
    const refused = expect(here.request('a', 1)).rejects.toMatchObject({ code: 'DEMITTER_CLOSED' });
    await here.close();
    await refused;
    await expect(here.request('a', 1)).rejects.toMatchObject({ code: 'DEMITTER_CLOSED' });
    const idle = new DistributedEmitter();
    await expect(idle.request('a', 1)).rejects.toMatchObject({ code: 'DEMITTER_NOT_CONNECTED' });
    await idle.close();
  });

  test('are answered by a handler of the same emitter as well', async () => {
    await using here = await place()();
    here.respond('own', (data) => ['own', data]);
    expect(await here.request('own', 1)).toEqual(['own', 1]);
  });

  test('have one handler for each name of an emitter, which can go', async () => {
    const emitter = place();
    await using here = await emitter();
    await using there = await emitter();
    const off = there.respond('a', () => 1);
    expect(() => there.respond('a', () => 2)).toThrow("Expected no handler of request 'a' yet");
    await there.ready();
    expect(await here.request('a', 0)).toBe(1);
    off();
    {
      using again = there.respond('a', () => 2);
      expect(again).toBeTypeOf('function');
      await there.ready();
      expect(await here.request('a', 0)).toBe(2);
    }
    await expect(here.request('a', 0, { timeout: 20 })).rejects.toMatchObject({ code: 'DEMITTER_TIMEOUT' });
    const controller = new AbortController();
    there.respond('a', () => 3, { signal: controller.signal });
    controller.abort();
    there.respond('a', () => 4);
    await there.ready();
    expect(await here.request('a', 0)).toBe(4);
  });

  test('in a channel reach handlers of that channel', async () => {
    const emitter = place();
    await using here = await emitter();
    await using there = await emitter({ context: true });
    there.respond('a', () => 'emitter');
    there.channel('room').respond('a', (data) => [data, there.context()?.channel, there.context()?.headers]);
    await there.ready();
    expect(await here.channel('room').request('a', 1, { headers: { id: '7' } })).toEqual([
      1,
      'room',
      { id: '7' },
    ]);
    expect(await here.request('a', 1)).toBe('emitter');
    await expect(here.channel('hall').request('a', 1, { timeout: 20 })).rejects.toMatchObject({
      code: 'DEMITTER_TIMEOUT',
    });
  });

  test('can be in flight by the thousand, and no answer is mixed up', async () => {
    const emitter = place();
    await using here = await emitter();
    await using a = await emitter();
    await using b = await emitter();
    a.respond('even', (n) => n * 2);
    b.respond('odd', async (n) => n * 2);
    await Promise.all([a.ready(), b.ready()]);
    const numbers = Array.from({ length: 10_000 }, (_, i) => i);
    const answers = await Promise.all(numbers.map((n) => here.request(n % 2 === 0 ? 'even' : 'odd', n)));
    expect(answers).toEqual(numbers.map((n) => n * 2));
  });

  test.each([
    [{ timeout: -1 }, 'Expected `timeout` to be a whole number'],
    [{ timeout: '1' }, 'Expected `timeout` to be a number'],
    [{ signal: 1 }, 'Expected `signal` to be an AbortSignal, got 1'],
    [{ headers: { a: 1 } }, "Expected header 'a' to be a string, got 1"],
    [{ max: 1 }, 'Unknown option `max`'],
  ])('with %o are refused', async (options, message) => {
    await using here = await place()();
    await expect(here.request('a', 1, options as never)).rejects.toThrow(message);
    if (!('max' in options)) expect(() => here.requestMany('a', 1, options as never)).toThrow(message);
    expect(() => here.respond('a', 1 as never)).toThrow('Expected `handler` to be a function, got 1');
  });
});
