import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Pacer, type Receivers } from '../../src/delivery/pacer.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A publisher in full flood of one name: 1,000 messages a millisecond. */
function flood() {
  let opened = 0;
  let sequence = 0;
  const asked: number[] = [];
  const receivers: Receivers = new Set();
  let clock = 0;
  const pacer = new Pacer(
    () => clock,
    () => {
      opened += 1;
    },
  );
  return {
    pacer,
    /** Lets time pass while nothing comes in. */
    async pass(ms: number): Promise<void> {
      clock += ms;
      await vi.advanceTimersByTimeAsync(ms);
    },
    receivers,
    asked,
    opened: () => opened,
    sent: () => sequence,
    /** Sends at most `count`, as long as the pacer lets it; returns how many. */
    send(count: number, bytes = 100): number {
      let sent = 0;
      for (; sent < count && pacer.isOpen; sent += 1) {
        sequence += 1;
        clock += 0.001;
        if (pacer.count(sequence, bytes, receivers, clock)) asked.push(sequence);
      }
      return sent;
    },
  };
}

describe('a flood', () => {
  test('asks for acknowledgements now and then, by messages and by bytes', () => {
    const byMessages = flood();
    byMessages.send(700);
    expect(byMessages.asked).toEqual([256, 384, 512, 640]);
    const byBytes = flood();
    byBytes.send(40, 100 * 1024);
    expect(byBytes.asked).toEqual([12, 18, 24, 30, 36]);
  });

  test('waits for a moment whether anybody answers, and not again if nobody does', async () => {
    const { pacer, pass, send, opened } = flood();
    expect(send(100_000)).toBeLessThan(2000);
    await pass(500);
    expect([pacer.isOpen, opened()]).toEqual([true, 1]);
    expect(send(100_000)).toBe(100_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('of many names is paced by the one that has a receiver', () => {
    let sequence = 0;
    const pacer = new Pacer(
      () => 0,
      () => {},
    );
    const names: Receivers[] = Array.from({ length: 1000 }, () => new Set());
    const send = (count: number) => {
      let sent = 0;
      for (; sent < count && pacer.isOpen; sent += 1) {
        sequence += 1;
        const asks = pacer.count(sequence, 100, names[sequence % 1000] as Receivers, sequence / 1000);
        if (asks && sequence === 384) pacer.acknowledge(7, sequence);
      }
      return sent;
    };
    send(500);
    expect(names.filter((receivers) => receivers.size > 0)).toHaveLength(1);
    expect(send(100_000)).toBeLessThan(4000);
    pacer.stop();
  });

  test('waits for who has answered before, and goes on when the answer comes', () => {
    const { pacer, asked, send, opened } = flood();
    send(600);
    pacer.acknowledge(7, asked[0] as number);
    const sent = send(100_000);
    expect(sent).toBeLessThan(1500);
    expect(pacer.isOpen).toBe(false);
    for (const sequence of asked.slice(1)) pacer.acknowledge(7, sequence);
    expect([pacer.isOpen, opened()]).toEqual([true, 1]);
  });

  test('is not held up for long by who stops answering, nor twice', async () => {
    const { pacer, asked, pass, send, opened } = flood();
    send(600);
    for (const receiver of [7, 8]) pacer.acknowledge(receiver, asked[0] as number);
    send(100_000);
    for (const sequence of asked.slice(1)) pacer.acknowledge(8, sequence);
    expect(pacer.isOpen).toBe(false);
    await pass(500);
    expect([pacer.isOpen, opened()]).toEqual([true, 1]);
    let total = 0;
    for (let i = 0; i < 20; i += 1) {
      total += send(1000);
      for (const sequence of asked) pacer.acknowledge(8, sequence);
    }
    expect(total).toBe(20_000);
  });

  test('waits again for a laggard that has caught up', async () => {
    const { pacer, asked, pass, receivers, send } = flood();
    send(600);
    pacer.acknowledge(7, asked[0] as number);
    send(100_000);
    await pass(500);
    expect(receivers.size).toBe(0);
    send(20_000);
    pacer.acknowledge(7, asked[2] as number);
    expect(receivers.size).toBe(0);
    pacer.acknowledge(7, asked.at(-1) as number);
    expect(receivers.size).toBe(1);
  });

  test('forgets all it waits for on a new link', () => {
    const { pacer, asked, send, opened } = flood();
    send(600);
    pacer.acknowledge(7, asked[0] as number);
    send(100_000);
    pacer.reset();
    expect([pacer.isOpen, opened()]).toEqual([true, 1]);
    pacer.stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('a publisher that takes its time is neither asked nor held up', () => {
  const pacer = new Pacer(
    () => 0,
    () => {},
  );
  const receivers: Receivers = new Set([7]);
  for (let i = 1; i <= 10_000; i += 1) expect(pacer.count(i, 100, receivers, i * 3)).toBe(false);
  expect(pacer.isOpen).toBe(true);
});
