import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Heartbeat } from '../../src/transport/zmtp/heartbeat.js';

const TIMING = { intervalMs: 500, maxSilentTicks: 4 };
const SILENT = 'The peer has been silent for 2000 ms';
const MIB = 1024 * 1024;

/** A heartbeat whose every act is kept, over a write buffer that the test fills and empties. */
function start() {
  const acts: string[] = [];
  const progress = { finishedBytes: 0, waitingBytes: 0 };
  const heartbeat = new Heartbeat(TIMING, {
    ping: () => acts.push('ping'),
    writeProgress: () => ({ ...progress }),
    onDead: (reason) => acts.push(reason),
  });
  const ticks = (count: number, before: () => void = () => undefined): void => {
    for (let i = 0; i < count; i += 1) {
      before();
      timerOnly();
      vi.advanceTimersToNextTimer();
    }
  };
  return { acts, progress, heartbeat, ticks };
}

beforeEach(() => {
  // `Date` and `performance` are left as they are: no behaviour depends on them.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** The first half of a tick: what is read next comes before the second, its immediate. */
function timerOnly(): void {
  vi.advanceTimersToNextTimer();
}

describe('Heartbeat', () => {
  it('asks a silent peer three times, then gives it up and stops', () => {
    const { acts } = start();
    vi.advanceTimersByTime(2_010);
    expect(acts).toEqual(['ping', 'ping', 'ping', SILENT]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('notices a peer that fell silent just after a tick within 2.5 s', () => {
    const { acts, heartbeat } = start();
    heartbeat.read(1);
    vi.advanceTimersByTime(2_510);
    expect(acts.at(-1)).toBe(SILENT);
  });

  it('counts anew after each sign of life', () => {
    const { acts, heartbeat, ticks } = start();
    for (let round = 0; round < 5; round += 1) {
      ticks(3);
      heartbeat.read(1);
      heartbeat.answered();
      ticks(1);
    }
    expect(new Set(acts)).toEqual(new Set(['ping']));
  });

  it('gives up a peer that sends little and does not answer', () => {
    const { acts, heartbeat, ticks } = start();
    ticks(5, () => heartbeat.read(1000));
    expect(acts.at(-1)).toMatch(/has not answered/);
  });

  it('waits for the answer while there is more to be read than was', () => {
    const { acts, heartbeat, ticks } = start();
    // Whole chunks only: the kernel has more, and the answer may be behind it.
    ticks(20, () => heartbeat.read(65_536));
    expect(new Set(acts)).toEqual(new Set(['ping']));
  });

  it('lets what came during a late tick be read before it judges', () => {
    const { acts, heartbeat, ticks } = start();
    ticks(3);
    timerOnly();
    heartbeat.read(1);
    vi.advanceTimersToNextTimer();
    expect(acts).not.toContain(SILENT);
  });

  it('stop() - leaves no timer behind, in either half of a tick', () => {
    const one = start();
    one.heartbeat.stop();
    expect(vi.getTimerCount()).toBe(0);
    const two = start();
    vi.advanceTimersToNextTimer();
    two.heartbeat.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('takes it for life that a full buffer of the kernel empties', () => {
    const { acts, progress, ticks } = start();
    progress.waitingBytes = 10 * MIB;
    ticks(1);
    ticks(12, () => {
      progress.waitingBytes -= 100_000;
    });
    expect(acts).not.toContain(SILENT);
    ticks(3);
    expect(acts).not.toContain(SILENT);
    ticks(1);
    expect(acts).toContain(SILENT);
  });

  it('takes it for no life that the kernel has room', () => {
    const { acts, progress, ticks } = start();
    ticks(4, () => {
      progress.finishedBytes += 1_000;
    });
    expect(acts).toContain(SILENT);
  });

  it('expects an answer once more was taken than can be on its way', () => {
    const { acts, progress, ticks } = start();
    progress.waitingBytes = MIB;
    ticks(8, () => {
      progress.finishedBytes += 16 * MIB;
    });
    expect(acts).toContain(SILENT);
  });

  it('gives up a peer that sends much and answers nothing', () => {
    const { acts, heartbeat, ticks } = start();
    ticks(1, () => heartbeat.read(16 * MIB));
    expect(acts).toEqual(['ping']);
    ticks(4, () => heartbeat.read(16 * MIB));
    expect(acts.at(-1)).toBe('The peer has not answered for 2000 ms');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gives the answer the time to come behind what was sent before it', () => {
    const { acts, heartbeat, ticks } = start();
    ticks(1, () => heartbeat.read(16 * MIB));
    ticks(30, () => heartbeat.read(MIB));
    heartbeat.answered();
    ticks(31, () => heartbeat.read(MIB));
    expect(new Set(acts)).toEqual(new Set(['ping']));
  });
});
