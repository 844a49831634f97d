import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Audience, emptyAudience } from '../../src/delivery/sending/audience.js';
import { Pacer } from '../../src/delivery/sending/pacer.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const distances = (asked: readonly number[]) =>
  asked.slice(1).map((sequence, i) => sequence - (asked[i] as number));

/** A publisher in full flood of one name: 1,000 messages a millisecond. */
function flood() {
  let opened = 0;
  let sequence = 0;
  const asked: number[] = [];
  const audience = emptyAudience();
  const { receivers } = audience;
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
        if (pacer.count(sequence, bytes, audience, clock)) asked.push(sequence);
      }
      return sent;
    },
  };
}

describe('a flood', () => {
  test('asks for acknowledgements now and then, by messages and by bytes', () => {
    const byMessages = flood();
    byMessages.send(700);
    expect(distances(byMessages.asked).every((distance) => distance <= 128)).toBe(true);
    expect(byMessages.asked.length).toBeLessThan(10);
    const byBytes = flood();
    byBytes.send(40, 100 * 1024);
    expect(byBytes.asked).toEqual([12, 18, 24, 30, 36]);
  });

  test('waits for a moment whether anybody answers, and not again if nobody does', async () => {
    const { pacer, pass, send, opened } = flood();
    expect(send(100_000)).toBeLessThan(6000);
    await pass(500);
    expect([pacer.isOpen, opened()]).toEqual([true, 1]);
    expect(send(100_000)).toBe(100_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([2, 4, 8, 10, 64, 128, 1000])('of %i names in rotation asks each of them', (count) => {
    const pacer = new Pacer(
      () => 0,
      () => {},
    );
    const names = Array.from({ length: count }, emptyAudience);
    const asked = new Set<number>();
    // Nobody answers, and the time for it has passed.
    pacer.count(1, 100, emptyAudience(), 0);
    let sequence = 1;
    for (; sequence < count * 1000 && asked.size < count; sequence += 1) {
      if (pacer.count(sequence, 100, names[sequence % count] as Audience, sequence / 1000))
        asked.add(sequence % count);
    }
    expect(asked.size).toBe(count);
    expect(sequence).toBeLessThan(count * 400);
    pacer.stop();
  });

  test('waits for a receiver of one name among many, by what that receiver gets', async () => {
    const { pacer, pass, send } = flood();
    send(100_000);
    await pass(500);
    const rare = emptyAudience();
    const others = Array.from({ length: 999 }, emptyAudience);
    let sequence = 1_000_000;
    let rareSent = 0;
    let answered = false;
    for (let i = 0; i < 1_000_000 && pacer.isOpen; i += 1) {
      sequence += 1;
      const isRare = i % 1000 === 0;
      if (isRare) rareSent += 1;
      const asks = pacer.count(sequence, 100, isRare ? rare : (others[i % 999] as Audience), 1000 + i / 1000);
      if (!isRare || !asks || answered) continue;
      answered = true;
      pacer.acknowledge(7, sequence);
      rareSent = 0;
    }
    expect(pacer.isOpen).toBe(false);
    expect(rareSent).toBeLessThan(140);
    pacer.stop();
  });

  test('waits for who has answered before, and goes on when the answer comes', () => {
    const { pacer, asked, send, opened } = flood();
    send(600);
    pacer.acknowledge(7, asked[0] as number);
    const sent = send(100_000);
    expect(sent).toBeLessThan(5000);
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

  test('waits for its only receiver while that asks for what it missed', async () => {
    const { pacer, asked, pass, send } = flood();
    send(600);
    pacer.acknowledge(7, asked[0] as number);
    send(100_000);
    for (let i = 0; i < 5; i += 1) {
      await pass(1500);
      expect(pacer.isOpen).toBe(false);
      pacer.heard(7);
      pacer.heard(8);
    }
    await pass(2100);
    expect(pacer.isOpen).toBe(true);
  });

  test('waits again for a laggard that has caught up, and only then', async () => {
    const { pacer, asked, pass, send } = flood();
    send(600);
    pacer.acknowledge(7, asked[0] as number);
    send(100_000);
    await pass(2000);
    expect(send(20_000)).toBe(20_000);
    pacer.acknowledge(7, asked[2] as number);
    expect(send(20_000)).toBe(20_000);
    pacer.acknowledge(7, asked.at(-1) as number);
    expect(send(20_000)).toBeLessThan(6000);
    pacer.stop();
  });

  test('is held up once by who leaves, however many names it listened to', async () => {
    let clock = 0;
    let sequence = 0;
    const pacer = new Pacer(
      () => clock,
      () => {},
    );
    const names = Array.from({ length: 1000 }, emptyAudience);
    const send = (count: number, answer: boolean): number => {
      let sent = 0;
      for (; sent < count && pacer.isOpen; sent += 1) {
        sequence += 1;
        clock += 0.001;
        const asks = pacer.count(sequence, 100, names[sequence % 1000] as Audience, clock);
        if (asks) pacer.acknowledge(8, sequence);
        if (asks && answer) pacer.acknowledge(7, sequence);
      }
      return sent;
    };
    expect(send(200_000, true)).toBe(200_000);
    expect(send(200_000, false)).toBeLessThan(200_000);
    clock += 500;
    await vi.advanceTimersByTimeAsync(500);
    expect(send(400_000, false)).toBe(400_000);
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

/** A flood of `count` names, of which `receiver` of each index takes a message of its names every so many are sent. */
function rotation(next: (i: number) => number, count: number) {
  let clock = 0;
  const pacer = new Pacer(
    () => clock,
    () => {},
  );
  const names = Array.from({ length: count }, emptyAudience);
  const receivers: {
    id: number;
    hears: (name: number) => boolean;
    every: number;
    line: [number, boolean][];
  }[] = [];
  let sequence = 0;
  let turns = 0;
  const asked: number[] = [];
  return {
    asked,
    sent: () => sequence,
    join(id: number, every: number, hears: (name: number) => boolean): void {
      receivers.push({ id, hears, every, line: [] });
    },
    /** How many messages the receiver has not delivered. */
    behind: (id: number) => receivers.find((receiver) => receiver.id === id)?.line.length ?? 0,
    /** Goes on for `messages`; returns how far each receiver was behind at most. */
    send(messages: number): number[] {
      const most = receivers.map(() => 0);
      for (const end = sequence + messages; sequence < end; turns += 1) {
        clock += 0.001;
        if (turns % 1000 === 0) vi.advanceTimersByTime(1);
        if (pacer.isOpen) {
          sequence += 1;
          const name = next(sequence);
          const asks = pacer.count(sequence, 100, names[name] as Audience, clock);
          if (asks) asked.push(name);
          for (const { hears, line } of receivers) if (hears(name)) line.push([sequence, asks]);
        }
        for (const [i, { id, every, line }] of receivers.entries()) {
          most[i] = Math.max(most[i] as number, line.length);
          if (turns % every !== 0) continue;
          const taken = line.shift();
          if (taken?.[1]) pacer.acknowledge(id, taken[0]);
        }
      }
      pacer.stop();
      return most;
    },
  };
}

/** The window, and the distance of marks. */
const PACED = 4096 + 512;

describe('with very many names in rotation', () => {
  const inTurn = (sequence: number) => sequence % 10_000;

  test('a receiver of all of them is paced from the second rotation on', () => {
    const { join, send } = rotation(inTurn, 10_000);
    join(7, 2, () => true);
    expect(send(10_000)[0]).toBeLessThan(10_000);
    // Until it has taken what was sent before it was known.
    send(12_000);
    expect(send(200_000)[0]).toBeLessThan(PACED);
  });

  test('a receiver of few of them is paced by what it gets', () => {
    const { join, send } = rotation(inTurn, 10_000);
    join(7, 2000, (name) => name % 1000 === 0);
    send(300_000);
    expect(send(300_000)[0]).toBeLessThan(10);
  });

  test('a receiver is paced whose names come beside one that another is known to listen to', () => {
    const { join, send } = rotation((sequence) => (sequence % 2 === 0 ? 0 : 1 + (sequence % 9999)), 10_000);
    join(7, 1, (name) => name === 0);
    join(8, 4, (name) => name !== 0);
    send(300_000);
    expect(send(300_000)[1]).toBeLessThan(2 * PACED);
  });

  test('a receiver that comes late is paced as soon', () => {
    const { join, send } = rotation(inTurn, 10_000);
    join(7, 1, (name) => name === 0);
    send(100_000);
    join(8, 2, () => true);
    send(40_000);
    expect(send(200_000)[1]).toBeLessThan(PACED);
  });

  test('those that nobody listens to are asked seldom', () => {
    const { join, send, asked } = rotation(inTurn, 10_000);
    join(7, 2, (name) => name < 1000);
    send(600_000);
    const inVain = (): number => asked.splice(0).filter((name) => name >= 1000).length;
    // Each of them once at first, and once when the receiver was known.
    expect(inVain()).toBeLessThan(20_000);
    send(300_000);
    expect(inVain()).toBeLessThan(300_000 / 256);
  });

  test.each([1, 10, 1000, 10_000])(
    'a receiver of all of %i is asked no more often than it takes',
    (count) => {
      const { join, send, asked } = rotation((sequence) => sequence % count, count);
      join(7, 1, () => true);
      send(400_000);
      asked.length = 0;
      send(400_000);
      expect((asked.length / 400_000) * 1000).toBeLessThan(5);
    },
  );
});

test('a publisher that stood still itself still waits for receivers afterwards', () => {
  let clock = 0;
  let sequence = 0;
  let mark = 0;
  const pacer = new Pacer(
    () => clock,
    () => {},
  );
  const audience = emptyAudience();
  const send = (count: number) => {
    for (let i = 0; i < count && pacer.isOpen; i += 1) {
      sequence += 1;
      if (pacer.count(sequence, 100, audience, clock)) mark = sequence;
    }
  };
  send(20_000);
  expect(pacer.isOpen).toBe(false);
  clock += 60_000;
  vi.advanceTimersByTime(600);
  vi.runOnlyPendingTimers();
  expect(pacer.isOpen).toBe(true);
  // A receiver comes, and takes its time for a window.
  clock += 1;
  send(3000);
  pacer.acknowledge(7, mark);
  send(20_000);
  clock += 300;
  vi.advanceTimersByTime(300);
  expect(pacer.isOpen).toBe(false);
  pacer.stop();
});

test('a publisher that takes its time is neither asked nor held up', () => {
  const pacer = new Pacer(
    () => 0,
    () => {},
  );
  const audience = emptyAudience();
  audience.receivers.add(7);
  for (let i = 1; i <= 10_000; i += 1) expect(pacer.count(i, 100, audience, i * 3)).toBe(false);
  expect(pacer.isOpen).toBe(true);
});
