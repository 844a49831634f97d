/**
 * Races for `ready()`: a subscriber awaits it, and the other side emits in the very turn in which it resolves, under a
 * name that nobody has used before. To several subscribers side by side, whose subscriptions take their time: on one
 * machine they would be in force as soon as they are made.
 */
import type { DistributedEmitter } from '../../src/emitter.js';
import type { DistributedEmitterOptions } from '../../src/options.js';
import type { Bus } from './bus.js';
import { FaultProxy } from './fault-proxy.js';

/** How much later than on this machine the forwarder takes a subscription: a subscriber for each, side by side. */
const DELAYS_MS = [0, 1, 3, 10];

/** Every so many times the subscriber is a new emitter. */
const FRESH_EVERY = 50;
const LOST_AFTER_MS = 10_000;

export interface RaceResults {
  /** Names whose events did not come. */
  readonly lost: readonly string[];
  /** How long the others took. */
  readonly tookMs: readonly number[];
  /** How many subscribers there were. */
  readonly made: number;
}

/** So many races in all; `options` are the subscribers'. */
export async function raceForReady(
  bus: Bus,
  times: number,
  options: DistributedEmitterOptions = {},
): Promise<RaceResults> {
  const publisher = await bus.emitter();
  const lost: string[] = [];
  const tookMs: number[] = [];
  let made = 0;
  const lane = async (delayMs: number): Promise<void> => {
    await using way = await FaultProxy.start(bus.addresses.xpubAddress);
    way.delay(delayMs);
    let subscriber: DistributedEmitter | undefined;
    for (let i = 0; i < times / DELAYS_MS.length; i += 1) {
      if (i % FRESH_EVERY === 0) {
        await subscriber?.close();
        subscriber = undefined;
        made += 1;
      }
      subscriber ??= await bus.emitter({ ...options, xpubAddress: way.address });
      const name = `fresh:${delayMs}:${i}`;
      const ms = await race(publisher, subscriber, name);
      if (ms === undefined) lost.push(name);
      else tookMs.push(ms);
    }
    await subscriber?.close();
  };
  await Promise.all(DELAYS_MS.map(lane));
  return { lost, tookMs, made };
}

/** Resolves with how long the event took after `ready()`, or undefined if it did not come. */
async function race(
  publisher: DistributedEmitter,
  subscriber: DistributedEmitter,
  name: string,
): Promise<number | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const lost = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, LOST_AFTER_MS, undefined);
  });
  const delivered = subscriber.once(name).then(() => performance.now());
  await subscriber.ready();
  const readyAt = performance.now();
  void publisher.emit(name, name);
  const at = await Promise.race([delivered, lost]);
  clearTimeout(timer);
  return at === undefined ? undefined : at - readyAt;
}
