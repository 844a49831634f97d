/** A publishing process: emits series of events, and times round trips and requests. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type BenchEvent, eventNames, makeEvent, PING, PONG, PROBE, QUERY } from '../event.js';
import { payloadKind } from '../payload.js';
import { loadPeer } from '../peers/index.js';
import type { Addresses, Client } from '../peers/peer.js';
import { nameIndexOf, type Series } from '../series.js';
import { cpuSecondsSince, serve } from './commands.js';

/** Un-awaited events come in chunks, with a turn of the event loop between, as from a busy server. */
const CHUNK = 1000;

const PROBE_INTERVAL_MS = 5;

export interface PublisherConnection {
  readonly addresses: Addresses;
  /** Which of the publishers this is, from 0. */
  readonly index: number;
  /** Of each event's data; objects, if not given. */
  readonly bytes: number | undefined;
}

const peer = await loadPeer(process.argv[2] ?? '');
let client: Client;
let index = 0;
let make = payloadKind(undefined).make;
let probing: NodeJS.Timeout | undefined;
let cpuStart = process.cpuUsage();
let onPong: () => void = () => undefined;

const commands = {
  async connect(connection: PublisherConnection): Promise<void> {
    index = connection.index;
    make = payloadKind(connection.bytes).make;
    client = peer.connect(connection.addresses);
    client.on(PONG, () => onPong());
    await client.ready();
  },

  /** Emits probes until told to stop: when one arrives, events will. */
  probe(on: boolean): void {
    clearInterval(probing);
    if (on) probing = setInterval(() => client.emit(PROBE, makeEvent(index)), PROBE_INTERVAL_MS);
  },

  /** Resolves when all are handed over. */
  async emit(series: Series): Promise<void> {
    cpuStart = process.cpuUsage();
    if (series.awaited) await emitAwaited(series);
    else await emitInChunks(series);
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

  /** So many at a time: microseconds of each, sorted, and how long all took. A wrong answer is an error. */
  async requests({ count, inFlight }: Requests): Promise<{ times: number[]; seconds: number }> {
    cpuStart = process.cpuUsage();
    const times: number[] = [];
    let asked = 0;
    const ask = async (): Promise<void> => {
      while (asked < count) {
        const seq = asked++;
        const start = performance.now();
        const answer = (await client.request?.(QUERY, makeEvent(seq))) as BenchEvent;
        if (answer.seq !== seq) throw new Error(`Expected the answer to ${seq}, got that to ${answer.seq}`);
        times.push((performance.now() - start) * 1000);
      }
    };
    const start = performance.now();
    await Promise.all(Array.from({ length: inFlight }, ask));
    return { times: times.sort((a, b) => a - b), seconds: (performance.now() - start) / 1000 };
  },
};

export interface Requests {
  readonly count: number;
  readonly inFlight: number;
}

export type PublisherCommands = typeof commands;

serve(commands, async () => {
  clearInterval(probing);
  await client?.close();
});

async function emitAwaited({ from, count, names }: Series): Promise<void> {
  const list = eventNames(names);
  for (let seq = from; seq < from + count; seq += 1) {
    await client.emit(list[nameIndexOf(seq, names)] as string, make(seq));
  }
}

async function emitInChunks({ from, count, names }: Series): Promise<void> {
  const list = eventNames(names);
  const to = from + count;
  for (let seq = from; seq < to; ) {
    const end = Math.min(seq + CHUNK, to);
    for (; seq < end; seq += 1) void client.emit(list[nameIndexOf(seq, names)] as string, make(seq));
    await nextTurn();
  }
}
