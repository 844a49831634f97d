import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Heartbeat } from '../../src/delivery/heartbeat.js';

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'],
  });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A heartbeat whose beats come back after `delayMs`, or never. */
function setUp({ delayMs = 1 as number | 'never' } = {}) {
  let clock = 5000;
  const outages: number[] = [];
  const beats: number[] = [];
  const returns: number[] = [];
  let silences = 0;
  let beatless = 0;
  const ring = { delayMs, onBeat: () => {} };
  const heartbeat = new Heartbeat(() => clock, {
    beat(number) {
      beats.push(number);
      ring.onBeat();
      if (ring.delayMs !== 'never') setTimeout(() => receive(number), ring.delayMs);
    },
    onOutage: (withinMs) => void outages.push(withinMs),
    onSilence() {
      silences += 1;
    },
    onBeatless() {
      beatless += 1;
    },
    onReturn: (sentAt) => void returns.push(sentAt),
  });
  function receive(number: number): void {
    heartbeat.heard();
    heartbeat.receive(number);
  }
  return {
    heartbeat,
    outages,
    beats,
    returns,
    ring,
    receive,
    silences: () => silences,
    beatless: () => beatless,
    now: () => clock,
    async pass(ms: number): Promise<void> {
      for (let left = ms; left > 0; left -= 1) {
        clock += 1;
        await vi.advanceTimersByTimeAsync(1);
      }
    },
    /** This process does not run: when it does again, one tick of the interval is due. */
    async block(ms: number): Promise<void> {
      clock += ms;
      await vi.advanceTimersByTimeAsync(1);
    },
  };
}

describe('beats', () => {
  test('may go out in between; each that comes back says when it was sent', async () => {
    const { heartbeat, beats, outages, returns, pass } = setUp({ delayMs: 5 });
    heartbeat.beatNow();
    expect(beats).toEqual([]);
    heartbeat.start();
    await pass(100);
    heartbeat.beatNow();
    await pass(1000);
    expect(beats).toEqual([1, 2, 3]);
    expect(returns).toEqual([5000, 5100, 6000]);
    expect(outages).toEqual([]);
  });

  test('go out at once and then once a second, numbered, until it is stopped', async () => {
    const { heartbeat, beats, outages, silences, pass } = setUp();
    heartbeat.start();
    expect(beats).toEqual([1]);
    await pass(3500);
    expect(beats).toEqual([1, 2, 3, 4]);
    heartbeat.start();
    expect(beats).toHaveLength(4);
    heartbeat.stop();
    await pass(3000);
    expect(beats).toHaveLength(4);
    expect([outages, silences(), vi.getTimerCount()]).toEqual([[], 0, 0]);
  });

  test('that return give the round trip', async () => {
    const { heartbeat, ring, pass } = setUp({ delayMs: 7 });
    expect(heartbeat.latency).toBeUndefined();
    heartbeat.start();
    await pass(6);
    expect(heartbeat.latency).toBeUndefined();
    await pass(1);
    expect(heartbeat.latency).toBe(7);
    ring.delayMs = 40;
    await pass(1100);
    expect(heartbeat.latency).toBe(40);
  });

  test('that return prove what was sent before them, and nothing later', async () => {
    const { heartbeat, ring, pass } = setUp({ delayMs: 500 });
    expect(heartbeat.unprovenMs).toBe(Number.POSITIVE_INFINITY);
    heartbeat.start();
    await pass(1499);
    expect(heartbeat.provenMs).toBe(0);
    await pass(1);
    expect([heartbeat.provenMs, heartbeat.unprovenMs]).toEqual([1000, 500]);
    ring.delayMs = 'never';
    await pass(1000);
    heartbeat.stop();
    await pass(1000);
    expect([heartbeat.provenMs, heartbeat.unprovenMs]).toEqual([1000, 2500]);
  });

  test('that are late or lost prove that the link works now, but not that it did', async () => {
    const { heartbeat, ring, pass } = setUp();
    heartbeat.start();
    await pass(1500);
    ring.delayMs = 1500;
    await pass(1000);
    ring.delayMs = 1;
    await pass(5000);
    expect(heartbeat.unprovenMs).toBeLessThan(1000);
    expect(heartbeat.provenMs).toBeLessThan(6000);
  });

  test('of others, twice, or made up, say nothing', async () => {
    const { heartbeat, receive, outages, pass } = setUp();
    heartbeat.start();
    await pass(10);
    for (const number of [0, 1, 2, 17, -1, Number.NaN]) receive(number);
    expect(heartbeat.latency).toBe(1);
    expect(outages).toEqual([]);
  });
});

