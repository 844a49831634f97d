import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Announcer } from '../../src/delivery/presence/announcer.js';
import { Watcher } from '../../src/delivery/presence/watcher.js';
import { formatPublisherId, MessageKind, type PublisherId } from '../../src/wire/batch.js';
import { encodeAnnouncement } from '../../src/wire/presence.js';

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'],
  });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A clock in milliseconds, and timers that keep to it. */
function fakeClock() {
  let clock = 5000;
  return {
    now: () => clock,
    async pass(ms: number): Promise<void> {
      for (let left = ms; left > 0; left -= 1) {
        clock += 1;
        await vi.advanceTimersByTimeAsync(1);
      }
    },
  };
}

function announcement(intervalMs = 1000): Buffer {
  const nobody = { since: 0, pid: 1, threadId: 0, host: '', name: '', meta: new Uint8Array(0) };
  return encodeAnnouncement({ ...nobody, intervalMs });
}

function setUp({ latencyMs = 1, random = 0.5 } = {}) {
  const { now, pass } = fakeClock();
  const calls: (PublisherId | 'all')[] = [];
  const told: string[] = [];
  const ring = { works: true };
  const watcher = new Watcher({
    now,
    random: () => random,
    latencyMs: () => latencyMs,
    call: (receiver) => void calls.push(receiver),
    prove() {
      const sentAt = now();
      if (ring.works) setTimeout(() => watcher.proved(sentAt), latencyMs);
    },
    onJoin: ({ id }) => told.push(`join ${Number.parseInt(id, 16)}`),
    onLeave: ({ id, reason }) => told.push(`leave ${Number.parseInt(id, 16)} ${reason}`),
  });
  let settledAt: number | undefined;
  const settled = watcher.settled().then(
    () => {
      settledAt = now();
    },
    (error: Error) => error,
  );
  return { watcher, now, pass, calls, told, ring, settled, settledAt: () => settledAt };
}

