/**
 * Throughput: publishers emit a series each, and subscribers count what arrives. A warm-up, then the real thing.
 *
 * It always ends. What is lost is found by silence, what stalls is cut off at a limit, and both are in the result.
 */
import type { Peer } from '../peers/peer.js';
import type { Arrival } from '../processes/subscriber.js';
import type { Effort, Measurement } from '../scenario.js';
import { countListened, firstNumberOf, type Series } from '../series.js';
import { type Cast, LIMIT_MS, QUIET_MS, STALLED, stalls, withCast } from './cast.js';
import { perMillion, sum } from './statistics.js';

export interface Throughput {
  readonly awaited: boolean;
  readonly publishers?: number;
  readonly subscribers?: number;
  /** How many names the events rotate through. */
  readonly names?: number;
  /** How many of them the subscribers listen to: the first ones. Default: all. */
  readonly listened?: number;
  /** Of each event's data; objects, if not given. */
  readonly bytes?: number;
}

/** Tiny events are not so much cheaper than everyday ones that there could be as many as make the same bytes. */
const MAX_EVENTS = 2;

interface Outcome {
  readonly series: readonly Series[];
  readonly arrivals: readonly Arrival[];
  readonly stalled: boolean;
}

/**
 * Events per second are counted at the subscribers, from the first event to the last that arrived. Where they listen
 * to some of the names only, an event that arrives stands for all those that were emitted since the one before, in
 * the rate as in their CPU time.
 */
export function measureThroughput(peer: Peer, load: Throughput, effort: Effort): Promise<Measurement> {
  const { publishers = 1, subscribers = 1, names = 1, listened = names, bytes } = load;
  return withCast(peer, { publishers, subscribers, listened, bytes }, effort.execArgv, async (cast) => {
    const count = Math.ceil(eventsOf(peer, load, effort) / (publishers * subscribers));
    const warmUpCount = Math.min(count, Math.ceil(effort.warmUp / (publishers * subscribers)));
    const seriesFrom = (from: number, count: number): Series[] =>
      cast.publishers.map((_, index) => ({
        from: firstNumberOf(index) + from,
        count,
        names,
        awaited: load.awaited,
      }));
    // It must be over before the rest begins: what still queues of it would take room, and be charged to the rest.
    const warmUp = await run(cast, seriesFrom(0, warmUpCount), listened);
    // What stalled once is not asked again; it is shown as it is.
    const outcome = warmUp.stalled ? warmUp : await run(cast, seriesFrom(warmUpCount, count), listened);
    return judge(cast, outcome, listened, names / listened);
  });
}

function eventsOf(peer: Peer, { awaited, bytes }: Throughput, effort: Effort): number {
  if (bytes !== undefined) return Math.min(effort.bytes / bytes, effort.events * MAX_EVENTS);
  return effort.events * (awaited ? (peer.awaitedShare ?? 1) : 1);
}

async function run(
  { publishers, subscribers }: Cast,
  series: readonly Series[],
  listened: number,
): Promise<Outcome> {
  const firsts = series.map(({ from }) => from);
  const expectation = { firsts, count: expectedOf(series, listened) };
  await Promise.all(subscribers.map((subscriber) => subscriber.call('expect', expectation)));
  const stalled = await stalls(() =>
    Promise.all(
      publishers.map((publisher, index) => publisher.call('emit', series[index] as Series, LIMIT_MS)),
    ),
  );
  if (stalled) await Promise.all(publishers.map((publisher) => publisher.kill()));
  const patience = { quietMs: QUIET_MS, limitMs: LIMIT_MS };
  const arrivals = await Promise.all(
    subscribers.map((subscriber) => subscriber.call('arrival', patience, 2 * LIMIT_MS)),
  );
  return { series, arrivals, stalled };
}

async function judge(
  { publishers }: Cast,
  { series, arrivals, stalled }: Outcome,
  listened: number,
  weight: number,
): Promise<Measurement> {
  const received = sum(arrivals.map((arrival) => arrival.received));
  const expected = expectedOf(series, listened) * arrivals.length;
  const shared = {
    lost: 1 - received / expected,
    disordered: sum(arrivals.map((arrival) => arrival.disordered)),
    subscriberCpu: perMillion(sum(arrivals.map((arrival) => arrival.cpuSeconds)), received * weight),
  };
  if (stalled) return { ...shared, figures: {}, failure: STALLED };
  const emitted = sum(series.map(({ count }) => count));
  const cpuSeconds = await Promise.all(
    publishers.map((publisher) => publisher.call('cpuSeconds', undefined)),
  );
  return {
    ...shared,
    figures: { rate: rateOf(arrivals) * weight },
    publisherCpu: perMillion(sum(cpuSeconds), emitted),
  };
}

function expectedOf(series: readonly Series[], listened: number): number {
  return sum(series.map((one) => countListened(one, listened)));
}

/** Of all subscribers together: the interval before the first event is not counted, nor is that event. */
function rateOf(arrivals: readonly Arrival[]): number {
  const some = arrivals.filter(({ received }) => received > 0);
  const milliseconds =
    Math.max(...some.map(({ lastAt }) => lastAt)) - Math.min(...some.map(({ firstAt }) => firstAt));
  const intervals = sum(some.map(({ received }) => received - 1));
  return intervals > 0 ? (intervals / milliseconds) * 1000 : Number.NaN;
}
