import { expect, test } from 'vitest';
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

test('answers to nothing that was asked, late ones and further ones, are overheard', async () => {
  const requester = new Requester();
  const seen: unknown[] = [];
  const link = { listening: async () => {}, send: () => {} };
  const handlers = {
    onAnswer: (answer: unknown) => void seen.push(answer),
    onEnd: () => void seen.push('end'),
  };
  requester.open('a', resolveRequest({}, false), link, handlers);
  expect(requester.receive([7, AnswerKind.value, 'never asked'], 'x')).toBeUndefined();
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
  const link = { listening: () => listening, send: (number: number) => void sent.push(number) };
  const handlers = { onAnswer: () => {}, onEnd: () => {} };
  requester.open('a', resolveRequest({}, true), link, handlers)();
  requester.open('b', resolveRequest({ signal: AbortSignal.abort() }, false), link, handlers);
  requester.open('c', resolveRequest({}, false), link, handlers);
  listens();
  await new Promise(setImmediate);
  expect(sent).toEqual([3]);
  requester.close();
});
