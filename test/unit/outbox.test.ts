import { describe, expect, test } from 'vitest';
import { Outbox, type OutboxOptions } from '../../src/delivery/sending/outbox.js';
import { EventTooLargeError } from '../../src/delivery/sending/publications.js';
import {
  emptyHeader,
  FLAG_ACKNOWLEDGE,
  FLAG_ANSWERS,
  HEADER_BYTES,
  type Header,
  readHeader,
} from '../../src/wire/batch.js';
import { PayloadError, packPayload, unpackPayloads } from '../../src/wire/payload.js';
import { decodeTopic } from '../../src/wire/topic.js';
import { outboxRecords } from '../support/outbox-records.js';

interface Sent extends Header {
  readonly name: PropertyKey | undefined;
  readonly values: readonly unknown[];
}

/** A link that takes messages until it is told not to, and reads them as a receiver would. */
class Link {
  readonly sent: Sent[] = [];
  flushes = 0;
  unconfirmedBytes = 0;
  accepts = Number.POSITIVE_INFINITY;

  send(message: Buffer): boolean {
    const end = message.indexOf(0) + 1;
    const header = emptyHeader();
    expect(readHeader(message, end, header)).toBeUndefined();
    const values = unpackPayloads(message, end + HEADER_BYTES, header.count);
    this.sent.push({ ...header, name: decodeTopic(message.subarray(0, end)), values });
    this.accepts -= 1;
    return this.accepts > 0;
  }

  flush(): void {
    this.flushes += 1;
  }
}

const now = () => 0;
const turn = () => new Promise((resolve) => setImmediate(resolve));

function outbox(link: Link, options: Partial<OutboxOptions> = {}) {
  const box = new Outbox(
    {
      publisher: 42,
      now,
      timeAt: () => 0,
      maxBatchBytes: 1024,
      maxEventBytes: 4096,
      maxBufferBytes: 1e6,
      highWaterMark: 1e5,
      ...options,
    },
    link,
    outboxRecords(now),
  );
  box.setLinkOpen(true);
  return box;
}

describe('batches', () => {
  test('hold what one turn emits under one name, in order, and go out at its end in one flush', async () => {
    const link = new Link();
    const box = outbox(link);
    const before = link.flushes;
    for (let i = 0; i < 5; i += 1) expect(box.push('a', i)).toBe('accepted');
    expect(link.sent).toEqual([]);
    await turn();
    expect(link.sent.map(({ name, values }) => [name, values])).toEqual([['a', [0, 1, 2, 3, 4]]]);
    expect(link.flushes).toBe(before + 1);
  });

  test('end where the name changes, so that the order across names holds', async () => {
    const link = new Link();
    const box = outbox(link);
    for (const [name, value] of [
      ['a', 1],
      ['a', 2],
      ['b', 3],
      ['a', 4],
    ] as const)
      box.push(name, value);
    await turn();
    expect(link.sent.map(({ name, values }) => [name, values])).toEqual([
      ['a', [1, 2]],
      ['b', [3]],
      ['a', [4]],
    ]);
  });

  test('end before they grow beyond maxBatchBytes; a larger event makes one of its own', async () => {
    const link = new Link();
    const box = outbox(link);
    box.push('a', 1);
    box.push('a', Buffer.alloc(2000));
    box.push('a', 2);
    for (let i = 0; i < 100; i += 1) box.push('a', 'x'.repeat(30));
    await turn();
    expect(link.sent.map(({ count }) => count)).toEqual([1, 1, 32, 31, 31, 7]);
    expect(link.sent.reduce((sum, { count }) => sum + count, 0)).toBe(103);
  });

  test('are numbered across names and within each name', async () => {
    const link = new Link();
    const box = outbox(link);
    for (const name of ['a', 'a', 'b', 'a', 'b']) box.push(name, null);
    await turn();
    expect(
      link.sent.map(({ name, sequence, previous, position, count }) => ({
        name,
        sequence,
        previous,
        position,
        count,
      })),
    ).toEqual([
      { name: 'a', sequence: 1, previous: 0, position: 0, count: 2 },
      { name: 'b', sequence: 2, previous: 0, position: 0, count: 1 },
      { name: 'a', sequence: 3, previous: 1, position: 2, count: 1 },
      { name: 'b', sequence: 4, previous: 2, position: 1, count: 1 },
    ]);
  });

  test('are never written to again once sent', async () => {
    const messages: Buffer[] = [];
    const box = new Outbox(
      {
        publisher: 1,
        now,
        timeAt: () => 0,
        maxBatchBytes: 1024,
        maxEventBytes: 1e6,
        maxBufferBytes: 1e9,
        highWaterMark: 1e9,
      },
      { send: (message) => messages.push(message) > 0, flush() {}, unconfirmedBytes: 0 },
      outboxRecords(now),
    );
    box.setLinkOpen(true);
    box.push('a', 'first');
    box.flush();
    const copy = Buffer.from(messages[0] as Buffer);
    for (let i = 0; i < 10_000; i += 1) box.push('a', i);
    await turn();
    expect(messages[0]).toEqual(copy);
  });
});

