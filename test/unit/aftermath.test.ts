import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Aftermath } from '../../src/delivery/sending/aftermath.js';

const GRACE_MS = 750;

function start(roundTripMs = 0) {
  const ends: true[] = [];
  const aftermath = new Aftermath(
    () => roundTripMs,
    () => ends.push(true),
  );
  return { aftermath, ends };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] });
});

afterEach(() => {
  vi.useRealTimers();
});

describe('Aftermath', () => {
  it('does not begin without an outage', async () => {
    const { aftermath } = start();
    aftermath.proven();
    aftermath.asked();
    expect(vi.getTimerCount()).toBe(0);
    await aftermath.over(1_000);
  });

  it('does not concern what was sent before', async () => {
    const { aftermath } = start();
    aftermath.begin(1_000);
    await aftermath.over(1_000);
    await aftermath.over(Number.NEGATIVE_INFINITY);
  });

  it('is over when nobody has asked for a while after the link was proven', async () => {
    const { aftermath, ends } = start();
    aftermath.begin(1_000);
    const over = aftermath.over(1_001);
    vi.advanceTimersByTime(3_600_000);
    aftermath.asked();
    expect(vi.getTimerCount()).toBe(0);
    expect(aftermath.since).toBeUndefined();
    aftermath.proven();
    expect(aftermath.since).toBe(1_000);
    for (let i = 0; i < 10; i += 1) {
      vi.advanceTimersByTime(GRACE_MS - 10);
      aftermath.asked();
    }
    expect(ends).toEqual([]);
    vi.advanceTimersByTime(GRACE_MS + 10);
    expect(ends).toEqual([true]);
    expect(aftermath.since).toBeUndefined();
    await over;
    await aftermath.over(1_002);
  });

  it('lasts longer where a round trip does', () => {
    const { aftermath, ends } = start(100);
    aftermath.begin(0);
    aftermath.proven();
    vi.advanceTimersByTime(GRACE_MS + 500);
    expect(ends).toEqual([]);
    vi.advanceTimersByTime(200);
    expect(ends).toEqual([true]);
  });

  it('begins anew with the next outage, and still concerns what the first one did', () => {
    const { aftermath, ends } = start();
    aftermath.begin(1_000);
    aftermath.proven();
    aftermath.begin(2_000);
    let isOver = false;
    void aftermath.over(1_500).then(() => {
      isOver = true;
    });
    vi.advanceTimersByTime(3_600_000);
    expect(ends).toEqual([]);
    expect(isOver).toBe(false);
  });

  it('is not prolonged by further proofs of the same link', () => {
    const { aftermath, ends } = start();
    aftermath.begin(0);
    for (let i = 0; i < 10; i += 1) {
      aftermath.proven();
      vi.advanceTimersByTime(700);
    }
    expect(ends).toHaveLength(1);
  });

  it('stop() - releases the timer, in either half', () => {
    const { aftermath, ends } = start();
    aftermath.begin(0);
    aftermath.proven();
    aftermath.stop();
    expect(vi.getTimerCount()).toBe(0);
    aftermath.begin(0);
    aftermath.proven();
    vi.advanceTimersToNextTimer();
    aftermath.stop();
    expect(vi.getTimerCount()).toBe(0);
    expect(ends).toEqual([]);
  });
});
