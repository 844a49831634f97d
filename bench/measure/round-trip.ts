/** Round trips: an event there, one back, one in flight at a time. */
import type { Peer } from '../peers/peer.js';
import type { Effort, Measurement } from '../scenario.js';
import { LIMIT_MS, STALLED, stalls, withCast } from './cast.js';
import { perMillion, quantile } from './statistics.js';

export function measureRoundTrip(
  peer: Peer,
  { roundTrips, execArgv }: Pick<Effort, 'roundTrips' | 'execArgv'>,
): Promise<Measurement> {
  const casting = { publishers: 1, subscribers: 1, listened: 0 };
  return withCast(peer, casting, execArgv, async ({ publishers: [publisher], subscribers: [subscriber] }) => {
    if (publisher === undefined || subscriber === undefined) throw new TypeError('Expected one of each');
    let times: number[] = [];
    const stalled = await stalls(async () => {
      // As many again: the slowest hundredth of a cold process would be its compiler's.
      await publisher.call('roundTrips', roundTrips, LIMIT_MS);
      await subscriber.call('expect', { firsts: [], count: 0 });
      times = await publisher.call('roundTrips', roundTrips, LIMIT_MS);
    });
    if (stalled) {
      await publisher.kill();
      return { figures: {}, failure: STALLED };
    }
    return {
      figures: { p50: quantile(times, 0.5), p99: quantile(times, 0.99) },
      lost: 0,
      publisherCpu: perMillion(await publisher.call('cpuSeconds', undefined), roundTrips),
      subscriberCpu: perMillion(await subscriber.call('cpuSeconds', undefined), roundTrips),
    };
  });
}
