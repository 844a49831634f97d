import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TopicScan, TopicTable } from '../../src/delivery/receiving/topic-table.js';
import { encodeTopic, MAX_TOPIC_BYTES } from '../../src/wire/topic.js';

function topic(name: PropertyKey): Buffer {
  return encodeTopic(name) as Buffer;
}

function find<T>(table: TopicTable<T>, message: Buffer): T | undefined {
  const scan = new TopicScan();
  return scan.read(message) ? table.find(scan, message) : undefined;
}

describe('TopicScan', () => {
  test('finds where a topic ends, of whatever length and whatever follows', () => {
    const scan = new TopicScan();
    for (let length = 0; length <= 9; length += 1) {
      const bytes = topic('x'.repeat(length));
      for (const rest of ['', '\0', 'a', 'ab', '\0\0\0']) {
        expect(scan.read(Buffer.concat([bytes, Buffer.from(rest)]))).toBe(true);
        expect(scan.length).toBe(bytes.length);
      }
    }
  });

  test('the hash is that of the topic, not of what follows', () => {
    const scan = new TopicScan();
    for (const name of ['even', 'odd']) {
      scan.read(topic(name));
      const { hash } = scan;
      scan.read(Buffer.concat([topic(name), Buffer.from('more')]));
      expect(scan.hash).toBe(hash);
    }
  });

  test('refuses what has no end, and what ends too late', () => {
    const scan = new TopicScan();
    for (const text of ['', 'e', 'es', 'esa']) expect(scan.read(Buffer.from(text))).toBe(false);
    const longest = topic('x'.repeat(MAX_TOPIC_BYTES - 3));
    expect(longest).toHaveLength(MAX_TOPIC_BYTES);
    expect(scan.read(longest)).toBe(true);
    expect(scan.read(topic('x'.repeat(MAX_TOPIC_BYTES - 2)))).toBe(false);
    expect(scan.read(Buffer.alloc(2 * MAX_TOPIC_BYTES, 'x'))).toBe(false);
  });
});

describe('TopicTable', () => {
  test('holds what a Map by name would, whatever is set and deleted', () => {
    const name = fc.oneof(
      fc.nat(40),
      fc.string({ maxLength: 4 }),
      fc.string({ unit: 'binary', maxLength: 3 }),
    );
    const step = fc.record({ name, isSet: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const table = new TopicTable<number>();
        const map = new Map<PropertyKey, number>();
        for (const [index, { name, isSet }] of steps.entries()) {
          if (isSet) {
            table.set(topic(name), index);
            map.set(name, index);
          } else {
            expect(table.delete(topic(name))).toBe(map.delete(name));
          }
        }
        expect(table.size).toBe(map.size);
        expect([...table.values()].sort()).toEqual([...map.values()].sort());
        for (const { name } of steps) {
          expect(table.get(topic(name))).toBe(map.get(name));
          expect(find(table, Buffer.concat([topic(name), Buffer.from('body')]))).toBe(map.get(name));
        }
      }),
    );
  });

  test('finds a topic as a whole alone, and not what begins like it', () => {
    const table = new TopicTable<string>();
    table.set(topic('user'), 'user');
    expect(find(table, topic('user:login'))).toBeUndefined();
    expect(find(table, topic('use'))).toBeUndefined();
    expect(find(table, Buffer.from('esuser'))).toBeUndefined();
    expect(table.get(Buffer.concat([topic('user'), Buffer.from('x')]))).toBeUndefined();
    table.clear();
    expect(find(table, topic('user'))).toBeUndefined();
    expect(table.size).toBe(0);
  });

  test('ten thousand names', () => {
    const table = new TopicTable<number>();
    for (let i = 0; i < 10_000; i += 1) table.set(topic(`name-${i}`), i);
    for (let i = 0; i < 10_000; i += 1) expect(table.get(topic(`name-${i}`))).toBe(i);
  });
});
