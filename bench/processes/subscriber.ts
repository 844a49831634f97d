/** The subscribing process: counts what arrives and when, and answers pings. */
import { type BenchEvent, eventNames, PING, PONG, PROBE } from '../event.js';
import { peerNamed } from '../peers/index.js';
import { cpuSecondsSince, serve } from './commands.js';

/** How exact the time of the last event is if events are lost: reading the clock for each would cost a tenth. */
const CLOCK_EVERY = 256;

const POLL_MS = 20;

export interface Arrival {
  readonly received: number;
  /** Events that came after one with a higher number: repeated or out of order. */
  readonly disordered: number;
  /** From the first event to the last. */
  readonly milliseconds: number;
  readonly cpuSeconds: number;
}

export interface Patience {
  readonly quietMs: number;
  readonly limitMs: number;
}

/** The series: numbers from `first` to before `end`. */
let first = 0;
let end = 0;
let received = 0;
let disordered = 0;
let lastSeq = -1;
let firstAt = 0;
let lastAt = 0;
let cpuStart = process.cpuUsage();

function count({ seq }: BenchEvent): void {
  // A straggler of the series before, which was given up already.
  if (seq < first) return;
  if (received === 0) firstAt = performance.now();
  received += 1;
  if (seq <= lastSeq) disordered += 1;
  lastSeq = seq;
  if (received % CLOCK_EVERY === 0 || seq === end - 1) lastAt = performance.now();
}

const client = peerNamed(process.argv[2]).connect(JSON.parse(process.argv[3] ?? '{}'));

let onProbe = (): void => undefined;
for (const name of eventNames(Number(process.argv[4]))) client.on(name, count);
client.on(PING, (event) => void client.emit(PONG, event));
// Subscriptions take force in order: when a probe arrives, all the others are in force.
client.on(PROBE, () => onProbe());
await client.ready();

const commands = {
  /** Resolves when a probe arrives. */
  probed: (_: undefined) =>
    new Promise<void>((resolve) => {
      onProbe = resolve;
    }),

  /** Begins to count a series. */
  expect({ from, count }: { from: number; count: number }): void {
    first = from;
    end = from + count;
    received = 0;
    disordered = 0;
    lastSeq = from - 1;
    cpuStart = process.cpuUsage();
  },

  /** What arrived: when all is there, when nothing came for `quietMs`, or after `limitMs`. */
  arrival({ quietMs, limitMs }: Patience): Promise<Arrival> {
    return new Promise((resolve) => {
      let before = received;
      let changedAt = performance.now();
      const deadline = changedAt + limitMs;
      const timer = setInterval(() => {
        const now = performance.now();
        if (received !== before) changedAt = now;
        before = received;
        if (received < end - first && now - changedAt < quietMs && now < deadline) return;
        clearInterval(timer);
        resolve({
          received,
          disordered,
          milliseconds: lastAt - firstAt,
          cpuSeconds: cpuSecondsSince(cpuStart),
        });
      }, POLL_MS);
    });
  },

  /** CPU seconds since {@link expect}. */
  cpuSeconds: (_: undefined) => cpuSecondsSince(cpuStart),
};

export type SubscriberCommands = typeof commands;

serve(commands, () => client.close());
