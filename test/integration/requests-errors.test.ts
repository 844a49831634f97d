import { describe, expect, test } from 'vitest';
import { drain, errorsOf, failure, KINDS, requestPlaces } from '../support/request-place.js';

const placeOf = requestPlaces();

class OutOfStock extends Error {
  override readonly name = 'OutOfStock';
  readonly code = 'E_STOCK';
  readonly item: string;

  constructor(item: string, options?: ErrorOptions) {
    super(`no ${item} left`, options);
    this.item = item;
  }
}

describe.each(KINDS)('errors of handlers, over %s', (kind) => {
  test('keep name, message, code, cause and whatever else they have, also if thrown later', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    await using _there = await place.responder('buy', async (item: string) => {
      await Promise.resolve();
      throw new OutOfStock(item, { cause: new RangeError('0 of 1', { cause: 'deep' }) });
    });
    const error = await failure(here.request('buy', 'lamp'));
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'OutOfStock',
      message: 'no lamp left',
      code: 'E_STOCK',
      item: 'lamp',
      cause: { name: 'RangeError', message: '0 of 1', cause: 'deep' },
    });
    expect(error.cause).toBeInstanceOf(RangeError);
  });

  test('of all classes that the language and Node have', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    const errors = [
      new TypeError('type'),
      new AggregateError([new Error('one'), 2], 'several'),
      new DOMException('timed out', 'TimeoutError'),
      Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT', errno: -2, syscall: 'open' }),
    ];
    await using _there = await place.responder('fail', (which: number) => Promise.reject(errors[which]));
    for (const [i, { name, message }] of errors.entries()) {
      const error = await failure(here.request('fail', i));
      expect(error).toBeInstanceOf(Error);
      expect(error).toMatchObject({ name, message });
    }
    expect(await failure(here.request('fail', 1))).toMatchObject({ errors: [{ message: 'one' }, 2] });
    expect(await failure(here.request('fail', 3))).toMatchObject({ code: 'ENOENT', errno: -2 });
  });

  test('are Errors, whatever was thrown', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    const thrown: readonly (readonly [thing: unknown, message: string, cause: unknown])[] = [
      [undefined, 'undefined', undefined],
      [null, 'null', null],
      ['text', "'text'", 'text'],
      [42, '42', 42],
      [{ status: 404 }, '{ status: 404 }', { status: 404 }],
      // These cannot travel, but how they look can.
      [Symbol('s'), 'Symbol(s)', undefined],
      [() => {}, '[Function (anonymous)]', undefined],
    ];
    await using there = await place.responder('fail', (which: number) => {
      throw thrown[which]?.[0];
    });
    const told = errorsOf(there);
    for (const [i, [, message, cause]] of thrown.entries()) {
      const error = await failure(here.request('fail', i));
      expect(error).toBeInstanceOf(Error);
      expect([error.message, error.cause]).toEqual([message, cause]);
    }
    expect(told).toEqual([]);
  });

  test('are Errors, also if what was thrown cannot even be looked at', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    const trap = (): never => {
      throw new Error('a trap');
    };
    const traps = [
      { [Symbol.for('nodejs.util.inspect.custom')]: trap },
      new Proxy({}, { getPrototypeOf: trap }),
      Object.defineProperty(new Error('half a trap'), 'code', { get: trap, enumerable: true }),
    ];
    await using _there = await place.responder('fail', (which: number) => {
      throw traps[which];
    });
    for (const i of [0, 1])
      expect((await failure(here.request('fail', i))).message).toBe(
        'Something was thrown that cannot be looked at',
      );
    expect((await failure(here.request('fail', 2))).message).toBe('half a trap');
    await using _then = await place.responder('then', () => Object.defineProperty({}, 'then', { get: trap }));
    expect((await failure(here.request('then', 1))).message).toBe('a trap');
  });

  test('keep what can travel if something in them cannot', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    // As HTTP clients throw them: with the request that failed, its functions and its cycles.
    const request: Record<string, unknown> = { send: () => {} };
    request.self = request;
    await using there = await place.responder(
      'fetch',
      () => {
        const cause = Object.assign(new TypeError('socket hang up'), { code: 'ECONNRESET', request });
        throw Object.assign(new Error('Network Error', { cause }), { code: 'ERR_NETWORK', request });
      },
      { maxEventBytes: 20_000 },
    );
    const told = errorsOf(there);
    const error = await failure(here.request('fetch', 1));
    expect(error).toMatchObject({ name: 'Error', message: 'Network Error', code: 'ERR_NETWORK' });
    expect(error.cause).toBeInstanceOf(TypeError);
    expect(error.cause).toMatchObject({ message: 'socket hang up', code: 'ECONNRESET' });
    expect(error).not.toHaveProperty('request');
    there.respond('dump', () => {
      throw Object.assign(new Error('with a dump'), { code: 'E_DUMP', dump: 'x'.repeat(30_000) });
    });
    there.respond('endless', () => {
      throw new Error('x'.repeat(30_000));
    });
    await there.ready();
    expect(await failure(here.request('dump', 1))).toMatchObject({ message: 'with a dump', code: 'E_DUMP' });
    expect(await failure(here.request('endless', 1))).toMatchObject({
      code: 'DEMITTER_EVENT_TOO_LARGE',
      message: expect.stringMatching(/^The answer could not be sent: it has \d+ bytes/),
    });
    expect(told).toEqual([]);
  });

  test('are not taken for our own: a fallback stands for no answer, not for a failed one', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    await using there = await place.emitter();
    there.respond('nested', () => there.request('nobody', 1, { timeout: 1 }));
    await there.ready();
    expect(await failure(here.request('nested', 1, { fallback: 'none' }))).toMatchObject({
      name: 'DemitterError',
      code: 'DEMITTER_TIMEOUT',
      message: "Nobody answered request 'nobody' within 1 ms",
    });
  });

  test('of one responder do not hide the answers of others in requestMany()', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    await using _a = await place.responder('load', () => Promise.reject(new OutOfStock('a')));
    await using _b = await place.responder('load', () => 2);
    await using _c = await place.responder('load', () => () => {});
    const answers = await drain(here.requestMany('load', 1, { max: 3 }));
    const shown = answers.map((answer) =>
      answer.status === 'fulfilled' ? answer.value : (answer.reason as { code?: unknown }).code,
    );
    expect(shown.sort()).toEqual([2, 'DEMITTER_SERIALIZATION', 'E_STOCK']);
  });
});

