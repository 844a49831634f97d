/** The rows of the table: what is measured, with whom, and what is to be reached. */
import { measureForwarderMemory, missingProc } from './measure/forwarder-memory.js';
import { type Local, measureLocal } from './measure/local.js';
import { measureRequests } from './measure/requests.js';
import { measureRoundTrip } from './measure/round-trip.js';
import { measureImport, measureLink } from './measure/start.js';
import { measureThroughput, type Throughput } from './measure/throughput.js';
import { loadPeer, type PeerName } from './peers/index.js';
import type { Peer } from './peers/peer.js';
import type { Contestant, Effort, Goal, Measurement, MetricName, Scenario } from './scenario.js';

const OURS = 'demitter';
const OURS_WITH_KEYS = 'demitter, CURVE';

const NOTHING_LOST: Goal = { metric: 'lost', of: 'value', bound: 0 };

/** Our rate to theirs. */
function rate(to: PeerName | 'Emittery', bound: number): Goal {
  return { metric: 'rate', of: 'ratio', to, bound };
}

export async function loadScenarios(): Promise<Scenario[]> {
  const all: PeerName[] = ['raw zeromq.js', 'zeromq.js, batched', 'NATS', 'Redis (ioredis)'];
  const limitAndNats: PeerName[] = ['zeromq.js, batched', 'NATS'];
  return [
    await throughput('one name, un-awaited', { awaited: false }, all, [
      rate('raw zeromq.js', 12),
      rate('NATS', 4.5),
      rate('Redis (ioredis)', 9),
    ]),
    await throughput('one name, awaited', { awaited: true }, all, [rate('NATS', 3.5)]),
    await throughput('ten names, un-awaited', { awaited: false, names: 10 }, all, [rate('NATS', 2)]),
    await throughput('1,000 names, un-awaited', { awaited: false, names: 1000 }, limitAndNats, [
      rate('NATS', 2),
    ]),
    await throughput(
      '1,000 names, one listened to',
      { awaited: false, names: 1000, listened: 1 },
      ['NATS'],
      [],
    ),
    await throughput('1 publisher → 4 subscribers', { awaited: false, subscribers: 4 }, limitAndNats, [
      rate('NATS', 1.5),
    ]),
    await throughput('4 publishers → 1 subscriber', { awaited: false, publishers: 4 }, limitAndNats, [
      rate('NATS', 1.5),
    ]),
    await curve('one name, un-awaited, CURVE', { awaited: false }),
    await curve('one name, awaited, CURVE', { awaited: true }),
    await roundTrip(),
    await curveRoundTrip(),
    await requests('requests, one in flight', 1, ['p50', 'p99']),
    await requests('requests, 1,000 in flight', 1000, ['answers']),
    await sized('16 B', 16),
    await sized('1 KB', 1000),
    await sized('64 KB', 64_000),
    await sized('1 MB', 1_000_000),
    local('in one process, no listener', { listeners: 0, linked: false }),
    local('in one process, one listener', { listeners: 1, linked: false }),
    local('in one process, one listener, linked', { listeners: 1, linked: true }),
    {
      title: 'until a link works',
      contestants: [
        { name: OURS, measure: (effort) => measureLink('demitter', effort) },
        { name: 'raw TCP', measure: (effort) => measureLink('raw TCP', effort) },
      ],
      metrics: ['time'],
      compared: ['time'],
      goals: [{ metric: 'time', of: 'ratio', to: 'raw TCP', bound: 1.2 }],
    },
    {
      title: 'import',
      contestants: [
        { name: OURS, measure: (effort) => measureImport(['demitter'], effort) },
        { name: 'emittery + msgpackr', measure: (effort) => measureImport(['emittery', 'msgpackr'], effort) },
      ],
      metrics: ['time'],
      compared: ['time'],
      goals: [{ metric: 'time', of: 'difference', to: 'emittery + msgpackr', bound: 60 }],
    },
    {
      title: 'forwarder with nothing to do',
      contestants: [{ name: OURS, missing: missingProc, measure: measureForwarderMemory }],
      metrics: ['memory'],
      compared: [],
      goals: [{ metric: 'memory', of: 'value', bound: 60 }],
    },
  ];
}

