import { describe, expect, test } from 'vitest';
import { type Batch, BatchBuilder } from '../../src/delivery/sending/batch-builder.js';
import type { HistoryOptions } from '../../src/delivery/sending/history.js';
import { Outbox } from '../../src/delivery/sending/outbox.js';
import { type Publication, Publications } from '../../src/delivery/sending/publications.js';
import { emptyHeader, HEADER_BYTES, readHeader } from '../../src/wire/batch.js';
import { unpackPayloads } from '../../src/wire/payload.js';
import { outboxRecords } from '../support/outbox-records.js';

const HEADROOM = 9;
const SLAB_BYTES = 64 * 1024;
const now = () => 0;

function valuesOf({ message, publication, count }: Batch): unknown[] {
  return unpackPayloads(message, publication.topic.length + HEADER_BYTES, count);
}

/** A builder that is used as the outbox uses it. */
function building(maxBatchBytes = 4096) {
  const builder = new BatchBuilder({ publisher: 1, maxBatchBytes, headroom: HEADROOM, now, timeAt: () => 0 });
  const publications = new Publications();
  const batches: Batch[] = [];
  const finish = () => {
    const batch = builder.finish();
    if (batch !== undefined) batches.push(batch);
  };
  const add = (name: PropertyKey, value: unknown) => {
    const publication = publications.of(name) as Publication;
    if (!builder.accepts(publication)) finish();
    builder.pack(publication, value);
    if (!builder.fits(publication)) finish();
    builder.take(publication);
  };
  return { builder, batches, publications, add, finish };
}

describe('the batch builder', () => {
  test('builds in place: batches of one slab follow one another, with room before each', () => {
    const { add, finish, batches } = building();
    for (let i = 0; i < 10; i += 1) add(i % 2 === 0 ? 'a' : 'b', { i });
    finish();
    expect(batches.map(valuesOf)).toEqual(Array.from({ length: 10 }, (_, i) => [{ i }]));
    let end = 0;
    for (const { message } of batches) {
      expect(message.buffer).toBe(batches[0]?.message.buffer);
      expect(message.byteOffset).toBe(end + HEADROOM);
      end = message.byteOffset + message.length;
    }
  });

  test('never grows a batch beyond its limit, unless one event alone is larger', () => {
    const { add, finish, batches } = building(1000);
    const sizes = [10, 400, 400, 400, 5000, 10, 10, 990, 70_000, 1];
    for (const size of sizes) add('a', Buffer.alloc(size, size));
    finish();
    expect(batches.flatMap(valuesOf)).toEqual(sizes.map((size) => Buffer.alloc(size, size)));
    for (const { message, count } of batches) expect(message.length <= 1000 || count === 1).toBe(true);
  });

  test('keeps every event whole across the ends of slabs', () => {
    const { add, finish, batches } = building();
    const texts = Array.from({ length: 5000 }, (_, i) => `${i}`.padEnd((i * 37) % 400, 'x'));
    for (const [i, text] of texts.entries()) add(`name-${i % 3 === 0 ? 0 : i % 7}`, text);
    finish();
    expect(batches.flatMap(valuesOf)).toEqual(texts);
    expect(batches.map(({ sequence }) => sequence)).toEqual(batches.map((_, i) => i + 1));
  });

  test('forgets what was packed and not taken', () => {
    const { builder, publications, add, finish, batches } = building();
    add('a', 1);
    builder.pack(publications.of('a') as Publication, 'refused');
    add('a', 2);
    builder.pack(publications.of('a') as Publication, 'refused, too');
    finish();
    builder.pack(publications.of('b') as Publication, 'refused as well');
    expect(builder.openBytes).toBe(0);
    finish();
    add('c', 3);
    finish();
    expect(batches.map(valuesOf)).toEqual([[1, 2], [3]]);
  });

  test('goes on when a value cannot be packed', () => {
    const { builder, publications, add, finish, batches } = building();
    add('a', 1);
    expect(() => builder.pack(publications.of('a') as Publication, { f: () => 1 })).toThrow('cannot travel');
    add('a', 2);
    finish();
    expect(batches.map(valuesOf)).toEqual([[1, 2]]);
  });

  test('packs large events in place, once it knows that a name has such', () => {
    const { add, finish, batches } = building();
    for (const size of [70_000, 70_001, 200_000, 70_000, 60_000, 10]) add('a', Buffer.alloc(size, size));
    finish();
    expect(batches.flatMap(valuesOf).map((value) => (value as Buffer).length)).toEqual([
      70_000, 70_001, 200_000, 70_000, 60_000, 10,
    ]);
    expect(batches.every(({ count }) => count === 1)).toBe(true);
  });

  test('uses a slab again that is given back, unless it is too small or much too large', () => {
    const { builder, add, finish, batches } = building();
    builder.reuse(new ArrayBuffer(10));
    add('a', 1);
    finish();
    builder.reuse(new ArrayBuffer(1_000_000));
    expect(batches.pop()?.message.buffer.byteLength).toBe(SLAB_BYTES);
  });

  test('uses a slab again that is given back', () => {
    const { builder, add, finish, batches } = building();
    const mine = Buffer.alloc(SLAB_BYTES);
    builder.reuse(mine.buffer);
    add('a', 1);
    finish();
    expect(batches[0]?.message.buffer).toBe(mine.buffer);
    for (let i = 0; i < 1000; i += 1) add('a', 'x'.repeat(100));
    finish();
    expect(new Set(batches.map(({ message }) => message.buffer)).size).toBeGreaterThan(1);
    expect(batches.flatMap(valuesOf)).toHaveLength(1001);
  });
});

