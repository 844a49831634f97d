import { expect, test } from 'vitest';
import { canFollow, type Status } from '../../src/status.js';

const ALL: readonly Status[] = ['idle', 'connecting', 'ready', 'reconnecting', 'closing', 'closed'];

test('status - only the documented changes are possible', () => {
  const possible = ALL.flatMap((from) =>
    ALL.filter((to) => canFollow(from, to)).map((to) => `${from} → ${to}`),
  );
  expect(possible).toEqual([
    'idle → connecting',
    'idle → closing',
    'connecting → ready',
    'connecting → closing',
    'ready → reconnecting',
    'ready → closing',
    'reconnecting → ready',
    'reconnecting → closing',
    'closing → closed',
  ]);
});