describe('the roll call', () => {
  test('is held when the link is there, and the roster is settled after a quiet time', async () => {
    const { watcher, now, pass, calls, told, settledAt } = setUp();
    await pass(5000);
    expect([calls, settledAt()]).toEqual([[], undefined]);
    const began = now();
    watcher.linkUp();
    await pass(11);
    expect(calls).toEqual(['all']);
    watcher.announced(1, announcement());
    await pass(150);
    watcher.announced(2, announcement());
    await pass(150);
    expect(settledAt()).toBeUndefined();
    await pass(150);
    expect(settledAt()).toBeLessThan(began + 450);
    expect(told).toEqual(['join 1', 'join 2']);
    expect(watcher.peers().map(({ id }) => id)).toEqual([1, 2].map(formatPublisherId));
    watcher.stop(new Error('closed'));
    expect(vi.getTimerCount()).toBe(0);
  });

  test('settles in five seconds, however many come', async () => {
    const { watcher, now, pass, settledAt } = setUp();
    const began = now();
    watcher.linkUp();
    for (let id = 1; id <= 60; id += 1) {
      watcher.announced(id, announcement());
      await pass(100);
    }
    expect(settledAt()).toBeGreaterThan(began + 4900);
    expect(settledAt()).toBeLessThan(began + 5100);
  });

  test('waits for three round trips, and until another one has proven that nobody was overheard', async () => {
    const { watcher, now, pass, settledAt } = setUp({ latencyMs: 300 });
    const began = now();
    watcher.linkUp();
    await pass(1500);
    expect(settledAt()).toBeGreaterThan(began + 900 + 300);
    expect(settledAt()).toBeLessThan(began + 900 + 300 + 100);
  });

  test('is not over while answers may be waiting in the socket of this process', async () => {
    const { watcher, pass, ring, settledAt } = setUp();
    ring.works = false;
    watcher.linkUp();
    await pass(1000);
    watcher.announced(1, announcement());
    ring.works = true;
    await pass(190);
    expect(settledAt()).toBeUndefined();
    await pass(100);
    expect(settledAt()).toBeDefined();
  });

  test('is not held by who hears another one, whose answers come here, too', async () => {
    const { watcher, pass, calls, settled } = setUp();
    watcher.linkUp();
    watcher.called();
    await pass(500);
    await settled;
    expect(calls).toEqual([]);
  });

  test('is held again on the next link if the roster was not settled, and not otherwise', async () => {
    const { watcher, pass, calls, settled } = setUp();
    watcher.linkUp();
    await pass(100);
    watcher.linkDown();
    await pass(2000);
    watcher.linkUp();
    await pass(500);
    await settled;
    expect(calls).toEqual(['all', 'all']);
    watcher.linkDown();
    watcher.linkUp();
    await pass(500);
    expect(calls).toHaveLength(2);
  });

  test('is waited for in vain by who waits when all ends', async () => {
    const { watcher, settled } = setUp();
    watcher.linkUp();
    const reason = new Error('closed');
    watcher.stop(reason);
    expect(await settled).toBe(reason);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a stranger that beats', () => {
  test('is asked alone after a moment, once for many beats', async () => {
    const { watcher, pass, calls } = setUp();
    for (let i = 0; i < 5; i += 1) watcher.heard(7);
    await pass(99);
    expect(calls).toEqual([]);
    await pass(1);
    expect(calls).toEqual([7]);
    await pass(500);
    expect(calls).toEqual([7]);
    watcher.heard(7);
    await pass(100);
    expect(calls).toEqual([7, 7]);
  });

  test('is not asked if it announces itself meanwhile, or leaves', async () => {
    const { watcher, pass, calls } = setUp();
    watcher.heard(7);
    watcher.heard(8);
    watcher.announced(7, announcement());
    watcher.left(8);
    await pass(500);
    expect(calls).toEqual([]);
  });

  test('is one of 64 that are asked at a time', async () => {
    const { watcher, pass, calls } = setUp();
    for (let id = 1; id <= 100; id += 1) watcher.heard(id);
    await pass(100);
    expect(calls).toEqual(Array.from({ length: 64 }, (_, i) => i + 1));
  });
});

describe('a peer', () => {
  test('that is silent for three intervals is gone, and is a newcomer when it is heard again', async () => {
    const { watcher, pass, told, calls } = setUp();
    watcher.announced(1, announcement(200));
    watcher.announced(2, announcement(1000));
    await pass(500);
    watcher.heard(1);
    await pass(599);
    expect(told).toEqual(['join 1', 'join 2']);
    await pass(5);
    expect(told.at(-1)).toBe('leave 1 silent');
    watcher.heard(1);
    await pass(100);
    expect(calls).toEqual([1]);
    watcher.announced(1, announcement(200));
    watcher.left(1);
    expect(told.slice(3)).toEqual(['join 1', 'leave 1 closed']);
  });

  test('is never gone while the link is down or proves nothing; then it has three intervals, and 3 s', async () => {
    const { watcher, pass, told, ring } = setUp();
    watcher.announced(1, announcement(200));
    watcher.announced(2, announcement(2000));
    ring.works = false;
    await pass(10_000);
    watcher.linkDown();
    await pass(10_000);
    ring.works = true;
    watcher.linkUp();
    await pass(2990);
    expect(told).toEqual(['join 1', 'join 2']);
    await pass(20);
    expect(told.at(-1)).toBe('leave 1 silent');
    await pass(2980);
    expect(told).toHaveLength(3);
    await pass(20);
    expect(told.at(-1)).toBe('leave 2 silent');
  });
});

describe('who takes part', () => {
  function announcer({ random = 0.5, hears = true } = {}) {
    const { now, pass } = fakeClock();
    const sent: number[] = [];
    const context = {
      now,
      hears,
      random: () => random,
      intervalMs: 1000,
      announcement: () => announcement(),
    };
    return { pass, sent, announcer: new Announcer({ ...context, tell: (kind) => void sent.push(kind) }) };
  }
  const { announcement: full, beat, farewell } = MessageKind;

  test('announces itself once on each link, beats, and says farewell', async () => {
    const { announcer: self, pass, sent } = announcer();
    self.start();
    self.start();
    await pass(2500);
    expect(sent).toEqual([full, beat, beat]);
    self.stop();
    await pass(5000);
    self.start();
    await pass(1000);
    self.leave();
    self.leave();
    expect(sent.slice(3)).toEqual([full, beat, farewell]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('says all of it at each interval if nobody can ask', async () => {
    const { announcer: self, pass, sent } = announcer({ hears: false });
    self.start();
    await pass(2500);
    self.leave();
    expect(sent).toEqual([full, full, full, farewell]);
  });

  test('answers after a moment, and at most every 100 ms', async () => {
    const { announcer: self, pass, sent } = announcer();
    self.asked();
    await pass(200);
    expect(sent).toEqual([]);
    self.start();
    self.asked();
    await pass(99);
    expect(sent).toEqual([full]);
    await pass(1);
    expect(sent).toEqual([full, full]);
    await pass(200);
    self.asked();
    await pass(24);
    self.asked();
    expect(sent).toHaveLength(2);
    await pass(1);
    expect(sent).toHaveLength(3);
    self.asked();
    self.leave();
    await pass(500);
    expect(sent.slice(3)).toEqual([farewell]);
  });
});
