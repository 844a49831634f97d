/** What became of the sale, by the word of everybody who followed it, and whether they agree. */
import { isDeepStrictEqual } from 'node:util';
import type { Result } from '../knowledge.js';
import { Latencies, type LatencyFigures } from '../latency.js';
import type { Options } from '../options.js';
import type { Settings } from '../protocol.js';
import { formatCents } from '../sale/money.js';
import type { Child } from './child.js';
import type { Fault } from './faults.js';
import type { Belief } from './messages.js';

const MIB = 2 ** 20;

export interface Summary {
  readonly agreed: boolean;
  /** Why there is no agreement, or no end. */
  readonly failure: string | undefined;
  readonly settings: Settings;
  readonly results: readonly Result[];
  readonly volumeCents: number;
  readonly bids: number;
  /** Accepted or refused. */
  readonly decidedPerSecond: number;
  readonly refused: Readonly<Record<string, number>>;
  /** From the controller's emit to the listeners of everybody. */
  readonly latency: LatencyFigures;
  /** Events that somebody was told to have missed. */
  readonly losses: number;
  /** Times that somebody was told of an error, a lost link for instance. */
  readonly errors: number;
  readonly faults: readonly Fault[];
  /** Whether the controller took up a sale that another one had begun. */
  readonly resumed: boolean;
  readonly witnesses: readonly Witnessed[];
}

interface Witnessed {
  readonly name: string;
  readonly role: string;
  readonly results: readonly Result[];
  readonly rssMib: number;
}

export interface Outcome {
  readonly options: Options;
  readonly beliefs: ReadonlyMap<Child, Belief>;
  readonly faults: readonly Fault[];
  readonly resumed: boolean;
  readonly failure: string | undefined;
}

export function summarize({ options, beliefs, faults, resumed, failure }: Outcome): Summary {
  const all = [...beliefs.values()];
  const [first] = all;
  const results = first?.results ?? [];
  const odd = [...beliefs].filter(([, belief]) => !isDeepStrictEqual(belief.results, results));
  const disagreement =
    odd.length > 0 ? `not all agree: ${odd.map(([{ name }]) => name).join(', ')}` : undefined;
  const latencies = new Latencies();
  for (const belief of all) latencies.addAll(belief.latencies);
  const { settings } = options;
  const bids = first?.bids ?? 0;
  const refused = first?.refused ?? {};
  const refusedInAll = sum(Object.values(refused), (count) => count);
  return {
    agreed: failure === undefined && disagreement === undefined,
    failure: failure ?? disagreement,
    settings,
    results,
    volumeCents: results.reduce((sum, { cents }) => sum + cents, 0),
    bids,
    decidedPerSecond: Math.round(((bids + refusedInAll) * 1000) / (first?.spanMs ?? 1)),
    refused,
    latency: latencies.figures(),
    losses: sum(all, ({ losses }) => losses),
    errors: sum(all, ({ errors }) => errors),
    faults,
    resumed,
    witnesses: [...beliefs].map(([{ name, role }, belief]) => ({
      name,
      role,
      results: belief.results,
      rssMib: Math.round(belief.rssBytes / MIB),
    })),
  };
}

export function printSummary(summary: Summary): void {
  const { agreed, failure, results, bids, refused, latency, losses, errors, faults, witnesses } = summary;
  console.log();
  for (const { lot, title, winner, cents } of results)
    console.log(
      `lot ${lot.padEnd(3)} ${title.padEnd(24)} ${formatCents(cents).padStart(12)}  ${winner ?? 'not sold'}`,
    );
  console.log();
  for (const { killed, open } of faults) console.log(`killed     ${killed}, with ${open} auctions open`);
  const refusals = Object.entries(refused).filter(([, count]) => count > 0);
  console.log(`volume     ${formatCents(summary.volumeCents)}`);
  console.log(`accepted   ${bids} bids; ${summary.decidedPerSecond} decided a second`);
  console.log(`refused    ${refusals.map(([reason, count]) => `${count} ${reason}`).join(', ') || 'none'}`);
  console.log(
    `latency    p50 ${latency.p50Ms.toFixed(2)} ms, p99 ${latency.p99Ms.toFixed(2)} ms, of ${latency.count} states`,
  );
  console.log(`losses     ${losses}; errors told ${errors}`);
  const memory = witnesses.map(({ role, rssMib }) => `${role} ${rssMib}`);
  console.log(`witnesses  ${witnesses.length}, with ${memory.join(', ')} MiB`);
  console.log();
  console.log(agreed ? 'Everybody agrees on every winner and every price.' : `FAILED: ${failure}`);
}

function sum<Item>(items: readonly Item[], value: (item: Item) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
