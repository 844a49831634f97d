import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { DistributedEmitter } from '../../src/emitter.js';
import { caughtUp } from '../support/caught-up.js';
import { errorsOf, failure, gate, KINDS, requestPlaces } from '../support/request-place.js';

const placeOf = requestPlaces();

const NEVER = new Promise<never>(() => {});
/** That hold up nothing but a test's end. */
const timeouts = (): number => process.getActiveResourcesInfo().filter((what) => what === 'Timeout').length;

describe.each(KINDS)('requests, over %s', (kind) => {
  test('wait without end with a timeout of 0', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    const answer = gate();
    await using _there = await place.responder('a', () => answer.passed);
    expect(await failure(here.request('nobody', 1, { timeout: 1 }))).toMatchObject({
      code: 'DEMITTER_TIMEOUT',
    });
    const before = timeouts();
    const request = here.request('a', 1, { timeout: 0 });
    expect(timeouts()).toBe(before);
    answer.open('at last');
    expect(await request).toBe('at last');
  });

  test('keep their order with events, and their handlers are called when the caller is done', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    const seen: unknown[] = [];
    await using there = await place.responder('b', (data) => void seen.push(data));
    there.on(['a', 'c'], (data) => void seen.push(data));
    await there.ready();
    await here.request('b', 0);
    for (let i = 1; i < 10; i += 3) {
      void here.emit('a', i);
      void here.request('b', i + 1);
      void here.emit('c', i + 2);
    }
    await caughtUp(here, there);
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const own: string[] = [];
    here.respond('own', () => void own.push('handler'));
    const answered = here.request('own', 1);
    own.push('caller');
    await answered;
    expect(own).toEqual(['caller', 'handler']);
  });

  test('before connect() and after close() reject, and leave nothing behind', async () => {
    const place = placeOf(kind);
    const before = timeouts();
    const idle = new DistributedEmitter(place.options);
    const { signal } = new AbortController();
    expect(await failure(idle.request('a', 1, { signal }))).toMatchObject({ code: 'DEMITTER_NOT_CONNECTED' });
    expect(await failure(idle.request('a', 1, { fallback: 1 }))).toMatchObject({
      code: 'DEMITTER_NOT_CONNECTED',
    });
    // Once it is connected, it works.
    await idle.connect();
    await using _there = await place.responder('a', () => 1);
    expect(await idle.request('a', 1, { signal })).toBe(1);
    const waiting = Array.from({ length: 100 }, () => failure(idle.request('nobody', 1, { signal })));
    const many = failure(idle.requestMany('nobody', 1, { signal }).next());
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await idle.close();
    for (const error of await Promise.all([...waiting, many]))
      expect(error).toMatchObject({
        name: 'DemitterError',
        code: 'DEMITTER_CLOSED',
        message: "The emitter was closed before request 'nobody' was answered",
      });
    expect(await failure(idle.request('a', 1, { signal, fallback: 1 }))).toMatchObject({
      code: 'DEMITTER_CLOSED',
    });
    expect(await failure(idle.requestMany('a', 1, { signal }).next())).toMatchObject({
      code: 'DEMITTER_CLOSED',
    });
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    await _there.close();
    expect(timeouts()).toBeLessThanOrEqual(before);
  });

  test('that were aborted before are not sent; while they wait, they end; afterwards, nothing happens', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    const asked: unknown[] = [];
    const began = gate();
    await using there = await place.responder('a', (data) => {
      asked.push(data);
      if (data !== 'waits') return data;
      began.open();
      return NEVER;
    });
    const reason = new Error('no more');
    expect(await failure(here.request('a', 'before', { signal: AbortSignal.abort(reason) }))).toBe(reason);
    const controller = new AbortController();
    const { signal } = controller;
    expect(await here.request('a', 'after', { signal })).toBe('after');
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    const waiting = failure(here.request('a', 'waits', { signal, fallback: 'not for this' }));
    await began.passed;
    controller.abort(reason);
    expect(await waiting).toBe(reason);
    expect((await failure(here.request('a', 1, { signal: AbortSignal.abort() }))).name).toBe('AbortError');
    await caughtUp(here, there);
    expect(asked).toEqual(['after', 'waits']);
  });

  test('can share a signal by the thousand', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    const controller = new AbortController();
    const { signal } = controller;
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const waiting = Array.from({ length: 1000 }, () =>
      failure(here.request('nobody', 1, { signal, timeout: 0 })),
    );
    controller.abort('enough');
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['enough']));
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    await new Promise(setImmediate);
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  test('are answered by handlers of channels and namespaces of their own', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    await using there = await place.emitter();
    await using elsewhere = await place.emitter({ namespace: 'elsewhere' });
    for (const [emitter, who] of [
      [there, 'there'],
      [elsewhere, 'elsewhere'],
    ] as const) {
      emitter.respond('who', () => who);
      emitter.channel('room').respond('who', () => `${who}, in the room`);
      emitter.channel('\u0001').respond(Symbol.for('who'), () => `${who}, in a strange room`);
      await emitter.ready();
    }
    expect(await here.request('who')).toBe('there');
    expect(await here.channel('room').request('who')).toBe('there, in the room');
    expect(await here.channel('\u0001').request(Symbol.for('who'))).toBe('there, in a strange room');
    const none = { timeout: 30, fallback: 'nobody' };
    expect(await here.channel('hall').request('who', undefined, none)).toBe('nobody');
    expect(await here.request(Symbol.for('who'), undefined, none)).toBe('nobody');
    const answers = [];
    for await (const answer of here.channel('room').requestMany('who', undefined, { max: 1 }))
      answers.push(answer);
    expect(answers).toMatchObject([{ value: 'there, in the room', publisherId: there.id }]);
  });

  test('have a context in the handler, from elsewhere and from the emitter itself', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter({ context: true });
    await using there = await place.emitter({ context: true });
    there.respond('where', async () => {
      await Promise.resolve();
      return there.context();
    });
    here.channel('room').respond('where', async () => {
      await Promise.resolve();
      return here.context();
    });
    await there.ready();
    const headers = { tenant: '7' };
    expect(await here.request('where', 1, { headers })).toMatchObject({
      eventName: 'where',
      channel: undefined,
      publisherId: here.id,
      sequence: expect.any(Number),
      retained: false,
      headers,
    });
    const context = {
      eventName: 'where',
      channel: 'room',
      publisherId: here.id,
      sequence: undefined,
      sentAt: expect.any(Number),
      retained: false,
    };
    expect(await here.channel('room').request('where', 1, { headers })).toEqual({ ...context, headers });
    // Not that of the listener it was made in.
    const asked = new Promise((resolve) => {
      here.on('event', () => resolve(here.channel('room').request('where', 1)));
    });
    await here.emit('event', 1, { headers });
    expect(await asked).toEqual({ ...context, headers: {} });
  });

  test('without a forwarder end in their time, and a fallback is not validated', async () => {
    await using here = new DistributedEmitter({
      xsubAddress: 'tcp://127.0.0.1:1',
      xpubAddress: 'tcp://127.0.0.1:1',
      closeTimeout: 100,
      schemas: { load: { answer: z.number() } },
    });
    errorsOf(here);
    void here.connect();
    expect(await failure(here.request('load', 1, { timeout: 20 }))).toMatchObject({
      code: 'DEMITTER_TIMEOUT',
      message: "Nobody answered request 'load' within 20 ms",
    });
    expect(await here.request('load', 1, { timeout: 20, fallback: 'unknown' })).toBe('unknown');
    const place = placeOf(kind);
    await using there = await place.emitter({ schemas: { load: { answer: z.number() } } });
    expect(await there.request('load', 1, { timeout: 20, fallback: undefined })).toBeUndefined();
    await using _careless = await place.responder('load', () => 'high');
    expect(await failure(there.request('load', 1, { fallback: 'unknown' }))).toMatchObject({
      code: 'DEMITTER_VALIDATION',
    });
  });

  test('carry all data that events carry, both ways', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    await using _there = await place.responder('echo', (data) => [data]);
    const values = [undefined, null, 0, '', 1n, new Date(0), new Map([[1, new Set(['a'])]]), Buffer.of(1)];
    for (const value of values) expect(await here.request('echo', value)).toEqual([value]);
    expect(await here.request('echo')).toEqual([undefined]);
  });
});

