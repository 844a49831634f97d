import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Liveness } from '../../src/delivery/liveness.js';
import { HEADER_BYTES } from '../../src/wire/batch.js';

/** A link that records; `echo` brings the last probe back. */
function setUp() {
  const log: string[] = [];
  let last: Buffer = Buffer.alloc(0);
  const probes: Buffer[] = [];
  const text = (topic: Uint8Array) => Buffer.from(topic).toString('latin1').replace('\0', '');
  const link = {
    subscribe: (topic: Uint8Array) => void log.push(`+${text(topic)}`),
    unsubscribe: (topic: Uint8Array) => void log.push(`-${text(topic)}`),
    send(message: Buffer) {
      last = message;
      probes.push(message);
      log.push(`probe ${text(message.subarray(0, message.length - HEADER_BYTES))}`);
      return true;
    },
    flush() {},
  };
  let proven = 0;
  const liveness = new Liveness(0xabc, link, () => {
    proven += 1;
  });
  return {
    liveness,
    log,
    echo: () => liveness.receive(last),
    proofs: () => proven,
    lastProbe: () => last,
    probes: () => probes,
  };
}

const id = '00000000000abc';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a round', () => {
  test('subscribes to a topic of its own after everything else, probes it, and unsubscribes when it came back', async () => {
    const { liveness, log, echo, proofs } = setUp();
    liveness.setLinkUp(true);
    expect(log).toEqual([`+p${id}.1`, `probe p${id}.1`]);
    echo();
    expect(log.slice(2)).toEqual([`-p${id}.1`]);
    expect(proofs()).toBe(1);
    await liveness.confirmed();
  });

  test('repeats the probe, ever more rarely, until it comes back', () => {
    const { liveness, log, echo } = setUp();
    liveness.setLinkUp(true);
    const probesAfter = (ms: number) => {
      vi.advanceTimersByTime(ms);
      return log.filter((line) => line.startsWith('probe')).length;
    };
    expect(probesAfter(1)).toBe(2);
    expect(probesAfter(2)).toBe(3);
    expect(probesAfter(1000)).toBe(10);
    echo();
    expect(probesAfter(5000)).toBe(10);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('that lasts is joined by others, in case its subscription was lost; any of them counts', () => {
    for (const kept of [0, 1, 2]) {
      const { liveness, log, probes, proofs } = setUp();
      liveness.setLinkUp(true);
      vi.advanceTimersByTime(5000);
      const subscribed = log.filter((line) => line.startsWith('+'));
      expect(subscribed).toEqual([`+p${id}.1`, `+p${id}.2`, `+p${id}.3`]);
      const topics = new Map(probes().map((message) => [message.toString('latin1', 0, 17), message]));
      liveness.receive([...topics.values()][kept] as Buffer);
      expect(proofs()).toBe(1);
      expect(log.filter((line) => line.startsWith('-'))).toHaveLength(3);
      expect(vi.getTimerCount()).toBe(0);
    }
  });

  test('of an earlier time does not count', async () => {
    const { liveness, lastProbe, proofs } = setUp();
    liveness.setLinkUp(true);
    const stale = lastProbe();
    liveness.setLinkUp(false);
    liveness.setLinkUp(true);
    liveness.receive(stale);
    expect(proofs()).toBe(0);
  });
});

describe('without probes', () => {
  function confirming() {
    const confirmations: (() => void)[] = [];
    const proven: number[] = [];
    const never = (): never => {
      throw new Error('nothing is sent or subscribed to');
    };
    const link = {
      ...{ subscribe: never, send: never, flush: never, unsubscribe: () => {} },
      confirm: (onConfirmed: () => void) => void confirmations.push(onConfirmed),
    };
    const liveness = new Liveness(0xabc, link, (subscriptions) => void proven.push(subscriptions));
    return { liveness, proven, confirmations };
  }

  test('a round ends when the link confirms what was done before it', async () => {
    const { liveness, proven, confirmations } = confirming();
    liveness.subscribed();
    liveness.setLinkUp(true);
    liveness.subscribed();
    const all = liveness.confirmed();
    confirmations[0]?.();
    expect(proven).toEqual([1]);
    confirmations[1]?.();
    await all;
    expect(proven).toEqual([1, 2]);
    expect(confirmations).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a confirmation of an earlier link does not count', () => {
    const { liveness, proven, confirmations } = confirming();
    liveness.setLinkUp(true);
    liveness.setLinkUp(false);
    liveness.setLinkUp(true);
    confirmations[0]?.();
    expect(proven).toEqual([]);
    confirmations[1]?.();
    expect(proven).toEqual([0]);
  });
});

describe('confirmed()', () => {
  test('waits for a round that began after the latest subscription', async () => {
    const { liveness, log, echo } = setUp();
    liveness.setLinkUp(true);
    liveness.subscribed();
    let confirmed = false;
    const waiting = liveness.confirmed().then(() => {
      confirmed = true;
    });
    echo();
    await Promise.resolve();
    expect(confirmed).toBe(false);
    expect(log.at(-1)).toBe(`probe p${id}.2`);
    echo();
    await waiting;
  });

  test('starts no round when nothing was subscribed to since the last', async () => {
    const { liveness, log, echo } = setUp();
    liveness.setLinkUp(true);
    echo();
    const { length } = log;
    await liveness.confirmed();
    expect(log).toHaveLength(length);
  });

  test('waits for the link, and again after it was lost', async () => {
    const { liveness, echo } = setUp();
    const first = liveness.confirmed();
    liveness.setLinkUp(true);
    echo();
    await first;
    liveness.setLinkUp(false);
    const second = liveness.confirmed();
    liveness.setLinkUp(true);
    echo();
    await second;
  });

  test('rejects when liveness is stopped', async () => {
    const { liveness } = setUp();
    liveness.setLinkUp(true);
    const waiting = liveness.confirmed();
    liveness.stop(new Error('closed'));
    await expect(waiting).rejects.toThrow('closed');
    expect(vi.getTimerCount()).toBe(0);
  });
});
