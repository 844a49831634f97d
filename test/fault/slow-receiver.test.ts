/**
 * A receiver that is far slower than the others costs them nothing, and is told exactly what it missed.
 *
 * What nine receivers get while a slow tenth is there is compared with what they get without it, in turns, so that
 * both are measured on the same machine in the same mood.
 */
import { expect, test } from 'vitest';
import { byForm, tellFigures } from '../support/fault-form.js';
import { type FaultEmitter, type FaultPeer, proveSettled } from '../support/fault-peer.js';
import type { Publication } from '../support/fault-record.mjs';
import { FaultStage, rotation } from '../support/fault-stage.js';
import { summary, type Verdict } from '../support/oracle.js';
import { MIB } from '../support/process-memory.js';

const FORMS = {
  // The slow one quickens after the load, so that the test need not wait for it. The one pause of 500 ms that it costs
  // weighs more than in the long form.
  short: { pairs: 1, durationMs: 1500, slowMs: 2000, minRatio: 0.7 },
  long: { pairs: 4, durationMs: 20_000, slowMs: 600_000, minRatio: 0.95 },
};

const NAMES = rotation(4);
const EVENTS_PER_SECOND = 20_000;
const FAST = 9;
/** 1,000 events per second. */
const SLOW_WORK = { minMs: 1, maxMs: 1 };
/** The slow one misses some, and need not replay for minutes. */
const OPTIONS = { historyBytes: MIB, historyAge: 5000 };
/** It may be at work on what it got in one piece. */
const QUIET_MS = 30_000;

/** The load of one round; resolves with the events that each of `fast` got per second. */
async function round(
  publisher: FaultEmitter,
  fast: readonly FaultEmitter[],
  durationMs: number,
): Promise<number> {
  const progress = async () => {
    const counts = await Promise.all(fast.map((emitter) => emitter.progress()));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  const before = await progress();
  const { ms } = await publisher.load({ names: NAMES, durationMs, manner: { rate: EVENTS_PER_SECOND } });
  return (((await progress()) - before) / fast.length / ms) * 1000;
}

test('a receiver that takes 1,000 of 20,000 events per second', async () => {
  const { pairs, durationMs, slowMs, minRatio } = byForm(FORMS);
  await using stage = await FaultStage.start();
  const publisherProcess: FaultPeer = await stage.peer();
  const slowProcess: FaultPeer = await stage.peer();
  const fast = await stage.emitters('fast', FAST, { perProcess: 3, listensTo: NAMES });
  const rates = { without: [] as number[], with: [] as number[] };
  const gone: Publication[] = [];
  const verdicts: Verdict[] = [];
  for (let i = 0; i < 2 * pairs; i += 1) {
    // A publisher for each round: who was not there for an earlier one missed nothing of it.
    const publisher = await stage.emitter(publisherProcess, `publisher ${i}`, { options: OPTIONS });
    if (i % 2 === 0) rates.without.push(await round(publisher, fast, durationMs));
    else {
      const slow = await stage.emitter(slowProcess, `slow ${i}`, { listensTo: NAMES });
      await slow.work({ ...SLOW_WORK, durationMs: slowMs });
      rates.with.push(await round(publisher, fast, durationMs));
      verdicts.push(await proveSettled([publisher], [slow], { told: 'exact', quietMs: QUIET_MS }));
      await slow.leave();
    }
    const publication = await publisher.publication();
    await Promise.all(fast.map((emitter) => emitter.settled([publication])));
    gone.push(publication);
    await publisher.leave();
  }
  const ofFast = await proveSettled([], fast, { told: 'none', gone });
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const ratio = mean(rates.with) / mean(rates.without);
  tellFigures('one of ten receivers takes 1,000 of 20,000 events per second', {
    rounds: pairs,
    'the other nine': summary(ofFast),
    'events per second of each without it / with it': `${Math.round(mean(rates.without))} / ${Math.round(mean(rates.with))}`,
    ratio: ratio.toFixed(3),
    'the slow one': verdicts.map(summary).join('; '),
  });
  expect(ratio).toBeGreaterThanOrEqual(minRatio);
});
