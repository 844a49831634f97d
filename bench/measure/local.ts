/** Emitting within one process, each event awaited: what distribution costs those who listen where they emit. */
import { startForwarderServer } from '../peers/forwarder-server.js';
import type { LocalCommands, LocalKind } from '../processes/local.js';
import { BenchProcess } from '../processes/process.js';
import type { Effort, Measurement } from '../scenario.js';
import { LIMIT_MS } from './cast.js';
import { perMillion } from './statistics.js';

export interface Local {
  readonly listeners: number;
  /** Whether Demitter's emitter has a link, at whose other end nobody listens. */
  readonly linked: boolean;
}

export async function measureLocal(
  kind: LocalKind,
  { listeners, linked }: Local,
  { localEvents, warmUp, execArgv }: Effort,
): Promise<Measurement> {
  const server = linked ? await startForwarderServer() : undefined;
  const addresses = JSON.stringify(server?.addresses ?? {});
  const child = BenchProcess.start<LocalCommands>('local', [kind, addresses], execArgv);
  try {
    if (linked) await child.call('connect', undefined);
    await child.call('run', { listeners, count: warmUp }, LIMIT_MS);
    const run = { listeners, count: localEvents };
    const { milliseconds, cpuSeconds, received, peakMemory } = await child.call('run', run, LIMIT_MS);
    return {
      figures: { rate: (localEvents / milliseconds) * 1000, memory: peakMemory },
      ...(listeners > 0 && { lost: 1 - received / (listeners * localEvents) }),
      publisherCpu: perMillion(cpuSeconds, localEvents),
    };
  } finally {
    await child.stop();
    await server?.stop();
  }
}
