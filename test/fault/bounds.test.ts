/**
 * Receivers remember something of every publisher and name. Tens of thousands of names of several publishers, and
 * hundreds of publishers, are within the bounds: everything comes, in order, and a pair costs a stated amount.
 */
import { expect, test } from 'vitest';
import { isLong, tellFigures } from '../support/fault-form.js';
import { type FaultEmitter, proveSettled } from '../support/fault-peer.js';
import { FaultStage, rotation } from '../support/fault-stage.js';
import { summary } from '../support/oracle.js';

interface Case {
  readonly title: string;
  readonly publishers: number;
  readonly processes: number;
  readonly names: number;
  /** Of each name. */
  readonly events: number;
  readonly short: boolean;
}

const CASES: readonly Case[] = [
  { title: 'many names', publishers: 2, processes: 2, names: 5000, events: 2, short: true },
  { title: 'many publishers', publishers: 100, processes: 2, names: 3, events: 20, short: true },
  { title: 'very many names', publishers: 5, processes: 5, names: 30_000, events: 3, short: false },
  { title: 'very many publishers', publishers: 500, processes: 4, names: 3, events: 200, short: false },
];

/** Of one subscriber, for a pair of publisher and name. */
const MAX_PAIR_BYTES = 1024;
const QUIET_MS = 20_000;

async function heapOf({ peer }: FaultEmitter): Promise<number> {
  const { heapUsed, external } = await peer.memory();
  return heapUsed + external;
}

for (const { title, publishers: count, processes, names: nameCount, events, short } of CASES) {
  if (short === isLong) continue;
  test(`bounds: ${title}`, async () => {
    const names = rotation(nameCount);
    await using stage = await FaultStage.start();
    const publishers = await stage.emitters('publisher', count, { perProcess: Math.ceil(count / processes) });
    const subscriber = await stage.one('subscriber', { listensTo: 'all' });
    const emitOf = (times: number) => {
      const load = { names, count: times * nameCount, manner: 'awaited' } as const;
      return Promise.all(publishers.map((publisher) => publisher.load(load)));
    };
    const before = await heapOf(subscriber);
    await emitOf(events);
    const verdict = await proveSettled(publishers, [subscriber], { told: 'none', quietMs: QUIET_MS });
    await subscriber.forgetReceived();
    const pairs = count * nameCount;
    const pairBytes = ((await heapOf(subscriber)) - before) / pairs;
    tellFigures(`${count} publishers of ${nameCount} names, one subscriber to all`, {
      events: summary(verdict),
      'held of a pair of publisher and name': `${Math.round(pairBytes)} B`,
    });
    // Of few pairs, what is measured is everything else.
    if (nameCount > 1000) expect(pairBytes).toBeLessThan(MAX_PAIR_BYTES);
  });
}
