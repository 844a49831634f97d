import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Silence } from '../../src/delivery/presence/silence.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** One peer that is due at some time, and a ring on which proofs come back after a millisecond, or never. */
function setUp({ dueAt }: { dueAt: number }) {
  let clock = 0;
  const peer = { dueAt };
  const ring = { works: true };
  const proofs: number[] = [];
  const gone: number[] = [];
  const silence = new Silence({
    now: () => clock,
    nextDue: () => peer.dueAt,
    prove() {
      const sentAt = clock;
      proofs.push(sentAt);
      if (ring.works) setTimeout(() => returned(sentAt), 1);
    },
  });
  function returned(sentAt: number): void {
    if (!silence.proved(sentAt)) return;
    if (peer.dueAt <= sentAt) {
      gone.push(clock);
      peer.dueAt = Number.POSITIVE_INFINITY;
    }
    silence.expect(peer.dueAt);
  }
  silence.expect(peer.dueAt);
  return {
    silence,
    peer,
    ring,
    proofs,
    gone,
    returned,
    async pass(ms: number): Promise<void> {
      for (let left = ms; left > 0; left -= 1) {
        clock += 1;
        await vi.advanceTimersByTimeAsync(1);
      }
    },
    /** This process does not run, and then runs what is due first. */
    async block(ms: number): Promise<void> {
      clock += ms;
      await vi.advanceTimersToNextTimerAsync();
    },
  };
}

test('who is due is gone as soon as the link is proven to work, and not before', async () => {
  const { pass, proofs, gone } = setUp({ dueAt: 3000 });
  await pass(2999);
  expect(proofs).toEqual([]);
  await pass(5);
  expect([proofs.length, gone.length]).toEqual([1, 1]);
  expect(gone[0]).toBeLessThanOrEqual(3003);
  expect(vi.getTimerCount()).toBe(0);
});

test('who speaks in time is not asked about', async () => {
  const { pass, peer, proofs } = setUp({ dueAt: 3000 });
  for (let i = 0; i < 10; i += 1) {
    await pass(1000);
    peer.dueAt += 1000;
  }
  expect(proofs).toEqual([]);
  peer.dueAt = 12_000;
  await pass(2500);
  expect(proofs).toHaveLength(1);
});

test('who is due earlier than the others is found in time', async () => {
  const { silence, peer, pass, gone } = setUp({ dueAt: 10_000 });
  await pass(100);
  peer.dueAt = 400;
  silence.expect(400);
  await pass(310);
  expect(gone).toHaveLength(1);
});

test('nobody is gone while nothing comes back; a later return is a proof, an earlier one is none', async () => {
  const { pass, ring, proofs, gone, returned } = setUp({ dueAt: 3000 });
  ring.works = false;
  await pass(10_000);
  expect([proofs.length, gone]).toEqual([1, []]);
  returned(2999);
  expect(gone).toEqual([]);
  returned(9000);
  expect(gone).toEqual([10_000]);
});

test('who speaks while the proof is on its way is not gone', async () => {
  const { pass, ring, peer, proofs, gone, returned } = setUp({ dueAt: 3000 });
  ring.works = false;
  await pass(3002);
  peer.dueAt = 6000;
  returned(proofs[0] as number);
  expect(gone).toEqual([]);
  ring.works = true;
  await pass(3010);
  expect(gone).toHaveLength(1);
});

test('after a standstill everybody has a moment to speak', async () => {
  const { pass, block, peer, proofs, gone } = setUp({ dueAt: 3000 });
  await pass(1000);
  await block(5000);
  await pass(90);
  expect(proofs).toEqual([]);
  peer.dueAt = 9000;
  await pass(20);
  expect([proofs.length, gone]).toEqual([1, []]);
});

test('after a standstill who says nothing is gone a moment later', async () => {
  const { pass, block, gone } = setUp({ dueAt: 3000 });
  await pass(1000);
  await block(5000);
  await pass(110);
  expect(gone).toHaveLength(1);
});

test('when it is stopped, nothing is left', async () => {
  for (const ms of [1000, 3000, 3001]) {
    const { silence, pass, gone } = setUp({ dueAt: 3000 });
    await pass(ms);
    silence.stop();
    await pass(5000);
    expect([gone, vi.getTimerCount()]).toEqual([[], 0]);
  }
});
