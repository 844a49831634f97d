import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Batch, BatchBuilder } from '../../src/delivery/sending/batch-builder.js';
import { History } from '../../src/delivery/sending/history.js';
import { type Publication, Publications } from '../../src/delivery/sending/publications.js';

const KIB = 1024;
const MIB = KIB * KIB;
/** What 1,024 batches cost beside their bytes. */
const PAGE_BYTES = 32 * KIB;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A publisher of batches of `a` and whatever else, and the history that they go to. */
function publisher({ historyBytes = MIB, historyAge = 60_000 } = {}) {
  let clock = 0;
  const now = () => clock;
  const history = new History({ historyBytes, historyAge }, now);
  const builder = new BatchBuilder({ publisher: 42, maxBatchBytes: 4096, headroom: 0, now, timeAt: () => 0 });
  const publications = new Publications();
  const batch = (payloadBytes = 100, name: PropertyKey = 'a'): Batch => {
    const publication = publications.of(name) as Publication;
    builder.pack(publication, Buffer.alloc(payloadBytes, 7));
    builder.take(publication);
    return builder.finish() as Batch;
  };
  return {
    history,
    batch,
    send(payloadBytes?: number, name?: PropertyKey): Batch {
      const sent = batch(payloadBytes, name);
      history.add(sent, clock);
      return sent;
    },
    wait(ms: number): void {
      clock += ms;
    },
    async pass(ms: number): Promise<void> {
      clock += ms;
      await vi.advanceTimersByTimeAsync(ms);
    },
  };
}

const kept = ({ first, last }: History) => last - first + 1;

