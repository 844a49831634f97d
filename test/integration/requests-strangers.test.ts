import { describe, expect, test } from 'vitest';
import { caughtUp } from '../support/caught-up.js';
import { errorsOf, gate, KINDS, requestPlaces } from '../support/request-place.js';

const placeOf = requestPlaces();

describe.each(KINDS)('whoever answers what it was not asked, over %s', (kind) => {
  test('malformed answers, and those to what was never asked, are told; late ones are not', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    await using there = await place.responder('a', (data) => data);
    await using stranger = await place.stranger();
    expect(await here.request('a', 'first')).toBe('first');
    const told = errorsOf(here);
    const six = new Promise<void>((resolve) => {
      here.on('distributed:error', () => told.length === 6 && resolve());
    });
    // Late ones.
    stranger.answer(here, [1, 0, 'late'], [1, 1, new Error('late')], [1, 2, null], [1, 3, null]);
    stranger.answer(here, 1, [1], [1, 9, 'x'], [1, 1, 'no error'], [0, 0, 'x'], [99, 0, 'never asked']);
    await six;
    expect(told.map(({ type, code }) => `${type} ${code}`)).toEqual(
      Array(6).fill('protocol DEMITTER_PROTOCOL'),
    );
    expect(told.map(({ message }) => message.split(': it ')[1])).toEqual([
      ...Array(5).fill('is a malformed answer'),
      'answers a request that was never made',
    ]);
    expect(await here.request('a', 'second')).toBe('second');
    await caughtUp(there, here);
    expect(told).toHaveLength(6);
  });

  test('a second answer of one emitter to requestMany() is told, and does not count', async () => {
    const place = placeOf(kind);
    await using here = await place.emitter();
    const asked = gate();
    const answer = gate();
    await using there = await place.responder('a', () => {
      asked.open();
      return answer.passed;
    });
    await using stranger = await place.stranger();
    const answers = here.requestMany('a', 1, { max: 2 });
    await asked.passed;
    const told = new Promise((resolve) => {
      here.on('distributed:error', resolve);
    });
    stranger.answer(here, [1, 0, 'x'], [1, 0, 'again']);
    expect(await told).toMatchObject({
      code: 'DEMITTER_PROTOCOL',
      message: expect.stringContaining('is a second answer of the same emitter'),
    });
    answer.open('there');
    expect(await answers.next()).toMatchObject({ value: { value: 'x', publisherId: stranger.id } });
    expect(await answers.next()).toMatchObject({ value: { value: 'there', publisherId: there.id } });
    expect(await answers.next()).toMatchObject({ done: true });
  });

  test('malformed requests, and numbers used twice at a time, are told, and their handlers not called', async () => {
    const place = placeOf(kind);
    const asked: unknown[] = [];
    const done = gate();
    await using there = await place.responder('a', (data) => {
      asked.push(data);
      return done.passed;
    });
    await using stranger = await place.stranger();
    const told = errorsOf(there);
    const all = new Promise<void>((resolve) => {
      there.on('distributed:error', () => told.length === 5 && resolve());
    });
    stranger.request('a', 'no array', [], [0, 'no number'], [1, 2, 3], [7, 'first'], [7, 'second']);
    // Questions for what nobody is at work on.
    stranger.request('a', [8], [7]);
    await all;
    expect(told.map(({ message }) => message.split(': it ')[1])).toEqual([
      ...Array(4).fill('is a malformed request'),
      'has the number of another request',
    ]);
    expect(asked).toEqual(['first']);
    done.open();
  });
});