describe('an event that emits while it is packed', () => {
  interface Sent {
    readonly sequence: number;
    readonly values: readonly unknown[];
  }

  function outbox(history?: HistoryOptions) {
    const sent: Sent[] = [];
    const link = {
      unconfirmedBytes: 0,
      flush() {},
      send(message: Buffer) {
        const end = message.indexOf(0) + 1;
        const header = emptyHeader();
        expect(readHeader(message, end, header)).toBeUndefined();
        const values = unpackPayloads(message, end + HEADER_BYTES, header.count);
        sent.push({ sequence: header.sequence, values });
        return true;
      },
    };
    const limits = { maxBatchBytes: 1024, maxEventBytes: 1e6, maxBufferBytes: 1e6, highWaterMark: 1e5 };
    const records = outboxRecords(now, history);
    const box = new Outbox(
      { publisher: 1, now, timeAt: () => 0, headroom: HEADROOM, ...limits },
      link,
      records,
    );
    box.setLinkOpen(true);
    return { box, sent, records };
  }

  test.each([
    ['under the same name', 'a', 'a'],
    ['under another name', 'a', 'b'],
  ])('%s - comes after what it emits, and both are whole', (_, outer, inner) => {
    for (const padding of [0, 100, 2000, 60_000]) {
      const { box, sent } = outbox();
      box.push(outer, 'before');
      box.push(outer, {
        padding: 'p'.repeat(padding),
        get value() {
          box.push(inner, { inner: 1 });
          box.push(inner, {
            get deeper() {
              box.push(outer, 'deepest');
              return 2;
            },
          });
          return 'outer';
        },
      });
      box.push(outer, 'after');
      box.flush();
      expect(sent.flatMap(({ values }) => values)).toEqual([
        'before',
        { inner: 1 },
        'deepest',
        { deeper: 2 },
        { padding: 'p'.repeat(padding), value: 'outer' },
        'after',
      ]);
      expect(sent.map(({ sequence }) => sequence)).toEqual(sent.map((__, i) => i + 1));
    }
  });

  test('is whole if it flushes, or what it emits is refused', () => {
    const { box, sent } = outbox();
    box.push('a', {
      get value() {
        box.push('a', 'inner');
        box.flush();
        expect(() => box.push('a', () => 1)).toThrow('cannot travel');
        return 1;
      },
    });
    box.push('a', 'after');
    box.flush();
    expect(sent.flatMap(({ values }) => values)).toEqual(['inner', { value: 1 }, 'after']);
  });

  test('is not written over, however much it emits', () => {
    const { box, sent } = outbox({ historyBytes: 200_000, historyAge: 1e9 });
    const inner = Array.from({ length: 500 }, (_, i) => `${i}`.padEnd(1000, 'x'));
    box.push('a', 'before');
    box.flush();
    box.push('a', {
      before: 'x'.repeat(30),
      get value() {
        for (const text of inner) box.push('b', text);
        return 'outer';
      },
      after: 'y',
    });
    box.flush();
    const values = sent.flatMap((message) => message.values);
    expect(values).toEqual(['before', ...inner, { before: 'x'.repeat(30), value: 'outer', after: 'y' }]);
  });

  test('takes no slab for each event that it emits', () => {
    const { box, records } = outbox();
    box.push('a', {
      get value() {
        for (let i = 0; i < 100; i += 1) box.push('b', i);
        return 1;
      },
    });
    box.flush();
    expect(records.history.bytes).toBeLessThan(4 * SLAB_BYTES);
  });
});
