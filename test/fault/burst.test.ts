/**
 * Bursts: very many events that nobody awaits, in one turn of the event loop, or with a turn after every 1,000. What
 * the buffer has no room for is refused and told with the exact count; everything else arrives; and when the burst is over,
 * its memory is given back but for the history.
 */
import { expect, test } from 'vitest';
import { byForm, tellFigures } from '../support/fault-form.js';
import { type Load, proveSettled } from '../support/fault-peer.js';
import { FaultStage } from '../support/fault-stage.js';
import { summary } from '../support/oracle.js';
import { MIB, peakResidentBytes, toMib } from '../support/process-memory.js';

const EVENTS = { short: 200_000, long: 1_000_000 };
/** In one turn of the loop they are more than the default buffer holds. */
const EVENT_BYTES = 100;

/** The defaults; in the short form they shrink with the burst. */
const DEFAULT_LIMITS = {
  short: { maxBufferBytes: 13 * MIB, maxEventBytes: MIB, historyBytes: 26 * MIB },
  long: { maxBufferBytes: 64 * MIB, historyBytes: 128 * MIB },
};
const AMPLE_LIMITS = {
  short: { ...DEFAULT_LIMITS.short, maxBufferBytes: 103 * MIB },
  long: { ...DEFAULT_LIMITS.long, maxBufferBytes: 512 * MIB },
};

/** What the heap of a process that did nothing may grow by: compiled code, pools. */
const MEMORY_SLACK = 24 * MIB;

interface Case {
  readonly title: string;
  readonly manner: Load['manner'];
  readonly subscribers: number;
  readonly limits: typeof DEFAULT_LIMITS;
  /** Whether the buffer must refuse some of them, or none; undefined if that depends on the machine. */
  readonly refuses?: boolean;
}

const CASES: readonly Case[] = [
  { title: 'one turn, 1 → 1', manner: 'one turn', subscribers: 1, limits: DEFAULT_LIMITS, refuses: true },
  { title: 'one turn, 1 → 4', manner: 'one turn', subscribers: 4, limits: DEFAULT_LIMITS, refuses: true },
  {
    title: 'one turn, 1 → 1, maxBufferBytes 512 MiB',
    manner: 'one turn',
    subscribers: 1,
    limits: AMPLE_LIMITS,
    refuses: false,
  },
  {
    title: 'chunks of 1,000, 1 → 1',
    manner: { chunk: 1000 },
    subscribers: 1,
    limits: DEFAULT_LIMITS,
    refuses: false,
  },
  { title: 'chunks of 1,000, 1 → 4', manner: { chunk: 1000 }, subscribers: 4, limits: DEFAULT_LIMITS },
];

test.each(CASES)('burst: $title', async ({ title, manner, subscribers: count, limits, refuses }) => {
  const events = byForm(EVENTS);
  const options = byForm(limits);
  const names = ['burst'];
  await using stage = await FaultStage.start();
  const publisher = await stage.one('publisher', { options });
  const subscribers = await stage.emitters('subscriber', count, { options, listensTo: names });
  const before = await publisher.peer.memory();
  const { ms } = await publisher.load({ names, count: events, bytes: EVENT_BYTES, manner });
  const verdict = await proveSettled([publisher], subscribers, { told: 'none' });
  const after = await publisher.peer.memory();
  const held = after.heapUsed + after.external - before.heapUsed - before.external;
  const { errorCounts } = await publisher.journal();
  const overflows = errorCounts.overflow ?? 0;
  tellFigures(`burst of ${events}: ${title}`, {
    events: summary(verdict),
    'overflow errors': overflows,
    'emitted within': `${Math.round(ms)} ms`,
    "publisher's peak": `${toMib(await peakResidentBytes(publisher.peer.process.pid))} MiB`,
    'still held': `${toMib(held)} MiB`,
  });
  const turns = manner === 'one turn' ? 1 : events / 1000;
  expect(overflows).toBeLessThanOrEqual(turns);
  if (refuses !== undefined) expect(verdict.refused > 0).toBe(refuses);
  expect(Object.keys(errorCounts)).toEqual(overflows > 0 ? ['overflow'] : []);
  expect(held).toBeLessThan(options.historyBytes + MEMORY_SLACK);
});
