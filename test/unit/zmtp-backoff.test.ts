import { describe, expect, it } from 'vitest';
import { Backoff } from '../../src/transport/zmtp/backoff.js';

const LIMITS = { minDelayMs: 10, firstCeilingMs: 50, maxCeilingMs: 300 };

describe('Backoff', () => {
  it('doubles its ceiling up to the cap', () => {
    const backoff = new Backoff({ ...LIMITS, random: () => 1 });
    expect(Array.from({ length: 5 }, () => backoff.next())).toEqual([50, 100, 200, 300, 300]);
  });

  it('jitters over the whole range, but never below the least delay', () => {
    const backoff = new Backoff({ ...LIMITS, random: () => 0 });
    expect([backoff.next(), backoff.next(), backoff.next()]).toEqual([10, 10, 10]);
    const half = new Backoff({ ...LIMITS, random: () => 0.5 });
    expect([half.next(), half.next()]).toEqual([30, 55]);
  });

  it('reset() - begins anew', () => {
    const backoff = new Backoff({ ...LIMITS, random: () => 1 });
    backoff.next();
    backoff.next();
    backoff.reset();
    expect(backoff.next()).toBe(50);
  });
});
