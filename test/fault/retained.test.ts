/**
 * Retained values while the forwarder is killed and comes back: whoever begins to listen gets a value that is no older than
 * when it began, and everything that follows it, or is told what it missed.
 */
import { setTimeout as lasting } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createDistributedEmitter, DistributedEmitter } from '../../src/emitter.js';
import { byForm, medianAndMax, tellFigures } from '../support/fault-form.js';
import { ForwarderProcess } from '../support/forwarder-process.js';

const FORMS = {
  short: { cycles: 3, listenersPerCycle: 10 },
  long: { cycles: 40, listenersPerCycle: 30 },
};
const UP_MS = [300, 100, 700];
const DOWN_MS = [50, 1000, 300, 5];

interface Watch {
  readonly began: number;
  readonly seen: number[];
  told: number;
  isRetained: boolean;
  readonly first: Promise<number>;
}

/** What `emitter` gets of `state` from now on, while the newest value is `newest()`. */
function watch(emitter: DistributedEmitter, newest: () => number): Watch {
  const beganAt = performance.now();
  const seen: number[] = [];
  let found = (_ms: number): void => {};
  const first = new Promise<number>((resolve) => {
    found = resolve;
  });
  const state: Watch = { began: newest(), seen, told: 0, isRetained: false, first };
  emitter.on('distributed:error', ({ type, missed }) => {
    if (type === 'loss') state.told += missed ?? Number.NaN;
  });
  emitter.on('state', (n) => {
    if (seen.length === 0) state.isRetained = emitter.context()?.retained ?? false;
    seen.push(n);
    found(performance.now() - beganAt);
  });
  return state;
}

test('a value that is found is the newest, and nothing is missing after it', async () => {
  const { cycles, listenersPerCycle } = byForm(FORMS);
  await using forwarder = await ForwarderProcess.start();
  await using holder = await createDistributedEmitter(forwarder.addresses);
  holder.on('distributed:error', () => {});
  let newest = 0;
  await holder.emit('state', newest, { retain: true });
  const publishing = setInterval(() => {
    newest += 1;
    void holder.emit('state', newest, { retain: true });
  }, 5);
  const emitters: DistributedEmitter[] = [];
  const watches: Watch[] = [];
  try {
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      const join = async () => {
        for (let i = 0; i < listenersPerCycle; i += 1) {
          const emitter = new DistributedEmitter({
            ...forwarder.addresses,
            context: true,
            connectTimeout: 60_000,
          });
          emitters.push(emitter);
          void emitter.connect();
          watches.push(watch(emitter, () => newest));
          await lasting(20);
        }
      };
      const joined = join();
      await lasting(UP_MS[cycle % UP_MS.length]);
      await forwarder.kill();
      await lasting(DOWN_MS[cycle % DOWN_MS.length]);
      await forwarder.start();
      await joined;
    }
    const times = await Promise.all(watches.map(({ first }) => first));
    clearInterval(publishing);
    const last = newest;
    await Promise.all(watches.map(({ seen, told }) => until(() => (seen.at(-1) ?? -1) >= last || told > 0)));
    let overtaken = 0;
    for (const { began, seen, told, isRetained } of watches) {
      const [value = -1] = seen;
      // What comes first may also be what waited for the forwarder: then all that waited follows.
      if (isRetained) expect(value).toBeGreaterThanOrEqual(began);
      // Who began to listen right before an outage may be given what was emitted in it after the value: that is all then.
      const isOvertaken = isRetained && (seen[1] ?? value) <= value;
      overtaken += isOvertaken ? 1 : 0;
      const events = isOvertaken ? seen.slice(1) : seen;
      const [first = -1] = events;
      expect(events).toEqual([...events].sort((a, b) => a - b));
      expect(new Set(events).size).toBe(events.length);
      expect(events.length + told).toBe(last - first + 1);
    }
    tellFigures('retained values, forwarder killed and restarted', {
      cycles,
      listeners: watches.length,
      'of them with a retained value first': watches.filter(({ isRetained }) => isRetained).length,
      'of these followed by older ones': overtaken,
      'told as lost': watches.reduce((sum, { told }) => sum + told, 0),
      'until the first value, median / max': medianAndMax(times),
    });
  } finally {
    clearInterval(publishing);
    await Promise.all(emitters.map((emitter) => emitter.close()));
  }
});

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await lasting(20);
}
