/**
 * Floods: full speed for as long as the test lasts. Receivers of about the publisher's own speed pace it, so that
 * they lose nothing, are told nothing, and memory stays flat, with default options.
 * Whoever awaits `emit` is made to wait, and a loop that does not is braked at the end of each turn.
 */
import { setTimeout as lasting } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { byForm, isLong, tellFigures } from '../support/fault-form.js';
import { type FaultEmitter, type Load, proveSettled } from '../support/fault-peer.js';
import { FaultStage, rotation } from '../support/fault-stage.js';
import { summary } from '../support/oracle.js';
import { MIB, ResidentWatch, toMib } from '../support/process-memory.js';

const ONE_NAME = ['flood'];
const TEN_NAMES = rotation(10);
const IN_CHUNKS = { chunk: 1000 };

interface Flood {
  readonly title: string;
  readonly publishers: number;
  readonly subscribers: number;
  readonly names: readonly string[];
  readonly manner: Load['manner'];
  /** Whether the short form has it. */
  readonly short: boolean;
}

const FLOODS: readonly Flood[] = [
  { publishers: 1, subscribers: 1 },
  { publishers: 1, subscribers: 4 },
  { publishers: 4, subscribers: 1 },
].flatMap((shape) =>
  [ONE_NAME, TEN_NAMES].flatMap((names) =>
    [IN_CHUNKS, 'awaited' as const].map((manner) => {
      const isAwaited = manner === 'awaited';
      const { publishers, subscribers } = shape;
      const many = names.length > 1;
      return {
        ...shape,
        names,
        manner,
        title: `${publishers} → ${subscribers}, ${many ? 'ten names' : 'one name'}, ${isAwaited ? 'awaited' : 'in chunks'}`,
        // Every manner, every count of names and every shape once at least.
        short: publishers + subscribers === 2 ? isAwaited === many : !isAwaited && many,
      };
    }),
  ),
);

const DURATION_MS = { short: 1200, long: 60_000 };
const SAMPLE_MS = 250;
/** Of a long flood: the buffers and the history have filled by then. */
const AFTER_WARM_UP = 0.5;
/** Collections come and go. */
const MAX_GROWTH = 48 * MIB;

/** What a process may need at most: buffer and history, what waits as small batches several times over, and Node. */
const MAX_RESIDENT = 1024 * MIB;

for (const { title, publishers: from, subscribers: to, names, manner, short } of FLOODS) {
  if (!short && !isLong) continue;
  test(`flood: ${title}`, async () => {
    const durationMs = byForm(DURATION_MS);
    await using stage = await FaultStage.start();
    const publishers = await stage.emitters('publisher', from);
    const subscribers = await stage.emitters('subscriber', to, { listensTo: names });
    const pids = [...publishers, ...subscribers].map(({ peer }) => peer.process.pid);
    const watch = new ResidentWatch([...pids, stage.forwarder.pid], SAMPLE_MS);
    await Promise.all(publishers.map((publisher) => publisher.load({ names, durationMs, manner })));
    await watch.stop();
    const verdict = await proveSettled(publishers, subscribers, { told: 'none' });
    const trends = [...watch.trends.values()];
    const growths = trends.map((trend) => (trend.slope(AFTER_WARM_UP) * durationMs * AFTER_WARM_UP) / 1000);
    const peak = Math.max(...trends.map(({ max }) => max));
    tellFigures(`flood: ${title}`, {
      seconds: durationMs / 1000,
      events: summary(verdict),
      'per second and subscriber': Math.round((verdict.delivered / to / durationMs) * 1000),
      'largest process': `${toMib(peak)} MiB`,
      'growth in the second half': `${toMib(Math.max(...growths))} MiB`,
    });
    expect(await errorsOf([...publishers, ...subscribers])).toEqual([]);
    expect(peak).toBeLessThan(MAX_RESIDENT);
    if (isLong) expect(Math.max(...growths)).toBeLessThan(MAX_GROWTH);
  });
}

const SELECTIVE_MS = { short: 800, long: 20_000 };
/** What its listener does for each event: enough to be slower than the flood's share for it would be. */
const WORK = { minMs: 0.008, maxMs: 0.015 };

for (const { names: count, short } of [
  { names: 2, short: false },
  { names: 4, short: true },
  { names: 10, short: false },
]) {
  if (!short && !isLong) continue;
  const title = `a listener to one of ${count} names in rotation paces them all`;
  test(title, async () => {
    const names = rotation(count);
    await using stage = await FaultStage.start();
    const publisher = await stage.one('publisher');
    const subscriber = await stage.one('subscriber', { listensTo: names.slice(0, 1) });
    await subscriber.work(WORK);
    await publisher.load({ names, durationMs: byForm(SELECTIVE_MS), manner: 'awaited' });
    const verdict = await proveSettled([publisher], [subscriber], { told: 'none' });
    tellFigures(title, { events: summary(verdict) });
    expect(await errorsOf([publisher, subscriber])).toEqual([]);
  });
}

const LEAVING = {
  short: { flowMs: 600, leavers: 1 },
  long: { flowMs: 5000, leavers: 5 },
};
/** One that left is waited for once, for at most 500 ms; the rest is for a busy machine. */
const MAX_PAUSE_MS = 500 + 1000;

test('who leaves in the middle of a flood of 1,000 names costs the others one pause', async () => {
  const { flowMs, leavers } = byForm(LEAVING);
  const names = rotation(1000);
  await using stage = await FaultStage.start();
  const publisher = await stage.one('publisher');
  const stayer = await stage.one('stayer', { listensTo: names });
  const leaving = await stage.emitters('leaver', leavers, { listensTo: names });
  const load = publisher.load({ names, manner: 'awaited' });
  const pauses: number[] = [];
  await lasting(flowMs);
  for (const leaver of leaving) {
    await stayer.startPauses();
    await leaver.leave();
    await lasting(flowMs);
    pauses.push(await stayer.longestPause());
  }
  await publisher.stopLoad();
  await load;
  const verdict = await proveSettled([publisher], [stayer], { told: 'none' });
  tellFigures('a subscriber leaves in the middle of a flood of 1,000 names', {
    leavers,
    events: summary(verdict),
    'longest pause of each': `${pauses.map(Math.round).join(', ')} ms`,
  });
  expect(await errorsOf([publisher, stayer])).toEqual([]);
  expect(Math.max(...pauses)).toBeLessThan(MAX_PAUSE_MS);
});

async function errorsOf(emitters: readonly FaultEmitter[]) {
  const journals = await Promise.all(emitters.map((emitter) => emitter.journal()));
  return journals.flatMap(({ errors }) => errors.slice(0, 3));
}
