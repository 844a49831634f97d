import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { resolveRequest } from '../../src/request-options.js';
import { Requester } from '../../src/requester.js';
import { Responder } from '../../src/responder.js';
import { AnswerKind } from '../../src/wire/requests.js';
import { makeSpace } from '../../src/wire/space.js';

const SPACE = makeSpace('request');

test.each([
  ['no array', 1],
  ['an empty one', []],
  ['no number', ['1', 2]],
  ['a number that is not whole', [1.5, 2]],
  ['too much', [1, 2, 3]],
])('a request that is %s is malformed', (_, data) => {
  const calls: unknown[] = [];
  const responder = new Responder({ onInterest: () => {}, answer: (...answer) => void calls.push(answer) });
  responder.add('a', SPACE, (value) => calls.push(value));
  expect(responder.receive('a', SPACE, data, 'stranger')).toBe('is a malformed request');
  expect(calls).toEqual([]);
});

test.each([
  ['no array', 1],
  ['too short', [1, 0]],
  ['without a number', ['1', 0, 2]],
  ['of no known kind', [1, 9, 2]],
  ['an error that is none', [1, AnswerKind.error, 'no error']],
])('an answer that is %s is malformed', (_, data) => {
  expect(new Requester().receive(data, 'stranger')).toBe('is a malformed answer');
});

test('late answers and further ones are overheard; those to what was never asked are not', async () => {
  const requester = new Requester();
  const seen: unknown[] = [];
  const link = { listening: () => undefined, send: () => {}, inquire: () => {} };
  const handlers = {
    onAnswer: (answer: unknown) => void seen.push(answer),
    onEnd: () => void seen.push('end'),
  };
  requester.open('a', resolveRequest({}, false), link, handlers);
  expect(requester.receive([7, AnswerKind.value, 'never asked'], 'x')).toBe(
    'answers a request that was never made',
  );
  expect(requester.receive([1, AnswerKind.value, 'first'], 'x')).toBeUndefined();
  expect(requester.receive([1, AnswerKind.value, 'again'], 'y')).toBeUndefined();
  expect(seen).toEqual([{ status: 'fulfilled', value: 'first', publisherId: 'x' }, 'end']);
});

test('a request that was abandoned, or aborted before, is not sent', async () => {
  const requester = new Requester();
  const sent: number[] = [];
  let listens = (): void => {};
  const listening = new Promise<void>((resolve) => {
    listens = resolve;
  });
  const link = {
    listening: () => listening,
    send: (number: number) => void sent.push(number),
    inquire: () => {},
  };
  const handlers = { onAnswer: () => {}, onEnd: () => {} };
  requester.open('a', resolveRequest({}, true), link, handlers)();
  requester.open('b', resolveRequest({ signal: AbortSignal.abort() }, false), link, handlers);
  requester.open('c', resolveRequest({}, false), link, handlers);
  listens();
  await new Promise(setImmediate);
  expect(sent).toEqual([3]);
  requester.close();
});

describe('a responder', () => {
  function responder() {
    const answers: unknown[] = [];
    const made = new Responder({
      onInterest: () => {},
      answer: (requester, answer) => void answers.push([requester, ...answer]),
    });
    return { responder: made, answers };
  }

  test('says that it is at work on a request if it is asked, and nothing if it is not', async () => {
    const { responder: one, answers } = responder();
    let finish = (_value: unknown): void => {};
    one.add('a', SPACE, () => new Promise((resolve) => (finish = resolve)));
    one.receive('a', SPACE, [1, 'data'], 'x');
    one.receive('a', SPACE, [1], 'x');
    one.receive('a', SPACE, [2], 'x');
    one.receive('a', SPACE, [1], 'y');
    expect(answers).toEqual([['x', 1, AnswerKind.working, undefined]]);
    finish('done');
    await new Promise(setImmediate);
    one.receive('a', SPACE, [1], 'x');
    expect(answers.slice(1)).toEqual([['x', 1, AnswerKind.value, 'done']]);
  });

  test('that is closed says so to whoever waits, once, and begins nothing more', async () => {
    const { responder: one, answers } = responder();
    const asked: unknown[] = [];
    let finish = (_value: unknown): void => {};
    one.add('a', SPACE, (data) => {
      asked.push(data);
      return new Promise((resolve) => (finish = resolve));
    });
    one.receive('a', SPACE, [1, 'before'], 'x');
    one.close();
    one.receive('a', SPACE, [2, 'after'], 'x');
    one.receive('a', SPACE, [1], 'x');
    one.close();
    finish('too late');
    await new Promise(setImmediate);
    expect(asked).toEqual(['before']);
    expect(answers).toEqual([['x', 1, AnswerKind.left, undefined]]);
  });
});

describe('a request whose responder has left', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function asked() {
    const requester = new Requester();
    const ends: unknown[] = [];
    const questions: number[] = [];
    const link = {
      listening: () => undefined,
      send: () => {},
      inquire: (number: number) => void questions.push(number),
    };
    const handlers = {
      onAnswer: ({ status }: { status: string }) => void ends.push(status),
      onEnd: (error: unknown) => void ends.push((error as { code?: string } | undefined)?.code ?? 'end'),
    };
    requester.open('a', resolveRequest({}, false), link, handlers);
    return { requester, ends, questions };
  }

  test('ends a second later if nobody else says that he is at work on it', async () => {
    const { requester, ends, questions } = asked();
    requester.receive([1, AnswerKind.left, undefined], 'x');
    expect(questions).toEqual([1]);
    await vi.advanceTimersByTimeAsync(999);
    expect(ends).toEqual([]);
    await vi.advanceTimersByTimeAsync(2);
    expect(ends).toEqual(['DEMITTER_RESPONDER_LEFT']);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('waits for those who do, until the last of them has left', async () => {
    const { requester, ends, questions } = asked();
    requester.receive([1, AnswerKind.left, undefined], 'x');
    requester.receive([1, AnswerKind.working, undefined], 'y');
    requester.receive([1, AnswerKind.working, undefined], 'z');
    await vi.advanceTimersByTimeAsync(20_000);
    requester.receive([1, AnswerKind.left, undefined], 'y');
    await vi.advanceTimersByTimeAsync(5000);
    expect([ends, questions]).toEqual([[], [1]]);
    requester.receive([1, AnswerKind.left, undefined], 'z');
    expect(questions).toEqual([1, 1]);
    await vi.advanceTimersByTimeAsync(1001);
    expect(ends).toEqual(['DEMITTER_RESPONDER_LEFT']);
    // Nothing of it is left.
    expect(requester.receive([1, AnswerKind.value, 1], 'w')).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('takes an answer that comes in that second', async () => {
    const { requester, ends } = asked();
    requester.receive([1, AnswerKind.left, undefined], 'x');
    await vi.advanceTimersByTimeAsync(900);
    requester.receive([1, AnswerKind.value, 1], 'y');
    expect(ends).toEqual(['fulfilled', 'end']);
    expect(vi.getTimerCount()).toBe(0);
  });
});
