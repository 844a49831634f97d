/** Schemas that do not do what Standard Schema demands of them. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { meet } from '../support/meeting.js';

const unhandled = vi.fn();
beforeEach(() => {
  process.on('unhandledRejection', unhandled);
  process.on('uncaughtException', unhandled);
});
afterEach(() => {
  process.off('unhandledRejection', unhandled);
  process.off('uncaughtException', unhandled);
});

test.each<[string, () => unknown]>([
  ['resolves with nothing', async () => undefined],
  ['rejects with nothing', () => Promise.reject(null)],
  [
    'throws nothing',
    () => {
      throw null;
    },
  ],
])('one that %s is told at the receiver, and nothing is unhandled', async (_, validate) => {
  await using meeting = await meet('memory');
  const schema = { '~standard': { version: 1, vendor: 'demitter', validate } };
  const here = await meeting.emitter();
  const there = await meeting.emitter({ schemas: { a: schema } } as object);
  there.on('a', () => {});
  const told = there.once('distributed:error');
  await there.ready();
  await here.emit('a', 1);
  expect(await told).toMatchObject({ type: 'validation', eventName: 'a' });
  expect(unhandled).not.toHaveBeenCalled();
});

test('an answer without a schema may be given as undefined', async () => {
  await using meeting = await meet('memory');
  const request = {
    '~standard': { version: 1, vendor: 'demitter', validate: (value: unknown) => ({ value }) },
  };
  const emitter = await meeting.emitter({ schemas: { a: { request, answer: undefined } } } as object);
  expect(emitter.status).toBe('ready');
});
