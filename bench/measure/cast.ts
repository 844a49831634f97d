/** Who takes part in a measurement: a server, publishers and subscribers, fresh processes each, and all connected. */
import type { Peer } from '../peers/peer.js';
import { BenchProcess, StalledError } from '../processes/process.js';
import type { PublisherCommands } from '../processes/publisher.js';
import type { SubscriberCommands } from '../processes/subscriber.js';

/** Silence after which what has not arrived counts as lost. */
export const QUIET_MS = 1000;
/** How long a series, or all round trips, may take before it counts as stalled. */
export const LIMIT_MS = 20_000;

/** The failure of what met that limit. */
export const STALLED = `not done within ${LIMIT_MS / 1000} s`;

export interface Casting {
  readonly publishers: number;
  readonly subscribers: number;
  /** How many names the subscribers listen to. */
  readonly listened: number;
  /** Of each event's data; objects, if not given. */
  readonly bytes?: number | undefined;
}

export interface Cast {
  readonly publishers: readonly BenchProcess<PublisherCommands>[];
  readonly subscribers: readonly BenchProcess<SubscriberCommands>[];
}

/** Does `work` with a cast, and ends it. `execArgv` is for Node in the publishers and subscribers. */
export async function withCast<Result>(
  peer: Peer,
  casting: Casting,
  execArgv: readonly string[],
  work: (cast: Cast) => Promise<Result>,
): Promise<Result> {
  const publishers = times(casting.publishers, () =>
    BenchProcess.start<PublisherCommands>('publisher', [peer.name], execArgv),
  );
  const subscribers = times(casting.subscribers, () =>
    BenchProcess.start<SubscriberCommands>('subscriber', [peer.name], execArgv),
  );
  try {
    const server = await peer.startServer();
    try {
      await connect({ publishers, subscribers }, casting, server.addresses);
      const result = await work({ publishers, subscribers });
      // While the server is there, or there would be outages to report.
      await stop(publishers, subscribers);
      return result;
    } finally {
      await server.stop();
    }
  } finally {
    await stop(publishers, subscribers);
  }
}

async function connect(
  { publishers, subscribers }: Cast,
  { listened, bytes }: Casting,
  addresses: Readonly<Record<string, string>>,
): Promise<void> {
  await Promise.all([
    ...publishers.map((publisher, index) => publisher.call('connect', { addresses, index, bytes })),
    ...subscribers.map((subscriber) => subscriber.call('connect', { addresses, names: listened, bytes })),
  ]);
  // Not every peer can tell when it is ready; an event that arrives can.
  await Promise.all([
    ...subscribers.map((subscriber) => subscriber.call('probed', publishers.length)),
    ...publishers.map((publisher) => publisher.call('probe', true)),
  ]);
  await Promise.all(publishers.map((publisher) => publisher.call('probe', false)));
}

async function stop(...groups: readonly (readonly { stop(): Promise<void> }[])[]): Promise<void> {
  await Promise.all(groups.flat().map((process) => process.stop()));
}

/** Whether `work` met its limit. */
export async function stalls(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return false;
  } catch (error) {
    if (error instanceof StalledError) return true;
    throw error;
  }
}

function times<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}
