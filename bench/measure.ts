/**
 * One measurement: a server, a subscriber and a publisher, fresh processes each, a warm-up, and then the real thing.
 *
 * It always ends. What is lost is found by silence, what stalls is cut off at a limit, and both are in the result.
 */
import type { Peer, Server } from './peers/peer.js';
import { BenchProcess, StalledError } from './processes/process.js';
import type { PublisherCommands, Series } from './processes/publisher.js';
import type { Arrival, SubscriberCommands } from './processes/subscriber.js';
import type { RoundTrip, Scenario, Size, Throughput } from './scenarios.js';

/** Silence after which what has not arrived counts as lost. */
export const QUIET_MS = 1000;
/** How long a series, or all round trips, may take before it counts as stalled. */
export const LIMIT_MS = 20_000;

/** The warm-up is this part of the whole. */
const WARM_UP = 1 / 3;

export interface Measurement {
  /** Events per second from the first to the last that arrived, or NaN. */
  readonly rate: number;
  /** Microseconds, or NaN. */
  readonly p50: number;
  readonly p99: number;
  /** From 0 to 1. */
  readonly lost: number;
  readonly disordered: number;
  readonly stalled: boolean;
  /** CPU seconds per million events (round trips), or NaN. */
  readonly publisherCpu: number;
  readonly subscriberCpu: number;
}

interface Trio {
  readonly publisher: BenchProcess<PublisherCommands>;
  readonly subscriber: BenchProcess<SubscriberCommands>;
}

/** `execArgv` is for Node in the publisher and the subscriber. */
export async function measure(
  peer: Peer,
  scenario: Scenario,
  size: Size,
  execArgv: readonly string[],
): Promise<Measurement> {
  const server = await peer.startServer();
  const trio = startClients(peer, server, scenario, execArgv);
  try {
    await connect(trio);
    if (scenario.kind === 'throughput') {
      const share = scenario.awaited ? (peer.awaitedShare ?? 1) : 1;
      return await throughput(trio, scenario, Math.ceil(size.events * share));
    }
    return await roundTrip(trio, scenario, size);
  } finally {
    await Promise.all([trio.publisher.stop(), trio.subscriber.stop()]);
    await server.stop();
  }
}

function startClients(peer: Peer, server: Server, scenario: Scenario, execArgv: readonly string[]): Trio {
  const args = [
    peer.name,
    JSON.stringify(server.addresses),
    String(scenario.kind === 'throughput' ? scenario.names : 0),
  ];
  return {
    publisher: BenchProcess.start<PublisherCommands>('publisher', args, execArgv),
    subscriber: BenchProcess.start<SubscriberCommands>('subscriber', args, execArgv),
  };
}

/** Not every peer can tell when it is ready; an event that arrives can. */
async function connect({ publisher, subscriber }: Trio): Promise<void> {
  await Promise.all([subscriber.call('probed', undefined), publisher.call('probe', true)]);
  await publisher.call('probe', false);
}

async function throughput(trio: Trio, { names, awaited }: Throughput, events: number): Promise<Measurement> {
  // It must be over before the rest begins: what still queues of it would take room, and be charged to the rest.
  const warmUpSeries = { from: 0, count: Math.ceil(events * WARM_UP), names, awaited };
  const warmUp = await run(trio, warmUpSeries);
  const mainSeries = { ...warmUpSeries, from: warmUpSeries.count, count: events };
  // What stalled once is not asked again; it is shown as it is.
  const { series, arrival, stalled } = warmUp.stalled ? warmUp : await run(trio, mainSeries);
  const { received, milliseconds, disordered } = arrival;
  return {
    rate: received > 1 ? ((received - 1) / milliseconds) * 1000 : Number.NaN,
    p50: Number.NaN,
    p99: Number.NaN,
    lost: 1 - received / series.count,
    disordered,
    stalled,
    publisherCpu: stalled
      ? Number.NaN
      : perMillion(await trio.publisher.call('cpuSeconds', undefined), series.count),
    subscriberCpu: perMillion(arrival.cpuSeconds, received),
  };
}

async function run(
  { publisher, subscriber }: Trio,
  series: Series,
): Promise<{ series: Series; arrival: Arrival; stalled: boolean }> {
  await subscriber.call('expect', series);
  const stalled = await stalls(() => publisher.call('emit', series, LIMIT_MS));
  if (stalled) await publisher.kill();
  const patience = { quietMs: QUIET_MS, limitMs: LIMIT_MS };
  const arrival = await subscriber.call('arrival', patience, 2 * LIMIT_MS);
  return { series, arrival, stalled };
}

async function roundTrip(trio: Trio, _: RoundTrip, { roundTrips }: Size): Promise<Measurement> {
  const { publisher, subscriber } = trio;
  let times: number[] = [];
  const stalled = await stalls(async () => {
    await publisher.call('roundTrips', Math.ceil(roundTrips * WARM_UP), LIMIT_MS);
    await subscriber.call('expect', { from: 0, count: 0 });
    times = await publisher.call('roundTrips', roundTrips, LIMIT_MS);
  });
  if (stalled) await publisher.kill();
  return {
    rate: Number.NaN,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    lost: stalled ? Number.NaN : 0,
    disordered: 0,
    stalled,
    publisherCpu: stalled
      ? Number.NaN
      : perMillion(await publisher.call('cpuSeconds', undefined), roundTrips),
    subscriberCpu: perMillion(await subscriber.call('cpuSeconds', undefined), roundTrips),
  };
}

async function stalls(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return false;
  } catch (error) {
    if (error instanceof StalledError) return true;
    throw error;
  }
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.floor(sorted.length * q)] ?? Number.NaN;
}

function perMillion(seconds: number, events: number): number {
  return (seconds / events) * 1e6;
}
