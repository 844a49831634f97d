/**
 * `npm run bench`: what Demitter costs, beside what one would use instead, measured in the same run.
 *
 * Every scenario is measured with every peer, in turn, for some rounds; the table shows medians. Publishers, server
 * and subscribers are processes of their own, on loopback.
 *
 *   --quick            one round of less, with those peers only for which there is a goal
 *   --rounds N, --events N, --round-trips N
 *   --only TEXT        scenarios whose title contains TEXT
 *   --peer TEXT        peers whose name contains TEXT
 *   --cpu-prof DIR     CPU profiles of publishers and subscribers (summarise them with bench/profile.ts)
 */
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { FULL, FULL_ROUNDS, QUICK, QUICK_ROUNDS } from './effort.js';
import { QUIET_MS } from './measure/cast.js';
import type { Row } from './report/row.js';
import { formatRemarks, formatTable } from './report/table.js';
import type { Contestant, Effort, Measurement, Scenario } from './scenario.js';
import { loadScenarios } from './scenarios.js';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    events: { type: 'string' },
    'round-trips': { type: 'string' },
    only: { type: 'string', default: '' },
    peer: { type: 'string', default: '' },
    'cpu-prof': { type: 'string' },
  },
});

const preset = values.quick ? QUICK : FULL;
const rounds = countOf('rounds', values.rounds, values.quick ? QUICK_ROUNDS : FULL_ROUNDS);
const profile = values['cpu-prof'];
const effort: Effort = {
  ...preset,
  events: countOf('events', values.events, preset.events),
  roundTrips: countOf('round-trips', values['round-trips'], preset.roundTrips),
  execArgv: profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`],
};

const loadBefore = loadavg()[0] ?? 0;
const scenarios = await loadScenarios();
const rows: Row[] = scenarios
  .filter(({ title }) => title.includes(values.only))
  .map((scenario) => ({
    scenario,
    entries: scenario.contestants
      .filter((contestant) => isChosen(scenario, contestant))
      .map((contestant) => ({ contestant, skipped: contestant.missing?.(), measurements: [] })),
  }));

for (let round = 1; round <= rounds; round += 1) {
  for (const { scenario, entries } of rows) {
    // The order alternates, so that what drifts on the machine favours nobody.
    for (const entry of round % 2 === 1 ? entries : entries.toReversed()) {
      const { contestant, skipped, measurements } = entry;
      if (skipped !== undefined) continue;
      progress(`round ${round} of ${rounds}: ${scenario.title}, ${contestant.name}`);
      measurements.push(await measure(contestant));
    }
  }
}
progress('');

const processors = cpus();
console.log(`
${processors.length} × ${processors[0]?.model.trim()}, Node ${process.version}, ${process.platform} ${process.arch}; \
load average before the run ${loadBefore.toFixed(1)}
each process on its own, on loopback; events are objects of ~135 bytes unless a size is given; medians of \
${rounds} ${rounds === 1 ? 'round' : 'rounds'} of ${effort.events.toLocaleString('en')} events or \
${effort.roundTrips.toLocaleString('en')} round trips

${formatTable(rows)}

result    events/s at all subscribers together, from the first event to the last that arrived; if they listen to one
          of the names, the events that were emitted meanwhile. In one process: as emitted, with the peak of memory.
          Of requests with 1,000 in flight: answers/s
ratio     ours to theirs: of events/s more is better, of everything else less
lost      what had not arrived when nothing came for ${QUIET_MS / 1000} s, and in the worst round
CPU       seconds per million events sent (publisher) and received (subscriber), round trips or requests; if the subscriber
          listens to one of the names, per million sent for both

${formatRemarks(rows).join('\n')}`);

/** Quickly, only those that decide whether a goal is met, and ours. */
function isChosen({ contestants, goals }: Scenario, contestant: Contestant): boolean {
  if (!contestant.name.includes(values.peer)) return false;
  if (!values.quick || values.peer !== '' || contestant === contestants[0]) return true;
  return goals.some(({ to }) => to === contestant.name);
}

/** One that fails is shown as such, and the others go on. */
async function measure(contestant: Contestant): Promise<Measurement> {
  try {
    return await contestant.measure(effort);
  } catch (error) {
    return { figures: {}, failure: error instanceof Error ? error.message : String(error) };
  }
}

function countOf(option: string, text: string | undefined, preset: number): number {
  const count = text === undefined ? preset : Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new RangeError(`Expected --${option} to be a whole number from 1, got '${text}'`);
}

/** On a terminal, one line that overwrites itself. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}
