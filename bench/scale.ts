/**
 * `npm run bench:scale`: how the cost of an event grows with the number of names and of idle emitters, and what an
 * idle emitter costs by itself.
 *
 * The measure is CPU time of a process (all of its threads) per event that goes through it, not the rate: a machine
 * that is busy otherwise changes it little. Publisher, forwarder and subscriber are processes of their own, on
 * loopback. The numbers are measured one after another, up in one round and down in the next; shown are medians.
 *
 *   --quick            one round of less, at fewer numbers
 *   --rounds N
 *   --only TEXT        parts whose title contains TEXT: 'names in runs', 'names in rotation', 'idle emitters', 'memory'
 *   --at N,N           only these numbers of names, or of idle emitters
 *   --svg FILE         draws it, too
 *   --cpu-prof DIR     CPU profiles of publisher and subscriber (summarise them with bench/profile.ts)
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { type Effort, measureIdle, measureMemory, measureNames } from './scale/measure.js';
import { FULL_BATCH } from './scale/names.js';
import { plot } from './scale/plot.js';
import {
  type Curve,
  count,
  curvesOf,
  IDLE_TITLE,
  idleCurve,
  type Results,
  verdictsOf,
} from './scale/results.js';
import { curveTable, idleTable, memoryTable } from './scale/tables.js';

/** Two names or more, in rotation, make batches of one event: one name is no point of that curve. */
const IN_RUNS = { title: 'names in runs', numbers: [1, 10, 100, 1000, 10_000], run: FULL_BATCH };
const IN_ROTATION = { title: 'names in rotation', numbers: [10, 100, 1000, 10_000], run: 1 };
const IDLE_NUMBERS = [2, 10, 50, 100, 250, 500];

interface Size extends Effort {
  readonly rounds: number;
  /** Only every other number of names, and of idle emitters. */
  readonly isCoarse: boolean;
  /** Of names in runs, and with idle emitters. */
  readonly events: number;
  /** Of names in rotation, where each costs more. */
  readonly eventsInRotation: number;
}

const FULL: Size = {
  rounds: 5,
  isCoarse: false,
  events: 1_500_000,
  eventsInRotation: 750_000,
  warmUp: 400_000,
  backgroundMs: 3000,
  pacedMs: 3000,
  memoryEmitters: 500,
  execArgv: [],
};
const QUICK: Size = {
  ...FULL,
  rounds: 1,
  isCoarse: true,
  events: 300_000,
  eventsInRotation: 150_000,
  warmUp: 150_000,
  backgroundMs: 500,
  pacedMs: 500,
  memoryEmitters: 200,
};

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    only: { type: 'string', default: '' },
    at: { type: 'string' },
    svg: { type: 'string' },
    'cpu-prof': { type: 'string' },
  },
});
const preset = values.quick ? QUICK : FULL;
const profile = values['cpu-prof'];
const size: Size = {
  ...preset,
  rounds: values.rounds === undefined ? preset.rounds : numberOf('rounds', values.rounds),
  execArgv: profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`],
};
const only = values.at?.split(',').map((text) => numberOf('at', text));
const loadBefore = loadavg()[0] ?? 0;

const curves = [IN_RUNS, IN_ROTATION].filter(({ title }) => isWanted(title)).map(emptyCurve);
const results: Results = {
  names: curves.map(({ curve }) => curve),
  idle: isWanted(IDLE_TITLE) ? wanted(IDLE_NUMBERS).map((at) => ({ at, rounds: [] })) : [],
  memory: [],
};
for (let round = 1; round <= size.rounds; round += 1) await measureAll(round);
progress('');

const processors = cpus();
const machine = `${processors.length} × ${processors[0]?.model.trim()}, Node ${process.version}, ${process.platform} ${process.arch}`;
console.log(`
${machine}; load average before the run ${loadBefore.toFixed(1)}
CPU microseconds per event in publisher, subscriber and forwarder; medians of ${size.rounds} rounds
${sections().join('\n\n')}

${curvesOf(results).flatMap(verdictsOf).join('\n')}`);
if (values.svg !== undefined) {
  mkdirSync(dirname(values.svg), { recursive: true });
  writeFileSync(values.svg, plot(curvesOf(results), `${machine}; medians of ${size.rounds} rounds`));
}

async function measureAll(round: number): Promise<void> {
  // What drifts on the machine is to favour no number.
  const inTurn = <T>(points: readonly T[]): readonly T[] => (round % 2 === 1 ? points : points.toReversed());
  const say = (part: string, at: number): void =>
    progress(`round ${round} of ${size.rounds}: ${count(at)} ${part}`);
  for (const { curve, run } of curves) {
    for (const { at, rounds } of inTurn(curve.points)) {
      say(curve.title, at);
      const events = run === 1 ? size.eventsInRotation : size.events;
      rounds.push(await measureNames({ names: at, run, events }, size));
    }
  }
  for (const { at, rounds } of inTurn(results.idle)) {
    say(IDLE_TITLE, at);
    rounds.push(await measureIdle(at, size.events, size));
  }
  if (!isWanted('memory')) return;
  say('emitters in memory', size.memoryEmitters);
  results.memory.push(await measureMemory(size));
}

/** What the tables say, and how to read them. */
function sections(): string[] {
  const texts = curves.map(({ curve, run }) => {
    const how =
      run === 1
        ? 'each event has another name than the one before it, and so travels in a batch of its own'
        : `${run} events in a row have the same name, which is one full batch; then comes the next name`;
    return `\n${curve.title}: ${how}\n${curveTable(curve)}`;
  });
  if (results.idle.length > 0) {
    texts.push(`
${IDLE_TITLE}: each listens to a name of its own; another one is emitted, as fast as it goes; without what is used anyway
${curveTable(idleCurve(results.idle, 'flood'))}

${IDLE_TITLE}: the same, with what is used anyway, which the idle ones cost whether there are events or not
${curveTable(idleCurve(results.idle, 'gross'))}

${IDLE_TITLE}: what is used anyway, in CPU per second without events; and CPU per event at 10,000 events a second, beyond that
${idleTable(results.idle)}`);
  }
  if (results.memory.length > 0) {
    texts.push(`
memory per idle emitter, of ${count(size.memoryEmitters)}
${memoryTable(results.memory)}`);
  }
  return texts;
}

function emptyCurve({ title, numbers, run }: typeof IN_RUNS): { curve: Curve; run: number } {
  return { curve: { title, points: wanted(numbers).map((at) => ({ at, rounds: [] })) }, run };
}

function isWanted(title: string): boolean {
  return title.includes(values.only);
}

function wanted(numbers: readonly number[]): readonly number[] {
  return (
    only ??
    (size.isCoarse
      ? numbers.filter((_, index) => (numbers.length - 1 - index) % 2 === 0 || index === 0)
      : numbers)
  );
}

function numberOf(option: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new RangeError(`Expected --${option} to be a whole number from 1, got '${text}'`);
}

/** On a terminal, one line that overwrites itself. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}
