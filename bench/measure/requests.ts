/** Requests and answers: each is answered with what it was, so many in flight at a time. */
import type { Peer } from '../peers/peer.js';
import type { Effort, Measurement } from '../scenario.js';
import { LIMIT_MS, STALLED, stalls, withCast } from './cast.js';
import { perMillion, quantile } from './statistics.js';

/** With many in flight, the same time is enough for so many more. */
const MANY_FACTOR = 10;

export function measureRequests(
  peer: Peer,
  inFlight: number,
  { roundTrips, execArgv }: Pick<Effort, 'roundTrips' | 'execArgv'>,
): Promise<Measurement> {
  const casting = { publishers: 1, subscribers: 1, listened: 0 };
  const count = inFlight === 1 ? roundTrips : roundTrips * MANY_FACTOR;
  return withCast(peer, casting, execArgv, async ({ publishers: [publisher], subscribers: [subscriber] }) => {
    if (publisher === undefined || subscriber === undefined) throw new TypeError('Expected one of each');
    let outcome = { times: [] as number[], seconds: Number.NaN };
    const stalled = await stalls(async () => {
      // As many again: the slowest hundredth of a cold process would be its compiler's.
      await publisher.call('requests', { count, inFlight }, LIMIT_MS);
      await subscriber.call('expect', { firsts: [], count: 0 });
      outcome = await publisher.call('requests', { count, inFlight }, LIMIT_MS);
    });
    if (stalled) {
      await publisher.kill();
      return { figures: {}, failure: STALLED };
    }
    const { times, seconds } = outcome;
    return {
      figures: {
        p50: quantile(times, 0.5),
        p99: quantile(times, 0.99),
        answers: count / seconds,
      },
      lost: 1 - times.length / count,
      publisherCpu: perMillion(await publisher.call('cpuSeconds', undefined), count),
      subscriberCpu: perMillion(await subscriber.call('cpuSeconds', undefined), count),
    };
  });
}