describe('an outage', () => {
  test('is hinted at by a beat that is more than a second late, since the last one that was proven', async () => {
    const { heartbeat, ring, outages, pass } = setUp();
    heartbeat.start();
    // The beat of 1,000 ms was proven after 1 ms; the next one comes back after 1,002 ms.
    await pass(1500);
    ring.delayMs = 1002;
    await pass(1501);
    expect(outages).toEqual([]);
    await pass(1);
    // At 3,002 ms.
    expect(outages).toEqual([2002]);
    ring.delayMs = 1;
    await pass(5000);
    // The beat of 3,000 ms was overtaken by the next one: the end of it, told with its beginning.
    expect(outages).toEqual([2002, 3001]);
  });

  test('is not, by one that is just in time', async () => {
    const { heartbeat, outages, pass } = setUp({ delayMs: 1000 });
    heartbeat.start();
    await pass(10_000);
    expect(outages).toEqual([]);
    expect(heartbeat.latency).toBe(1000);
  });

  test('is hinted at by a beat after which a later one came', async () => {
    const { heartbeat, ring, outages, pass } = setUp();
    heartbeat.start();
    await pass(1500);
    ring.delayMs = 'never';
    await pass(2000);
    ring.delayMs = 1;
    await pass(500);
    expect(outages).toEqual([]);
    await pass(1);
    // The beats of 2,000 and 3,000 ms are missing; that of 1,000 ms was the last one proven.
    expect(outages).toEqual([3001]);
    await pass(5000);
    expect(outages).toHaveLength(1);
  });

  test('was, when the link is proven again: since what was proven last', async () => {
    const { heartbeat, ring, outages, pass } = setUp();
    heartbeat.start();
    await pass(1500);
    heartbeat.stop();
    ring.delayMs = 'never';
    await pass(4000);
    expect(outages).toEqual([]);
    heartbeat.start();
    expect(outages).toEqual([4500]);
  });

  test('was none before the first proof', () => {
    const { heartbeat, outages } = setUp();
    heartbeat.start();
    expect(outages).toEqual([]);
  });

  test('does not count beats of the old link', async () => {
    const { heartbeat, ring, receive, outages, pass } = setUp({ delayMs: 'never' });
    heartbeat.start();
    await pass(500);
    heartbeat.stop();
    ring.delayMs = 1;
    heartbeat.start();
    await pass(10);
    receive(1);
    expect(heartbeat.latency).toBe(1);
    // That of the new proof alone.
    expect(outages).toEqual([500]);
  });

  test('is hinted at, too, if this process did not run: the forwarder may have dropped what it did not take', async () => {
    const { heartbeat, ring, receive, outages, silences, pass, block } = setUp();
    heartbeat.start();
    await pass(1999);
    ring.delayMs = 'never';
    await pass(1000);
    await block(4000);
    // The beat of 2,000 ms was in the socket.
    receive(3);
    expect(outages).toEqual([5999]);
    expect(silences()).toBe(0);
  });
});

describe('silence', () => {
  test('is told after three intervals in which nothing came', async () => {
    const { heartbeat, ring, silences, pass } = setUp();
    heartbeat.start();
    await pass(500);
    ring.delayMs = 'never';
    // The first interval has heard the beat of its beginning.
    await pass(3000);
    expect(silences()).toBe(0);
    await pass(501);
    expect(silences()).toBe(1);
  });

  test('is broken by anything that comes, and counted anew', async () => {
    const { heartbeat, silences, pass } = setUp({ delayMs: 'never' });
    heartbeat.start();
    for (let i = 0; i < 5; i += 1) {
      await pass(2500);
      heartbeat.heard();
    }
    expect(silences()).toBe(0);
    await pass(4000);
    expect(silences()).toBe(1);
  });

  test('is not, of a link that is proven anew, what the old one kept', async () => {
    const { heartbeat, silences, pass } = setUp({ delayMs: 'never' });
    heartbeat.start();
    await pass(2500);
    heartbeat.stop();
    heartbeat.start();
    await pass(2900);
    expect(silences()).toBe(0);
  });

  test('is not what waits to be read while this process does not run', async () => {
    const { heartbeat, ring, silences, pass, block } = setUp({ delayMs: 'never' });
    heartbeat.start();
    await pass(2999);
    // The tick of the interval comes first, then what is in the socket, then the verdict.
    ring.onBeat = () => void setImmediate(() => heartbeat.heard());
    await block(60_000);
    expect(silences()).toBe(0);
  });

  test('is counted once, however long this process does not run', async () => {
    const { heartbeat, silences, pass, block } = setUp({ delayMs: 'never' });
    heartbeat.start();
    await pass(999);
    await block(600_000);
    await pass(1500);
    expect(silences()).toBe(0);
  });
});

describe('beats that never come back while other things come', () => {
  /** Something else arrives all the time. */
  async function passHearing({ heartbeat, pass }: ReturnType<typeof setUp>, ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 500) {
      heartbeat.heard();
      await pass(500);
    }
  }

  test('are told after three intervals, and every three from then on, until one comes', async () => {
    const bus = setUp({ delayMs: 'never' });
    bus.heartbeat.start();
    await passHearing(bus, 2500);
    expect(bus.beatless()).toBe(0);
    await passHearing(bus, 1000);
    expect(bus.beatless()).toBe(1);
    await passHearing(bus, 3000);
    expect(bus.beatless()).toBe(2);
    bus.ring.delayMs = 1;
    await passHearing(bus, 10_000);
    expect([bus.beatless(), bus.silences()]).toEqual([2, 0]);
  });

  test('are not told if they are merely late, nor on a link that was just proven anew', async () => {
    const bus = setUp({ delayMs: 2900 });
    bus.heartbeat.start();
    await passHearing(bus, 20_000);
    bus.ring.delayMs = 'never';
    for (let i = 0; i < 5; i += 1) {
      bus.heartbeat.stop();
      bus.heartbeat.start();
      await passHearing(bus, 2500);
    }
    expect(bus.beatless()).toBe(0);
  });

  test('are the business of silence if nothing else comes either', async () => {
    const bus = setUp({ delayMs: 'never' });
    bus.heartbeat.start();
    await bus.pass(3500);
    expect([bus.beatless(), bus.silences()]).toEqual([0, 1]);
  });
});