describe.each(KINDS)('data and answers that cannot travel, over %s', (kind) => {
  test('are told with a code, and where in them it is', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter({ maxEventBytes: 10_000 });
    const asked: unknown[] = [];
    await using there = await place.responder(
      'echo',
      (what: string) => {
        asked.push(what);
        return what === 'function' ? { user: { save: () => {} } } : 'x'.repeat(5000);
      },
      { maxEventBytes: 1000 },
    );
    const told = [errorsOf(here), errorsOf(there)];
    expect(await failure(here.request('echo', { user: { save: () => {} } }))).toMatchObject({
      name: 'DemitterError',
      code: 'DEMITTER_SERIALIZATION',
      message: "Request 'echo' was not sent: data.user.save: a function cannot travel",
    });
    expect(await failure(here.request('echo', 'x'.repeat(20_000)))).toMatchObject({
      code: 'DEMITTER_EVENT_TOO_LARGE',
      message: expect.stringMatching(/^Request 'echo' was not sent: it has \d+ bytes/),
    });
    expect(await failure(here.request('x'.repeat(5000), 1))).toMatchObject({
      code: 'DEMITTER_EVENT_TOO_LARGE',
    });
    expect(await failure(here.request('echo', 'function'))).toMatchObject({
      name: 'DemitterError',
      code: 'DEMITTER_SERIALIZATION',
      message: 'The answer could not be sent: data.user.save: a function cannot travel',
    });
    expect(await failure(here.request('echo', 'large'))).toMatchObject({
      code: 'DEMITTER_EVENT_TOO_LARGE',
      message: expect.stringMatching(/^The answer could not be sent: it has \d+ bytes/),
    });
    expect(asked).toEqual(['function', 'large']);
    // Whoever waits was told, and nobody else.
    expect(told).toEqual([[], []]);
  });

  test('and requests for which there is no room: DEMITTER_OVERFLOW', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter({
      maxEventBytes: 1000,
      maxBufferBytes: 4000,
      highWaterMark: 1000,
    });
    await using _there = await place.responder('size', ({ length }: string) => length);
    expect(await here.request('size', '')).toBe(0);
    const all = await Promise.allSettled(
      Array.from({ length: 20 }, () => here.request('size', 'x'.repeat(800))),
    );
    const codes = all.map((each) => (each.status === 'fulfilled' ? each.value : each.reason.code));
    expect(new Set(codes)).toEqual(new Set([800, 'DEMITTER_OVERFLOW']));
  });
});