describe.each(KINDS)('a responder, over %s', (kind) => {
  test('that closes: the request rejects, unless somebody else is at work on it, however long', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    const asked = { leaver: gate(), other: gate() };
    const answer = gate();
    const leaver = await place.emitter();
    leaver.respond('alone', () => NEVER);
    leaver.respond('both', () => {
      asked.leaver.open();
      return NEVER;
    });
    await leaver.ready();
    await using _other = await place.responder('both', () => {
      asked.other.open();
      return answer.passed;
    });
    const alone = failure(here.request('alone', 1));
    const both = here.request('both', 1);
    await Promise.all([asked.leaver.passed, asked.other.passed]);
    await leaver.close();
    expect(await alone).toMatchObject({
      name: 'DemitterError',
      code: 'DEMITTER_RESPONDER_LEFT',
      message: "Who was asked 'alone' was closed before it answered, and nobody else is at work on it",
    });
    // By now, the other request would have been given up as well.
    answer.open('I am still here');
    expect(await both).toBe('I am still here');
  });

  test('that closes last: the request rejects, or gets its fallback', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    const asked = [gate(), gate()] as const;
    const responders = await Promise.all(
      asked.map(({ open }) =>
        place.responder('a', () => {
          open();
          return NEVER;
        }),
      ),
    );
    const rejected = failure(here.request('a', 1));
    const fallback = here.request('a', 1, { fallback: undefined });
    await Promise.all(asked.map(({ passed }) => passed));
    for (const responder of responders) await responder.close();
    expect(await rejected).toMatchObject({ code: 'DEMITTER_RESPONDER_LEFT' });
    expect(await fallback).toBeUndefined();
  });

  test('answers what it was asked, also when its handler was taken off meanwhile', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    await using there = await place.emitter();
    const began = gate();
    const answer = gate();
    const off = there.respond('a', () => {
      began.open();
      return answer.passed;
    });
    await there.ready();
    const request = here.request('a', 1);
    await began.passed;
    off();
    answer.open('done');
    expect(await request).toBe('done');
    expect(await here.request('a', 1, { timeout: 20, fallback: 'gone' })).toBe('gone');
    // The same function again, which the first one's `off` has nothing to do with.
    const handler = (): string => 'again';
    there.respond('b', handler)();
    const offFirst = there.respond('b', handler);
    offFirst();
    there.respond('b', handler);
    offFirst();
    await there.ready();
    expect(await here.request('b', 1)).toBe('again');
  });

  test('has one handler for each name and channel, and says so', async () => {
    const place = placeOf(kind);
    await using there = await place.emitter();
    there.respond('a', () => 1);
    there.channel('room').respond('a', () => 1);
    there.respond(1, () => 1);
    there.respond('1', () => 1);
    expect(() => there.respond('a', () => 2)).toThrow(
      "Expected no handler of request 'a' yet, but this emitter has one",
    );
    expect(() => there.channel('room').respond('a', () => 2)).toThrow('Expected no handler');
    expect(() => there.respond('b', () => 1, { signal: 'soon' as never })).toThrow(
      "Expected `signal` to be an AbortSignal, got 'soon'",
    );
    // That it failed leaves no handler.
    there.respond('b', () => 1, { signal: AbortSignal.abort() });
    there.respond('b', () => 2);
    expect(await there.request('b')).toBe(2);
  });

  test('serves thousands that wait at once, and nobody gets another one’s answer', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    await using there = await place.emitter();
    const [first, second] = [gate(), gate()];
    await using _a = await place.responder('double', async (n: number) => {
      await first.passed;
      return [n, n * 2];
    });
    await using _b = await place.responder('triple', async (n: number) => {
      await second.passed;
      return [n, n * 3];
    });
    const ask = (emitter: DistributedEmitter, i: number) =>
      emitter.request(i % 2 === 0 ? 'double' : 'triple', i, { timeout: 0 });
    const numbers = Array.from({ length: 20_000 }, (_, i) => i);
    const told = errorsOf(here);
    const all = Promise.all(numbers.map((i) => ask(i % 4 < 2 ? here : there, i)));
    // The latter half is answered first.
    second.open();
    first.open();
    expect(await all).toEqual(numbers.map((i) => [i, i * (i % 2 === 0 ? 2 : 3)]));
    expect(told).toEqual([]);
  });
});
