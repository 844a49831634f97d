/**
 * A receiver that stops reading (SIGSTOP): the others notice nothing, the forwarder keeps a bounded amount for it, and
 * when it wakes it gets what is left and is told what is not.
 */
import { setTimeout as lasting } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { byForm, isLong, tellFigures } from '../support/fault-form.js';
import { type FaultEmitter, proveSettled } from '../support/fault-peer.js';
import { FaultStage, rotation } from '../support/fault-stage.js';
import { summary } from '../support/oracle.js';
import { MIB, ResidentWatch, residentBytes, toMib } from '../support/process-memory.js';

/** Events of about the batch size, for which the forwarder's limit is stated. */
const EVENT_BYTES = 4000;
const FORMS = {
  short: { eventsPerSecond: 1250, beforeMs: 700, stallMs: 3000, historyBytes: 8 * MIB },
  long: { eventsPerSecond: 5000, beforeMs: 10_000, stallMs: 20_000, historyBytes: 128 * MIB },
};
const AFTERWARDS_MS = 500;

const NAMES = rotation(4);
const OTHERS = 9;
/** 16,384 messages, what libzmq needs for each, and what the allocator does not give back at once. */
const MAX_FORWARDER_GROWTH = 2 * 64 * MIB;
const SAMPLE_MS = 100;
/** At most doubled is the aim; in milliseconds, a machine that does other things as well may take so many. */
const MAX_P99_RATIO = 2;
const P99_SLACK_MS = isLong ? 20 : 200;

async function p99(emitters: readonly FaultEmitter[]): Promise<number> {
  const latencies = (await Promise.all(emitters.map((emitter) => emitter.latencies()))).flat();
  latencies.sort((a, b) => a - b);
  return latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN;
}

test('one of ten receivers stands still', async () => {
  const { eventsPerSecond, beforeMs, stallMs, historyBytes } = byForm(FORMS);
  await using stage = await FaultStage.start();
  const publisher = await stage.one('publisher', { options: { historyBytes } });
  const others = await stage.emitters('other', OTHERS, { perProcess: 3, listensTo: NAMES });
  const stalled = await stage.one('stalled', { listensTo: NAMES });
  const manner = { rate: eventsPerSecond };
  const load = publisher.load({ names: NAMES, bytes: EVENT_BYTES, stamped: true, manner });
  load.catch(() => {});
  // What runs for the first time takes long.
  await lasting(beforeMs / 2);
  await p99(others);
  await lasting(beforeMs);
  const p99Before = await p99(others);
  const { pid } = stage.forwarder;
  const residentBefore = await residentBytes(pid);
  const watch = new ResidentWatch([pid], SAMPLE_MS);
  stalled.peer.suspend();
  await lasting(stallMs);
  const p99During = await p99(others);
  await watch.stop();
  const growth = watch.of(pid).max - residentBefore;
  stalled.peer.resume();
  await lasting(AFTERWARDS_MS);
  await publisher.stopLoad();
  const { emitted, ms } = await load;
  const ofOthers = await proveSettled([publisher], others, { told: 'none' });
  const ofStalled = await proveSettled([publisher], [stalled], { told: 'exact' });
  tellFigures(`one of ten receivers stopped for ${stallMs / 1000} s`, {
    'MB per second': ((emitted * EVENT_BYTES) / ms / 1000).toFixed(1),
    'the other nine': summary(ofOthers),
    'their 99th percentile before / during': `${p99Before.toFixed(1)} / ${p99During.toFixed(1)} ms`,
    "the forwarder's growth": `${toMib(growth)} MiB`,
    'the stopped one': summary(ofStalled),
  });
  expect(growth).toBeLessThan(MAX_FORWARDER_GROWTH);
  expect(p99During).toBeLessThan(MAX_P99_RATIO * p99Before + P99_SLACK_MS);
});
