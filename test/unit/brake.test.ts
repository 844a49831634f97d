import { expect, test } from 'vitest';
import { brake } from '../../src/delivery/sending/brake.js';

const MIB = 1024 * 1024;

test('brake() - sleeps the longer the fuller the buffer is, and not at all below the mark', () => {
  const pause = (bytes: number) => brake(bytes, MIB, 64 * MIB);
  expect(pause(0)).toBe(0);
  expect(pause(MIB)).toBe(0);
  const before = performance.now();
  expect(pause(32.5 * MIB)).toBe(50);
  expect(performance.now() - before).toBeGreaterThanOrEqual(49);
  // Never longer than with a full buffer, though one event may be beyond it.
  expect(pause(80 * MIB)).toBe(100);
});

test('brake() - does not sleep where the mark is the limit', () => {
  expect(brake(100, 10, 10)).toBe(0);
});
