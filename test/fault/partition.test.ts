/**
 * Partitions: nothing passes for a while, and nobody is told. Then the network heals, and what was held flows on, also
 * on connections that were given up meanwhile; or the connections are reset, and what was on its way is gone.
 */
import { setTimeout as lasting } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Addresses, FaultCluster } from '../support/fault-cluster.js';
import { byForm, tellFigures } from '../support/fault-form.js';
import type { FaultProxy } from '../support/fault-proxy.js';
import { FaultWays } from '../support/fault-way.js';
import { ForwarderProcess } from '../support/forwarder-process.js';
import { summary } from '../support/oracle.js';

type Victim = 'one subscriber' | 'one publisher' | 'the forwarder';

interface Case {
  readonly victim: Victim;
  readonly end: 'heal' | 'cut';
  /** Between two partitions. @default long enough to recover from the one before */
  readonly flowMs?: number;
  /** How long the partitions are; the short form leaves some cases out. */
  readonly short: readonly number[];
  readonly long: readonly number[];
}

/** From 0.2 to 10 s: shorter and longer than it takes to notice a silent link. */
const EIGHT = [200, 3000, 500, 10_000, 1000, 4000, 300, 2000];
const NINE = [...EIGHT, 6000];

const CASES: readonly Case[] = [
  { victim: 'one subscriber', end: 'heal', short: [200], long: EIGHT },
  { victim: 'one subscriber', end: 'cut', short: [500], long: EIGHT },
  { victim: 'one publisher', end: 'heal', short: [4000], long: NINE },
  { victim: 'one publisher', end: 'cut', short: [], long: EIGHT },
  { victim: 'the forwarder', end: 'heal', short: [], long: EIGHT },
  { victim: 'the forwarder', end: 'cut', short: [1500], long: NINE },
  // The next one begins while emitters still recover from the last, and is longer than a publisher may take to answer.
  { victim: 'the forwarder', end: 'cut', flowMs: 300, short: [], long: EIGHT },
];

const EVENTS_PER_SECOND = 5000;
const EVENT_BYTES = 200;
const FLOW_MS = byForm({ short: 300, long: 1000 });

/** A publisher and a subscriber on ways of their own, and three of each that share one; all under load. */
class Field implements AsyncDisposable {
  readonly cluster: FaultCluster;
  readonly #ways: FaultWays;

  constructor(cluster: FaultCluster, ways: FaultWays) {
    this.cluster = cluster;
    this.#ways = ways;
  }

  static async start({ addresses }: ForwarderProcess, options: object = {}): Promise<Field> {
    const ways = await FaultWays.to(addresses, 3);
    const [first, second, shared] = ways.all.map((way) => way.addresses) as [Addresses, Addresses, Addresses];
    const cluster = await FaultCluster.start({
      publishers: [first, shared, shared, shared],
      subscribers: [second, shared, shared, shared],
      options,
    });
    await cluster.ready();
    cluster.startLoad(EVENTS_PER_SECOND, EVENT_BYTES);
    return new Field(cluster, ways);
  }

  /** Resolves when the partition is over. */
  async part(victim: Victim, ms: number, end: 'heal' | 'cut', flowMs = FLOW_MS): Promise<void> {
    await lasting(flowMs);
    const proxies = this.#around(victim);
    for (const proxy of proxies) proxy.partition();
    await lasting(ms);
    for (const proxy of proxies) {
      if (end === 'cut') proxy.cut();
      proxy.heal();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster[Symbol.asyncDispose]();
    await this.#ways[Symbol.asyncDispose]();
  }

  #around(victim: Victim): readonly FaultProxy[] {
    const { all } = this.#ways;
    const ways = { 'one publisher': [all[0]], 'one subscriber': [all[1]], 'the forwarder': all }[victim];
    return ways.flatMap((way) => way?.proxies ?? []);
  }
}

for (const { victim, end, flowMs, ...forms } of CASES) {
  const partitions = byForm(forms);
  if (partitions.length === 0) continue;
  const how = `${end === 'heal' ? 'healed' : 'reset'}${flowMs === undefined ? '' : ', soon again'}`;
  const title = `${victim} cut off, then ${how}: nothing is lost or told`;
  test(title, async () => {
    await using forwarder = await ForwarderProcess.start();
    await using field = await Field.start(forwarder);
    for (const ms of partitions) await field.part(victim, ms, end, flowMs);
    await lasting(FLOW_MS);
    await field.cluster.stopLoad();
    const verdict = await field.cluster.prove({ told: 'none' });
    tellFigures(title, { partitions: partitions.length, events: summary(verdict) });
  });
}

/** Some seconds of one publisher's share of the load are more than 64 KiB. */
const TINY_HISTORY = { historyBytes: 64 * 1024 };
const LONGER_THAN_HISTORY = { short: [3000], long: [3000, 10_000, 5000, 4000] };

test('what history no longer holds is told exactly', async () => {
  const partitions = byForm(LONGER_THAN_HISTORY);
  await using forwarder = await ForwarderProcess.start();
  await using field = await Field.start(forwarder, TINY_HISTORY);
  for (const ms of partitions) await field.part('one subscriber', ms, 'cut');
  await lasting(FLOW_MS);
  await field.cluster.stopLoad();
  const verdict = await field.cluster.prove({ told: 'exact' });
  tellFigures('one subscriber cut off for longer than history holds', {
    partitions: partitions.length,
    events: summary(verdict),
  });
  expect(verdict.told).toBeGreaterThan(0);
  expect(verdict.delivered).toBeGreaterThan(verdict.told);
});
