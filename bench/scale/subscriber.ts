/** The subscribing process: listens to all names of a series, and says when it is all there. */
import type { BenchEvent } from '../event.js';
import { cpuSecondsSince, serve } from '../processes/commands.js';
import { cpuCommands } from './cpu.js';
import { newEmitter } from './emitter.js';
import { scaleNames } from './names.js';

let received = 0;
let disordered = 0;
let lastSeq = -1;
let missing = 0;
let cpuStart = process.cpuUsage();
let onAll: (arrival: Arrival) => void = () => undefined;
let arrival: Promise<Arrival> | undefined;

export interface Arrival {
  readonly received: number;
  /** Events that came after one with a higher number: repeated or out of order. */
  readonly disordered: number;
  /** From {@link commands.expect} to the last event. */
  readonly cpuSeconds: number;
}

function count({ seq }: BenchEvent): void {
  received += 1;
  if (seq <= lastSeq) disordered += 1;
  lastSeq = seq;
  missing -= 1;
  if (missing === 0) onAll({ received, disordered, cpuSeconds: cpuSecondsSince(cpuStart) });
}

const emitter = newEmitter();
for (const name of scaleNames(Number(process.argv[3]))) emitter.on(name, count);
await emitter.connect();
await emitter.ready();

const commands = {
  ...cpuCommands,

  /** Begins to count a series of so many events. */
  expect(events: number): void {
    received = 0;
    disordered = 0;
    lastSeq = -1;
    missing = events;
    arrival = new Promise((resolve) => {
      onAll = resolve;
    });
    cpuStart = process.cpuUsage();
  },

  /** Resolves when all of them are there. */
  arrival: (_: undefined): Promise<Arrival> | undefined => arrival,
};

export type SubscriberCommands = typeof commands;

serve(commands, () => emitter.close());
