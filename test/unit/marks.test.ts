import { describe, expect, test } from 'vitest';
import { type Audience, emptyAudience } from '../../src/delivery/sending/audience.js';
import { Marks } from '../../src/delivery/sending/marks.js';

/** Marks in a row, with sequences that are multiples of 10, and what each receiver has acknowledged. */
function marks(capacity: number) {
  const acknowledged = new Map<number, number>();
  let looks = 0;
  const all = new Marks(capacity, (receiver, sequence) => {
    looks += 1;
    return (acknowledged.get(receiver) ?? Number.POSITIVE_INFINITY) < sequence;
  });
  let sequence = 0;
  return {
    marks: all,
    audience(...receivers: number[]): Audience {
      const audience = emptyAudience();
      for (const receiver of receivers) {
        audience.receivers.add(receiver);
        acknowledged.set(receiver, 0);
      }
      return audience;
    },
    push(count: number, audience = emptyAudience()): void {
      for (let i = 0; i < count; i += 1) {
        sequence += 10;
        all.push({ sequence, audience, messages: sequence, bytes: 0, time: 0 });
      }
    },
    acknowledge(receiver: number, upTo: number): void {
      acknowledged.set(receiver, upTo);
      all.update();
    },
    leave(receiver: number): void {
      acknowledged.delete(receiver);
      all.update();
    },
    looks: () => looks,
  };
}

describe('the oldest mark that is not answered', () => {
  test('is the first that somebody has not acknowledged, itself or a later one', () => {
    const { marks: all, audience, push, acknowledge, leave } = marks(100);
    push(2);
    expect(all.oldest).toBeUndefined();
    const both = audience(7, 8);
    push(3, both);
    expect([all.oldest?.sequence, all.first?.sequence]).toEqual([30, 10]);
    acknowledge(7, 45);
    expect(all.oldest?.sequence).toBe(30);
    acknowledge(8, 30);
    expect([all.oldest?.sequence, all.missing(all.oldest as never)]).toEqual([40, [8]]);
    acknowledge(8, 50);
    expect(all.oldest?.sequence).toBe(50);
    leave(7);
    expect(all.oldest).toBeUndefined();
    all.clear();
    push(1, both);
    expect(all.oldest?.sequence).toBe(60);
  });

  test('is found without asking about all receivers for each acknowledgement', () => {
    const { audience, push, acknowledge, looks } = marks(100);
    const ids = Array.from({ length: 1000 }, (_, i) => i);
    push(1, audience(...ids));
    for (const id of ids) acknowledge(id, 10);
    expect(looks()).toBeLessThan(5000);
  });
});

describe('of many marks', () => {
  test('those that are remembered are found by their sequence', () => {
    const { marks: all, push } = marks(100);
    push(1000);
    expect(all.first?.sequence).toBe(9010);
    expect([all.of(9010)?.sequence, all.of(9550)?.sequence, all.of(10_000)?.sequence]).toEqual([
      9010, 9550, 10_000,
    ]);
    for (const sequence of [0, 9000, 9011, 10_010]) expect(all.of(sequence)).toBeUndefined();
  });

  test('none is forgotten that somebody has not answered', () => {
    const { marks: all, audience, push, acknowledge } = marks(100);
    push(300, audience(7));
    expect([all.first?.sequence, all.oldest?.sequence]).toEqual([10, 10]);
    acknowledge(7, 1500);
    expect([all.first?.sequence, all.oldest?.sequence, all.of(1510)?.sequence]).toEqual([1510, 1510, 1510]);
    acknowledge(7, 3000);
    expect([all.first?.sequence, all.oldest]).toEqual([2010, undefined]);
  });
});
