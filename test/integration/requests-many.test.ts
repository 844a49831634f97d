import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { caughtUp } from '../support/caught-up.js';
import { drain, errorsOf, failure, gate, KINDS, requestPlaces } from '../support/request-place.js';

const placeOf = requestPlaces();

describe.each(KINDS)('requestMany(), over %s', (kind) => {
  test('asks at once, and keeps the answers for who comes later', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    const asked = gate();
    await using there = await place.responder('load', (data) => {
      asked.open(data);
      return 1;
    });
    const answers = here.requestMany('load', 'now', { max: 1 });
    expect(await asked.passed).toBe('now');
    await caughtUp(there, here);
    expect(await drain(answers)).toEqual([{ status: 'fulfilled', value: 1, publisherId: there.id }]);
  });

  test('gives every answer, own ones included, and each of several consumers its share', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    here.respond('who', () => 'here');
    await using _a = await place.responder('who', () => 'a');
    await using _b = await place.responder('who', () => 'b');
    const answers = here.requestMany('who', undefined, { timeout: 0, max: 3 });
    const shares = await Promise.all(Array.from({ length: 5 }, () => answers.next()));
    const values = shares.flatMap(({ done, value }) =>
      done || value.status === 'rejected' ? [] : [value.value],
    );
    expect(values.sort()).toEqual(['a', 'b', 'here']);
    expect(shares.filter(({ done }) => done)).toHaveLength(2);
  });

  test('ends when it is left, also while somebody waits for an answer', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    const late = gate();
    await using _quick = await place.responder('who', () => 'quick');
    await using slow = await place.responder('who', () => late.passed);
    const told = errorsOf(here);
    const { signal } = new AbortController();
    for await (const answer of here.requestMany('who', 1, { timeout: 0, signal })) {
      expect(answer).toMatchObject({ value: 'quick' });
      break;
    }
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    const waits = here.requestMany('nobody', 1, { timeout: 0, signal });
    const next = waits.next();
    expect(await waits.return?.()).toEqual({ done: true });
    expect(await next).toEqual({ done: true });
    {
      await using disposed = here.requestMany('nobody', 1, { timeout: 0, signal });
      expect(disposed).toBeDefined();
      expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    }
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    late.open('slow');
    await caughtUp(slow, here);
    expect(told).toEqual([]);
  });

  test('ends after `stall` without a further answer, or `timeout` in any case', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    const second = gate();
    await using _a = await place.responder('who', () => 'a');
    await using b = await place.responder('who', () => second.passed);
    const answers = here.requestMany('who', 1, { stall: 10_000, timeout: 0 });
    expect(await answers.next()).toMatchObject({ value: { value: 'a' } });
    second.open('b');
    expect(await answers.next()).toMatchObject({ value: { value: 'b', publisherId: b.id } });
    await answers.return?.();
    expect(await drain(here.requestMany('who', 1, { stall: 40, timeout: 0 }))).toHaveLength(2);
    expect(await drain(here.requestMany('who', 1, { stall: 10_000, timeout: 60 }))).toHaveLength(2);
    // Stalling begins with the first answer.
    expect(await drain(here.requestMany('nobody', 1, { stall: 1, timeout: 30 }))).toEqual([]);
  });

  test('rejects with the reason of its signal behind the answers that came before', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    await using there = await place.responder('who', () => 'a');
    const controller = new AbortController();
    const answers = here.requestMany('who', 1, { timeout: 0, signal: controller.signal });
    await caughtUp(here, there);
    await caughtUp(there, here);
    controller.abort('enough');
    expect(await answers.next()).toMatchObject({ value: { value: 'a' } });
    expect(await failure(answers.next())).toBe('enough');
    expect(await answers.next()).toEqual({ done: true });
    // Nobody asks this one for anything.
    here.requestMany('who', 1, { signal: controller.signal });
  });

  test('that could not be sent, or is cut off by close(), rejects', async () => {
    const place = placeOf(kind);
    const here = await place.emitter();
    expect(await failure(drain(here.requestMany('who', () => {})))).toMatchObject({
      code: 'DEMITTER_SERIALIZATION',
      message: "Request 'who' was not sent: data: a function cannot travel",
    });
    const cut = failure(drain(here.requestMany('who', 1, { timeout: 0 })));
    here.requestMany('who', 1);
    await here.close();
    expect(await cut).toMatchObject({ code: 'DEMITTER_CLOSED' });
    expect(() => here.requestMany('who', 1, { max: 0 })).toThrow(RangeError);
    expect(() => here.requestMany('who', 1, { fallback: 1 } as never)).toThrow('Unknown option `fallback`');
  });

  test('goes on when a responder leaves', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    const asked = gate();
    const leaver = await place.responder('who', () => {
      asked.open();
      return new Promise(() => {});
    });
    const answer = gate();
    await using _other = await place.responder('who', () => answer.passed);
    const answers = here.requestMany('who', 1, { timeout: 0, max: 1 });
    await asked.passed;
    await leaver.close();
    await caughtUp(_other, here);
    answer.open('other');
    expect(await drain(answers)).toMatchObject([{ value: 'other' }]);
  });
});
