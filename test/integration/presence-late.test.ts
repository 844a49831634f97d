/** Listeners to joins that begin when others are known already, for another reason. */
import { expect, test, vi } from 'vitest';
import { meet } from '../support/meeting.js';

const FOUND = { timeout: 5000 };

test('the first one is told of those that were there before, also after peers()', async () => {
  await using meeting = await meet('memory');
  const here = await meeting.emitter({ name: 'here' });
  const there = await meeting.emitter();
  expect((await there.peers()).map(({ id }) => id)).toEqual([here.id]);
  const joined: string[] = [];
  there.on('distributed:join', ({ id }) => void joined.push(id));
  await vi.waitFor(() => expect(joined).toEqual([here.id]), FOUND);
  // A second listener is no reason to tell them again.
  there.on('distributed:join', () => {});
  await there.peers();
  expect(joined).toEqual([here.id]);
});

test('the first one is told of those that were there before, also after one to leaves', async () => {
  await using meeting = await meet('memory');
  const here = await meeting.emitter({ name: 'here' });
  const there = await meeting.emitter();
  there.on('distributed:leave', () => {});
  await there.peers();
  const joined: string[] = [];
  there.on('distributed:join', ({ id }) => void joined.push(id));
  await vi.waitFor(() => expect(joined).toEqual([here.id]), FOUND);
});