test('a batch that was sent is in the history and marked in its publication; one that waits is not', () => {
  const link = new Link();
  const records = outboxRecords(now);
  const { history, publications } = records;
  const limits = { maxBatchBytes: 1024, maxEventBytes: 4096, maxBufferBytes: 1e6, highWaterMark: 1e5 };
  const box = new Outbox({ publisher: 42, now, timeAt: () => 0, ...limits }, link, records);
  box.setLinkOpen(true);
  box.push('a', 1);
  box.flush();
  box.setLinkOpen(false);
  box.push('a', 2);
  box.flush();
  expect([history.first, history.last]).toEqual([1, 1]);
  expect(publications.of('a')).toMatchObject({ sequence: 2, sentSequence: 1, awaitsTail: true });
  box.setLinkOpen(true);
  expect(history.last).toBe(2);
  expect(publications.of('a')).toMatchObject({ sequence: 2, sentSequence: 2 });
});

describe('what does not become a batch', () => {
  test('names that stay in the process', () => {
    const link = new Link();
    const box = outbox(link);
    expect([box.push(Symbol('local'), 1), box.push('distributed:error', 1)]).toEqual(['local', 'local']);
    box.flush();
    expect(link.sent).toEqual([]);
  });

  test('names that are too long for a topic', () => {
    const link = new Link();
    const box = outbox(link);
    expect(() => box.push('n'.repeat(4096), 1)).toThrow(EventTooLargeError);
    expect(box.push('n'.repeat(4093), 1)).toBe('accepted');
    box.flush();
    expect(link.sent).toHaveLength(1);
  });

  test('values that cannot travel and events over the limit: refused, and the next one works', () => {
    const link = new Link();
    const box = outbox(link);
    box.push('a', 1);
    expect(() => box.push('a', () => {})).toThrow(PayloadError);
    expect(() => box.push('a', Buffer.alloc(5000))).toThrow(EventTooLargeError);
    box.push('a', 2);
    box.flush();
    expect(link.sent.map(({ values }) => values)).toEqual([[1, 2]]);
  });
});

