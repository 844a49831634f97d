/**
 * Half-open connections: one direction of one connection is dead, and nobody is told. Each emitter has two connections
 * with two directions, so there are four ways for it to be half cut off; all of them happen at once here, each to a
 * subscriber and to a publisher of its own.
 */
import { setTimeout as lasting } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Addresses, FaultCluster } from '../support/fault-cluster.js';
import { byForm, medianAndMax, tellFigures } from '../support/fault-form.js';
import { type FaultEmitter, monotonicMs } from '../support/fault-peer.js';
import type { Direction } from '../support/fault-pipe.js';
import { type FaultWay, FaultWays } from '../support/fault-way.js';
import { ForwarderProcess } from '../support/forwarder-process.js';
import { summary } from '../support/oracle.js';

const ROUNDS = { short: 1, long: 10 };

interface Silence {
  readonly connection: 'xsub' | 'xpub';
  readonly direction: Direction;
}

const SILENCES: readonly Silence[] = [
  { connection: 'xsub', direction: 'toTarget' },
  { connection: 'xsub', direction: 'toClient' },
  { connection: 'xpub', direction: 'toTarget' },
  { connection: 'xpub', direction: 'toClient' },
];

const EVENTS_PER_SECOND = 1000;
const MAX_NOTICE_MS = 3000;
/** For timers that are late on a busy machine. */
const GRACE_MS = 500;
const MAX_RETURN_MS = 10_000;
/** Between two rounds. */
const FLOW_MS = 500;

/** What one emitter noticed of one outage. */
interface Outage {
  readonly who: string;
  /** Milliseconds; or why there is no such time. */
  readonly noticed: number | string;
  readonly returned: number | string;
  readonly networkErrors: number;
}

const problem = (error: unknown) => (error as Error).message;

async function silence(
  emitter: FaultEmitter,
  way: FaultWay,
  { connection, direction }: Silence,
): Promise<Outage> {
  const who = `${emitter.label}, ${connection} ${direction}`;
  const since = monotonicMs();
  way[connection].silence(direction);
  const noticed = await emitter
    .statusAfter('reconnecting', since, MAX_NOTICE_MS + GRACE_MS)
    .then(({ at }) => at - since, problem);
  const healed = monotonicMs();
  way[connection].heal();
  const returned =
    typeof noticed === 'string'
      ? 'was not away'
      : await emitter.statusAfter('ready', since, MAX_RETURN_MS).then(({ at }) => at - healed, problem);
  const { errors } = await emitter.journal();
  const networkErrors = errors.filter(({ type, at }) => type === 'network' && at >= since).length;
  return { who, noticed, returned, networkErrors };
}

test('one direction dead: noticed, told once, dialled again, nothing lost', async () => {
  const rounds = byForm(ROUNDS);
  await using forwarder = await ForwarderProcess.start();
  await using ofPublishers = await FaultWays.to(forwarder.addresses, SILENCES.length);
  await using ofSubscribers = await FaultWays.to(forwarder.addresses, SILENCES.length);
  const withHealthy = ({ all }: FaultWays): Addresses[] => [
    ...all.map(({ addresses }) => addresses),
    forwarder.addresses,
  ];
  await using cluster = await FaultCluster.start({
    publishers: withHealthy(ofPublishers),
    subscribers: withHealthy(ofSubscribers),
  });
  await cluster.ready();
  cluster.startLoad(EVENTS_PER_SECOND);
  const outages: Outage[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await lasting(FLOW_MS);
    const all = SILENCES.flatMap((fault, i) => [
      silence(cluster.publishers[i] as FaultEmitter, ofPublishers.all[i] as FaultWay, fault),
      silence(cluster.subscribers[i] as FaultEmitter, ofSubscribers.all[i] as FaultWay, fault),
    ]);
    outages.push(...(await Promise.all(all)));
  }
  await lasting(FLOW_MS);
  await cluster.stopLoad();
  const times = (what: 'noticed' | 'returned') => outages.map((outage) => Number(outage[what]));
  tellFigures('one direction of one connection silent', {
    outages: outages.length,
    'noticed after, median / max': medianAndMax(times('noticed')),
    'ready again after, median / max': medianAndMax(times('returned')),
  });
  const wrong = outages.filter(
    ({ noticed, returned, networkErrors }) =>
      typeof noticed === 'string' || typeof returned === 'string' || networkErrors !== 1,
  );
  expect.soft(wrong).toEqual([]);
  const verdict = await cluster.prove({ told: 'none' });
  tellFigures('one direction of one connection silent', { events: summary(verdict) });
});
