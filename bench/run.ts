/**
 * `npm run bench`: what Demitter costs, beside what one would use instead, measured in the same run.
 *
 * Every scenario is measured with every peer, in turn, for some rounds; the table shows medians. Publisher, server
 * and subscriber are processes of their own, on loopback.
 *
 *   --quick            two rounds of fewer events
 *   --rounds N, --events N, --round-trips N
 *   --only TEXT        scenarios whose title contains TEXT
 *   --peer TEXT        peers whose name contains TEXT
 *   --cpu-prof DIR     CPU profiles of publisher and subscriber (summarise them with bench/profile.ts)
 */
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { LIMIT_MS, type Measurement, measure, QUIET_MS } from './measure.js';
import { PEERS } from './peers/index.js';
import { FULL, QUICK, SCENARIOS, type Size } from './scenarios.js';
import { formatFaults, formatTable } from './table.js';

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
const size: Size = {
  rounds: countOf('rounds', values.rounds, preset.rounds),
  events: countOf('events', values.events, preset.events),
  roundTrips: countOf('round-trips', values['round-trips'], preset.roundTrips),
};
const loadBefore = loadavg()[0] ?? 0;
const profile = values['cpu-prof'];
const execArgv = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
const chosen = PEERS.filter(({ name }) => name.includes(values.peer));
const peers = chosen.filter((peer) => peer.missing?.() === undefined);
const skipped = chosen.flatMap((peer) => {
  const reason = peer.missing?.();
  return reason === undefined ? [] : [`${peer.name}: ${reason}`];
});
const rows = SCENARIOS.filter(({ title }) => title.includes(values.only)).map((scenario) => ({
  scenario,
  results: new Map(peers.map(({ name }) => [name, [] as Measurement[]])),
}));

for (let round = 1; round <= size.rounds; round += 1) {
  // The order alternates, so that what drifts on the machine favours nobody.
  const order = round % 2 === 1 ? peers : peers.toReversed();
  for (const { scenario, results } of rows) {
    for (const peer of order) {
      progress(`round ${round} of ${size.rounds}: ${scenario.title}, ${peer.name}`);
      results.get(peer.name)?.push(await measure(peer, scenario, size, execArgv));
    }
  }
}
progress('');

const processors = cpus();
console.log(`
${processors.length} × ${processors[0]?.model.trim()}, Node ${process.version}, ${process.platform} ${process.arch}; \
load average before the run ${loadBefore.toFixed(1)}
publisher, server and subscriber on loopback, events of ~135 bytes; medians of ${size.rounds} rounds of \
${size.events.toLocaleString('en')} events or ${size.roundTrips.toLocaleString('en')} round trips

${formatTable(rows)}

events/s  at the subscriber, from the first event to the last that arrived
ratio     ours to theirs: of events/s, where more is better, or of the p50, where less is
lost      what had not arrived when nothing came for ${QUIET_MS / 1000} s; "stalled" if not sent within ${LIMIT_MS / 1000} s
CPU       seconds per million events sent (publisher) and received (subscriber), or round trips
${skipped.map((line) => `\nSKIPPED: ${line}`).join('')}${formatFaults(rows)
  .map((fault) => `\nFAULT: ${fault}`)
  .join('')}`);

function countOf(option: string, text: string | undefined, preset: number): number {
  const count = text === undefined ? preset : Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new RangeError(`Expected --${option} to be a whole number from 1, got '${text}'`);
}

/** On a terminal, one line that overwrites itself. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}