describe('the history', () => {
  test('gives the batches back, by sequence', () => {
    const { history, send } = publisher({ historyBytes: 10 * MIB });
    const sent = Array.from({ length: 3000 }, (_, i) => send(i % 50, i % 3));
    expect([history.first, history.last]).toEqual([1, 3000]);
    for (const { sequence, message, publication } of sent) {
      expect(history.message(sequence).equals(message)).toBe(true);
      expect(history.topicHash(sequence)).toBe(publication.topicHash);
    }
  });

  test('keeps the bytes themselves, not copies', () => {
    const { history, send } = publisher();
    const { message } = send();
    const again = history.message(1);
    expect([again.buffer, again.byteOffset]).toEqual([message.buffer, message.byteOffset]);
  });

  test('is empty at first, and knows that nothing is gone', () => {
    const { history } = publisher();
    expect([history.first, history.last, history.bytes]).toEqual([1, 0, 0]);
    expect(history.goneFinishedAt).toBe(Number.NEGATIVE_INFINITY);
    expect(history.firstSince(0)).toBe(1);
    history.stop();
  });

  test('knows the last sequence when nothing is kept', () => {
    const { history, send, wait } = publisher({ historyBytes: 0 });
    send();
    wait(5);
    send();
    expect([history.first, history.last, history.bytes]).toEqual([3, 2, 0]);
    expect(history.goneFinishedAt).toBe(5);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('finds the first batch finished since', () => {
    const { history, send, wait } = publisher();
    for (let i = 0; i < 100; i += 1) {
      send();
      wait(10);
    }
    expect([-1, 0, 1, 10, 985, 990, 991].map((time) => history.firstSince(time))).toEqual([
      1, 1, 2, 2, 100, 100, 101,
    ]);
  });
});

describe('by bytes', () => {
  test.each([1, 20, 150, 1000, 3000, 33_000, 50_000, 70_000])(
    'batches of %i bytes: what it holds on to stays under the bound, and is used',
    (payloadBytes) => {
      const { history, send } = publisher({ historyBytes: 4 * MIB });
      for (let sent = 0; sent < 12 * MIB; sent += payloadBytes + 50) send(payloadBytes);
      const slabs = new Set<ArrayBufferLike>();
      let bytes = 0;
      for (let i = history.first; i <= history.last; i += 1) {
        const message = history.message(i);
        bytes += message.length;
        slabs.add(message.buffer);
      }
      const slabBytes = [...slabs].reduce((sum, { byteLength }) => sum + byteLength, 0);
      const pages = Math.ceil(kept(history) / 1024);
      expect(history.bytes).toBeLessThanOrEqual(4 * MIB);
      expect(history.bytes).toBeGreaterThan(3.8 * MIB);
      expect(history.bytes - slabBytes).toBeGreaterThanOrEqual(pages * PAGE_BYTES);
      expect(history.bytes - slabBytes).toBeLessThanOrEqual((pages + 1) * PAGE_BYTES);
      expect(bytes).toBeGreaterThan(history.bytes * 0.5);
    },
  );

  test('what is larger than all of it is not kept, nor what came before', () => {
    const { history, send, wait } = publisher({ historyBytes: MIB });
    send();
    wait(3);
    send(2 * MIB);
    expect([history.first, history.last, history.bytes, history.goneFinishedAt]).toEqual([3, 2, 0, 3]);
    send(10);
    expect([history.first, history.last]).toEqual([3, 3]);
    expect(history.bytes).toBe(64 * KIB + PAGE_BYTES);
  });
});

describe('by age', () => {
  test('forgets what was sent longer ago, and when that was finished', () => {
    const { history, send, wait } = publisher({ historyAge: 1000 });
    for (let i = 0; i < 10; i += 1) {
      send();
      wait(200);
    }
    history.expire();
    expect([history.first, history.last, history.goneFinishedAt]).toEqual([6, 10, 800]);
  });

  test('counts from when it was sent: what waited for long in the outbox is kept as long', () => {
    const { history, batch, wait } = publisher({ historyAge: 1000 });
    const old = batch();
    wait(5000);
    history.add(old, 5000);
    wait(1000);
    history.expire();
    expect(kept(history)).toBe(1);
    wait(1);
    history.expire();
    expect(kept(history)).toBe(0);
  });

  test('gives its memory back by itself, and then needs no timer', async () => {
    const { history, send, pass } = publisher({ historyAge: 5000 });
    for (let i = 0; i < 5000; i += 1) send();
    expect(vi.getTimerCount()).toBe(1);
    await pass(3000);
    send();
    await pass(3000);
    expect(kept(history)).toBe(1);
    await pass(3000);
    expect([history.bytes, history.first, history.last]).toEqual([0, 5002, 5001]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('tells which slabs nothing lies in any more, whether by age or for want of room', async () => {
    const { history, send, pass } = publisher({ historyAge: 10_000 });
    const forgotten: unknown[] = [];
    let emptied = 0;
    history.onForgotten = (slab) => void forgotten.push(slab);
    history.onEmptied = () => {
      emptied += 1;
    };
    const sent: Batch[] = [];
    for (let i = 0; i < 60; i += 1) {
      sent.push(send(30_000));
      await pass(300);
    }
    const slabs = [...new Set(sent.map(({ message }) => message.buffer))];
    expect(forgotten.length).toBeGreaterThan(5);
    expect(forgotten).toEqual(slabs.slice(0, forgotten.length));
    expect(emptied).toBe(0);
    await pass(20_000);
    expect(emptied).toBe(1);
    const before = forgotten.length;
    for (let i = 0; i < 60; i += 1) send(30_000);
    expect(forgotten.length).toBeGreaterThan(before);
  });

  test('stop() - forgets everything and needs no timer', () => {
    const { history, send } = publisher();
    for (let i = 0; i < 10; i += 1) send();
    history.stop();
    expect([history.bytes, history.first, history.last, vi.getTimerCount()]).toEqual([0, 11, 10, 0]);
  });
});

test('does as a simple list would, whatever comes', () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 8, arbitrary: fc.record({ payload: fc.integer({ min: 1, max: 3000 }), times: fc.nat(300) }) },
      { weight: 1, arbitrary: fc.record({ payload: fc.integer({ min: 1, max: 90_000 }), times: fc.nat(5) }) },
      { weight: 2, arbitrary: fc.record({ wait: fc.nat(400) }) },
    ),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(steps, fc.integer({ min: 100 * KIB, max: 600 * KIB }), (list, historyBytes) => {
      const { history, batch, wait } = publisher({ historyBytes, historyAge: 1000 });
      const sent: { batch: Batch; sentAt: number }[] = [];
      let clock = 0;
      for (const step of list) {
        if ('wait' in step) {
          wait(step.wait);
          clock += step.wait;
          history.expire();
        } else {
          for (let i = 0; i < step.times; i += 1) {
            const next = batch(step.payload, i % 3);
            sent.push({ batch: next, sentAt: clock });
            history.add(next, clock);
          }
        }
        expect(history.last).toBe(sent.length);
        expect(history.bytes).toBeLessThanOrEqual(historyBytes);
        const naive = sent.slice(history.first - 1);
        for (const [i, { batch: expected, sentAt }] of naive.entries()) {
          const sequence = history.first + i;
          if ('wait' in step && clock - sentAt > 1000) throw new Error('is too old');
          if (!history.message(sequence).equals(expected.message)) throw new Error('is another');
          if (history.finishedAt(sequence) !== expected.finishedAt) throw new Error('is of another time');
        }
        const gone = sent[history.first - 2];
        expect(history.goneFinishedAt).toBe(gone?.batch.finishedAt ?? Number.NEGATIVE_INFINITY);
      }
      history.stop();
    }),
    { numRuns: 60 },
  );
});
