/** The publishing process: emits series of events, and times round trips. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { eventNames, makeEvent, PING, PONG, PROBE } from '../event.js';
import { peerNamed } from '../peers/index.js';
import { cpuSecondsSince, serve } from './commands.js';

/** Un-awaited events come in chunks, with a turn of the event loop between, as from a busy server. */
const CHUNK = 1000;

const PROBE_INTERVAL_MS = 5;

const client = peerNamed(process.argv[2]).connect(JSON.parse(process.argv[3] ?? '{}'));

let probing: NodeJS.Timeout | undefined;
let cpuStart = process.cpuUsage();
let onPong: () => void = () => undefined;
client.on(PONG, () => onPong());
await client.ready();

export interface Series {
  /** Number of the first event. */
  readonly from: number;
  readonly count: number;
  /** How many names the events rotate through. */
  readonly names: number;
  readonly awaited: boolean;
}

const commands = {
  /** Emits probes until told to stop: when one arrives, events will. */
  probe(on: boolean): void {
    clearInterval(probing);
    if (on) probing = setInterval(() => client.emit(PROBE, makeEvent(0)), PROBE_INTERVAL_MS);
  },

  /** Resolves when all are handed over. */
  async emit({ from, count, names, awaited }: Series): Promise<void> {
    cpuStart = process.cpuUsage();
    const list = eventNames(names);
    if (awaited) await emitAwaited(list, from, from + count);
    else await emitInChunks(list, from, from + count);
  },

  /** CPU seconds since the last series began. */
  cpuSeconds: (_: undefined) => cpuSecondsSince(cpuStart),

  /** Microseconds of each round trip, one in flight, sorted. */
  async roundTrips(count: number): Promise<number[]> {
    cpuStart = process.cpuUsage();
    const times: number[] = [];
    await new Promise<void>((resolve) => {
      let start = 0;
      const ping = (): void => {
        start = performance.now();
        void client.emit(PING, makeEvent(times.length));
      };
      onPong = () => {
        times.push((performance.now() - start) * 1000);
        if (times.length < count) ping();
        else resolve();
      };
      ping();
    });
    return times.sort((a, b) => a - b);
  },
};

export type PublisherCommands = typeof commands;

serve(commands, () => client.close());

async function emitAwaited(names: readonly string[], from: number, to: number): Promise<void> {
  for (let seq = from; seq < to; seq += 1) {
    await client.emit(names[seq % names.length] as string, makeEvent(seq));
  }
}

async function emitInChunks(names: readonly string[], from: number, to: number): Promise<void> {
  for (let seq = from; seq < to; ) {
    const end = Math.min(seq + CHUNK, to);
    for (; seq < end; seq += 1) void client.emit(names[seq % names.length] as string, makeEvent(seq));
    await nextTurn();
  }
}