async function throughput(
  title: string,
  load: Throughput,
  against: readonly PeerName[],
  goals: readonly Goal[],
): Promise<Scenario> {
  return {
    title,
    contestants: await peers(against, (peer, effort) => measureThroughput(peer, load, effort)),
    metrics: ['rate'],
    compared: ['rate'],
    goals: [NOTHING_LOST, ...goals],
  };
}

/** With keys, beside without. */
async function curve(title: string, load: Throughput): Promise<Scenario> {
  return {
    title,
    contestants: await peers([OURS], (peer, effort) => measureThroughput(peer, load, effort), OURS_WITH_KEYS),
    metrics: ['rate'],
    compared: ['rate'],
    goals: [NOTHING_LOST, rate(OURS, 0.6)],
  };
}

async function curveRoundTrip(): Promise<Scenario> {
  const metrics: MetricName[] = ['p50', 'p99'];
  return {
    title: 'round trip, one in flight, CURVE',
    contestants: await peers([OURS], measureRoundTrip, OURS_WITH_KEYS),
    metrics,
    compared: metrics,
    goals: [{ metric: 'p50', of: 'ratio', to: OURS, bound: 1.5 }],
  };
}

/** The same bytes in the same batches, by hand: awaited, as one sends what is large. */
function sized(size: string, bytes: number): Promise<Scenario> {
  const limit = 'zeromq.js, batched';
  return throughput(`${size} each, awaited`, { awaited: true, bytes }, [limit], [rate(limit, 1)]);
}

async function roundTrip(): Promise<Scenario> {
  const metrics: MetricName[] = ['p50', 'p99'];
  return {
    title: 'round trip, one in flight',
    contestants: await peers(['raw zeromq.js', 'NATS', 'Redis (ioredis)'], measureRoundTrip),
    metrics,
    compared: metrics,
    goals: [
      { metric: 'p50', of: 'ratio', to: 'raw zeromq.js', bound: 0.75 },
      { metric: 'p50', of: 'ratio', to: 'NATS', bound: 1.05 },
      { metric: 'p99', of: 'ratio', to: 'NATS', bound: 1 },
    ],
  };
}

/** The answer is what was asked. */
async function requests(title: string, inFlight: number, metrics: readonly MetricName[]): Promise<Scenario> {
  return {
    title,
    contestants: await peers(['NATS'], (peer, effort) => measureRequests(peer, inFlight, effort)),
    metrics,
    compared: metrics,
    goals: [NOTHING_LOST, ...metrics.map((metric): Goal => ({ metric, of: 'ratio', to: 'NATS', bound: 1 }))],
  };
}

function local(title: string, load: Local): Scenario {
  return {
    title,
    contestants: [
      { name: OURS, measure: (effort) => measureLocal('demitter', load, effort) },
      { name: 'Emittery', measure: (effort) => measureLocal('Emittery', { ...load, linked: false }, effort) },
    ],
    metrics: ['rate', 'memory'],
    compared: ['rate'],
    goals: load.linked ? [] : [rate('Emittery', 0.9)],
  };
}

/** Ours, and these. */
function peers(
  against: readonly PeerName[],
  measure: (peer: Peer, effort: Effort) => Promise<Measurement>,
  ours: PeerName = OURS,
): Promise<Contestant[]> {
  return Promise.all(
    [ours, ...against].map(async (name) => {
      const peer = await loadPeer(name);
      return {
        name: peer.name,
        missing: () => peer.missing?.(),
        measure: (effort: Effort) => measure(peer, effort),
      };
    }),
  );
}