describe('when the link does not take more', () => {
  test('batches wait in order and go out when it does', async () => {
    const link = new Link();
    const box = outbox(link);
    link.accepts = 1;
    for (let i = 0; i < 6; i += 1) box.push(i % 2, i);
    await turn();
    expect(link.sent.map(({ values }) => values)).toEqual([[0]]);
    expect(box.bytes).toBeGreaterThan(0);
    link.accepts = 2;
    box.setLinkOpen(true);
    expect(link.sent.map(({ values }) => values)).toEqual([[0], [1], [2]]);
    link.accepts = 100;
    box.setLinkOpen(true);
    expect(link.sent.map(({ values }) => values)).toEqual([[0], [1], [2], [3], [4], [5]]);
    expect(box.bytes).toBe(0);
  });

  test('over maxBufferBytes events are refused, and discard() counts those it gives up', () => {
    const link = new Link();
    const box = outbox(link, { maxBufferBytes: 1000, highWaterMark: 500 });
    box.setLinkOpen(false);
    const size = packPayload('x'.repeat(100)).length;
    const results = Array.from({ length: 12 }, () => box.push('a', 'x'.repeat(100)));
    const accepted = results.filter((result) => result === 'accepted').length;
    expect(accepted).toBe(Math.floor((1000 - HEADER_BYTES) / size));
    expect(results.slice(accepted).every((result) => result === 'overflow')).toBe(true);
    expect(box.discard(0)).toBe(accepted);
    expect(box.bytes).toBe(0);
    expect(box.push('a', 1)).toBe('accepted');
  });

  test('discard() counts what the link took and did not send', () => {
    const link = new Link();
    const box = outbox(link);
    for (let i = 0; i < 1000; i += 1) box.push(i % 2, i);
    box.flush();
    const last = 3 * (5 + HEADER_BYTES);
    link.unconfirmedBytes = last;
    expect(box.discard(last)).toBe(3);
    expect(box.discard(0)).toBe(0);
  });

  test('discard() does not count other messages that the link took', () => {
    const link = new Link();
    const box = outbox(link);
    const probe = Buffer.concat([Buffer.from('p\0'), Buffer.alloc(HEADER_BYTES, 1)]);
    for (let i = 0; i < 3; i += 1) box.push(i, i);
    box.flush();
    link.send = () => true;
    expect(box.sendBeside(probe)).toBe(true);
    link.unconfirmedBytes = probe.length + 5 + HEADER_BYTES;
    expect(box.discard(link.unconfirmedBytes)).toBe(1);
  });

  test('doubt() - what the link lost counts as given up, and what follows, until trust()', () => {
    const link = new Link();
    const box = outbox(link);
    for (let i = 0; i < 10; i += 1) box.push(i % 2, i);
    box.flush();
    expect(box.lastSentAt).toBe(0);
    link.unconfirmedBytes = 4 * (5 + HEADER_BYTES);
    box.doubt();
    link.unconfirmedBytes = 0;
    box.push('a', 1);
    box.flush();
    // A second outage, in which nothing more is lost.
    box.doubt();
    for (let i = 0; i < 1000; i += 1) box.push(i % 2, i);
    box.flush();
    expect(box.discard(5 + HEADER_BYTES)).toBe(4 + 1 + 1000);
    box.doubt();
    box.push('a', 1);
    box.flush();
    box.trust();
    expect(box.discard(0)).toBe(0);
  });

  test('sendBeside() - goes past what waits, and tells when the link is full', async () => {
    const link = new Link();
    const box = outbox(link);
    link.send = () => false;
    expect(box.sendBeside(Buffer.alloc(10))).toBe(false);
    box.push('a', 1);
    box.flush();
    expect(box.bytes).toBeGreaterThan(0);
  });

  test('whoever waits for room before each event is refused none, however large', async () => {
    const link = new Link();
    const box = outbox(link, { maxBufferBytes: 5000, highWaterMark: 2500 });
    box.setLinkOpen(false);
    const results: string[] = [];
    for (let i = 0; i < 20; i += 1) {
      results.push(box.push('a', Buffer.alloc(4000)));
      const room = box.room();
      if (room !== undefined) {
        setImmediate(() => box.setLinkOpen(true));
        await room;
        box.setLinkOpen(false);
      }
    }
    expect(new Set(results)).toEqual(new Set(['accepted']));
    expect(link.sent).toHaveLength(20);
  });

  test('over the high-water mark room() waits until half of it is free', async () => {
    const link = new Link();
    const box = outbox(link, { highWaterMark: 2000 });
    box.setLinkOpen(false);
    while (box.room() === undefined) box.push('a', 'x'.repeat(100));
    let released = false;
    const waiting = box.room()?.then(() => {
      released = true;
    });
    await turn();
    expect(released).toBe(false);
    box.setLinkOpen(true);
    await waiting;
    expect(box.room()).toBeUndefined();
  });

  test('drained() waits for the last batch', async () => {
    const link = new Link();
    const box = outbox(link);
    await box.drained();
    box.setLinkOpen(false);
    box.push('a', 1);
    let empty = false;
    const drained = box.drained().then(() => {
      empty = true;
    });
    await turn();
    expect(empty).toBe(false);
    box.setLinkOpen(true);
    await drained;
    expect(link.sent).toHaveLength(1);
  });
});

test('room() - gives the event loop a turn, however fast the link is', async () => {
  const box = outbox(new Link(), { maxBufferBytes: 1e9, highWaterMark: 1e9 });
  let pushed = 0;
  while (box.room() === undefined && pushed < 10_000) {
    box.push('a', 'x'.repeat(100));
    pushed += 1;
  }
  expect(pushed).toBeLessThan(10_000);
  await box.room();
  expect(box.room()).toBeUndefined();
});

test('who hears no receiver asks none to acknowledge, answers no questions, and waits for nobody', () => {
  const flood = (options: Partial<OutboxOptions>): readonly Sent[] => {
    const link = new Link();
    const box = outbox(link, { maxBatchBytes: 1, ...options });
    for (let i = 0; i < 10_000; i += 1) box.push('a', i);
    box.flush();
    return link.sent;
  };
  const heard = flood({});
  expect(heard.length).toBeLessThan(10_000);
  expect(heard.some(({ flags }) => flags === (FLAG_ANSWERS | FLAG_ACKNOWLEDGE))).toBe(true);
  const unheard = flood({ answers: false });
  expect(unheard).toHaveLength(10_000);
  expect(new Set(unheard.map(({ flags }) => flags))).toEqual(new Set([0]));
});
