/** Listeners that begin while a search for the retained value of their name still goes on, for an earlier listener. */
import { setTimeout as lasting } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { caughtUp } from '../support/caught-up.js';
import { meet } from '../support/meeting.js';

const RETAIN = { retain: true };
const SEARCH = { timeout: 5000 };

test('one that begins after a newer event gets that, if it is one’s own', async () => {
  await using meeting = await meet('memory');
  const here = await meeting.emitter();
  here.on('state', () => {});
  await here.emit('state', 'newest', RETAIN);
  const seen: unknown[] = [];
  here.on('state', (data) => void seen.push(data));
  await vi.waitFor(() => expect(seen).toEqual(['newest']), SEARCH);
});

test('one that begins after a newer event gets that, and not what was found before', async () => {
  await using meeting = await meet('memory');
  const here = await meeting.emitter();
  const there = await meeting.emitter();
  await here.emit('state', 'old', RETAIN);
  await caughtUp(here, there);
  await there.once('state');
  const first: unknown[] = [];
  there.on('state', (data) => void first.push(data));
  await there.ready();
  // The old value is found meanwhile, and the search is not over.
  await lasting(20);
  await here.emit('state', 'newest', RETAIN);
  await caughtUp(here, there);
  expect(first).toEqual(['newest']);
  const second: unknown[] = [];
  there.on('state', (data) => void second.push(data));
  await vi.waitFor(() => expect(second).toEqual(['newest']), SEARCH);
});

test('one that begins after a newer event gets that, and not what a schema still looks at', async () => {
  await using meeting = await meet('memory');
  let decide: (() => void) | undefined;
  const schema = {
    '~standard': {
      version: 1 as const,
      vendor: 'demitter',
      validate: (value: unknown) => {
        if (value !== 'old') return { value };
        return new Promise((resolve) => {
          decide = () => resolve({ value });
        });
      },
    },
  };
  const here = await meeting.emitter();
  const there = await meeting.emitter({ schemas: { state: schema } } as object);
  await here.emit('state', 'old', RETAIN);
  await caughtUp(here, there);
  there.on('state', () => {});
  await vi.waitFor(() => expect(decide).toBeDefined(), SEARCH);
  await here.emit('state', 'newest', RETAIN);
  await caughtUp(here, there);
  const second: unknown[] = [];
  there.on('state', (data) => void second.push(data));
  decide?.();
  await vi.waitFor(() => expect(second).toContain('newest'), SEARCH);
  expect(second).toEqual(['newest']);
});
