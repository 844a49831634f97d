/** A subscribing process: counts what arrives and when, and answers pings and requests. */
import { type BenchEvent, eventNames, PING, PONG, PROBE, QUERY } from '../event.js';
import { payloadKind } from '../payload.js';
import { loadPeer } from '../peers/index.js';
import type { Addresses, Client } from '../peers/peer.js';
import { cpuSecondsSince, serve } from './commands.js';
import { type Counts, type Expectation, Tally } from './tally.js';

const POLL_MS = 20;

export interface SubscriberConnection {
  readonly addresses: Addresses;
  /** How many names to listen to. */
  readonly names: number;
  /** Of each event's data; objects, if not given. */
  readonly bytes: number | undefined;
}

export interface Arrival extends Counts {
  readonly cpuSeconds: number;
}

export interface Patience {
  readonly quietMs: number;
  readonly limitMs: number;
}

const peer = await loadPeer(process.argv[2] ?? '');
const tally = new Tally();
let client: Client;
let cpuStart = process.cpuUsage();
let onProbe: (publisher: number) => void = () => undefined;

const commands = {
  async connect({ addresses, names, bytes }: SubscriberConnection): Promise<void> {
    const { seqOf } = payloadKind(bytes);
    client = peer.connect(addresses);
    for (const name of eventNames(names)) client.on(name, (payload) => tally.count(seqOf(payload)));
    client.respond?.(QUERY, (query) => query);
    client.on(PING, (event) => void client.emit(PONG, event));
    // Subscriptions take force in order: when a probe arrives, all the others are in force.
    client.on(PROBE, (event) => onProbe((event as BenchEvent).seq));
    await client.ready();
  },

  /** Resolves when a probe of each of so many publishers has arrived. */
  probed: (publishers: number) =>
    new Promise<void>((resolve) => {
      const heard = new Set<number>();
      onProbe = (publisher) => {
        if (heard.add(publisher).size === publishers) resolve();
      };
    }),

  /** Begins to count. */
  expect(expectation: Expectation): void {
    tally.expect(expectation);
    cpuStart = process.cpuUsage();
  },

  /** What arrived: when all is there, when nothing came for `quietMs`, or after `limitMs`. */
  arrival({ quietMs, limitMs }: Patience): Promise<Arrival> {
    return new Promise((resolve) => {
      let before = tally.received;
      let changedAt = performance.now();
      const deadline = changedAt + limitMs;
      const timer = setInterval(() => {
        const now = performance.now();
        const { received, isComplete } = tally;
        if (received !== before) changedAt = now;
        before = received;
        if (!isComplete && now - changedAt < quietMs && now < deadline) return;
        clearInterval(timer);
        resolve({ ...tally.counts, cpuSeconds: cpuSecondsSince(cpuStart) });
      }, POLL_MS);
    });
  },

  /** CPU seconds since {@link expect}. */
  cpuSeconds: (_: undefined) => cpuSecondsSince(cpuStart),
};

export type SubscriberCommands = typeof commands;

serve(commands, async () => client?.close());
