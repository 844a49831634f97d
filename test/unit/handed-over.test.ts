import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HandedOver } from '../../src/delivery/sending/handed-over.js';

describe('HandedOver', () => {
  test('keepLast() - forgets the events of what lies before, and keeps a message that is partly among the last', () => {
    const handedOver = new HandedOver();
    for (const events of [1, 2, 4]) handedOver.add(10, events);
    expect(handedOver.events).toBe(7);
    handedOver.keepLast(30);
    expect(handedOver.events).toBe(7);
    handedOver.keepLast(11);
    expect(handedOver.events).toBe(6);
    handedOver.keepLast(10);
    expect(handedOver.events).toBe(4);
    handedOver.keepLast(0);
    expect(handedOver.events).toBe(0);
  });

  test('counts as a list would, however many there are', () => {
    const step = fc.oneof(
      fc.record({ add: fc.integer({ min: 1, max: 200 }), bytes: fc.integer({ min: 1, max: 100 }) }),
      fc.record({ keep: fc.integer({ min: 0, max: 5000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const handedOver = new HandedOver();
        let list: { bytes: number; events: number }[] = [];
        const sum = (key: 'bytes' | 'events') => list.reduce((total, each) => total + each[key], 0);
        for (const each of steps) {
          if ('add' in each) {
            for (let i = 0; i < each.add; i += 1) {
              const record = { bytes: each.bytes + i, events: i % 3 };
              list.push(record);
              handedOver.add(record.bytes, record.events);
            }
          } else {
            handedOver.keepLast(each.keep);
            while (list[0] !== undefined && sum('bytes') - list[0].bytes >= each.keep) list = list.slice(1);
          }
          expect(handedOver.events).toBe(sum('events'));
        }
      }),
    );
  });

  test('isDue - asks for a look after as many messages as were left at the last one', () => {
    const handedOver = new HandedOver();
    const untilDue = (): number => {
      let added = 0;
      for (; !handedOver.isDue; added += 1) handedOver.add(1, 1);
      return added;
    };
    expect(untilDue()).toBe(64);
    handedOver.keepLast(1000);
    expect(untilDue()).toBe(64);
    handedOver.keepLast(1000);
    expect(untilDue()).toBe(128);
    handedOver.keepLast(0);
    expect(untilDue()).toBe(64);
  });
});
