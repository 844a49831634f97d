/**
 * Honest emitters beside an attacker, each in a process of its own: what they lose, how long their events take, whether
 * a newcomer gets in, and what the forwarder needs meanwhile and afterwards.
 */
import { setTimeout as lasting } from 'node:timers/promises';
import type { Tally } from './assailant.js';
import { type Attack, Attacker } from './attacker.js';
import { type FaultEmitter, monotonicMs, proveSettled } from './fault-peer.js';
import { FaultStage } from './fault-stage.js';
import { ForwarderProcess } from './forwarder-process.js';
import type { Verdict } from './oracle.js';
import { MIB, ResidentWatch, residentBytesOfAll } from './process-memory.js';

export interface Siege {
  readonly attacks: readonly Attack[];
  /** Of the honest publisher. */
  readonly eventsPerSecond: number;
  /** How long is measured before, and during the attack. */
  readonly beforeMs: number;
  readonly attackMs: number;
  /** How long the forwarder is given at most to return its memory afterwards. */
  readonly afterwardsMs: number;
  /**
   * Whether the same is done to another forwarder first, on the same machine: what the honest feel of that, they feel
   * of an attacker that takes processor time, and not of what it does to their forwarder. @default false
   */
  readonly besideFirst?: boolean;
  /** Of the forwarder's command line. */
  readonly forwarderArgs?: readonly string[];
}

export interface Outcome {
  readonly verdict: Verdict;
  readonly tally: Tally;
  /** Resident memory of the forwarder: before, the most during, and the least within some seconds afterwards. */
  readonly residentBefore: number;
  readonly residentPeak: number;
  readonly residentAfter: number;
  readonly p99Before: number;
  /** While the other forwarder was attacked; `NaN` if none was. */
  readonly p99Beside: number;
  readonly p99During: number;
  readonly longestDuring: number;
  /** How long an emitter took to become ready that came during the attack. */
  readonly newcomerMs: number;
  /** Errors that the honest were told of. */
  readonly told: readonly string[];
}

const NAMES = ['honest:0', 'honest:1'];
const EVENT_BYTES = 200;
const SAMPLE_MS = 20;
/** What comes this close to what it was before counts as returned: a process breathes. */
const RETURNED = 8 * MIB;

export async function underAttack(siege: Siege): Promise<Outcome> {
  const { attacks, eventsPerSecond, beforeMs, attackMs, besideFirst = false, forwarderArgs = [] } = siege;
  await using stage = new FaultStage(await ForwarderProcess.start(...forwarderArgs));
  const { forwarder } = stage;
  const publisher = await stage.one('publisher');
  const receiver = await stage.one('receiver', { listensTo: NAMES });
  const newcomers = await stage.peer();
  const load = publisher.load({
    names: NAMES,
    bytes: EVENT_BYTES,
    stamped: true,
    manner: { rate: eventsPerSecond },
  });
  load.catch(() => {});
  // What runs for the first time takes long.
  await lasting(beforeMs / 2);
  await receiver.latencies();
  await lasting(beforeMs);
  const before = await receiver.latencies();
  const beside = besideFirst ? await latenciesBeside(receiver, attacks, attackMs) : [];
  await using attacker = await Attacker.start(forwarder.addresses);
  await receiver.latencies();
  const residentBefore = await residentBytesOfAll(forwarder.pid);
  const watch = new ResidentWatch([forwarder.pid], SAMPLE_MS, residentBytesOfAll);
  await attacker.begin(...attacks);
  const came = monotonicMs();
  const newcomer = await stage.emitter(newcomers, 'newcomer');
  const newcomerMs = monotonicMs() - came;
  await lasting(Math.max(0, attackMs - newcomerMs));
  const during = await receiver.latencies();
  const tally = await attacker.end();
  await watch.stop();
  const residentPeak = watch.of(forwarder.pid).max;
  await publisher.stopLoad();
  await load;
  const verdict = await proveSettled([publisher], [receiver], { told: 'none' });
  const residentAfter = await leastWithin(forwarder.pid, siege.afterwardsMs, residentBefore + RETURNED);
  return {
    verdict,
    tally,
    residentBefore,
    residentPeak,
    residentAfter,
    p99Before: p99(before),
    p99Beside: p99(beside),
    p99During: p99(during),
    longestDuring: during.at(-1) ?? Number.NaN,
    newcomerMs,
    told: await toldOf([publisher, receiver, newcomer]),
  };
}

async function latenciesBeside(
  receiver: FaultEmitter,
  attacks: readonly Attack[],
  attackMs: number,
): Promise<number[]> {
  await using forwarder = await ForwarderProcess.start();
  await using attacker = await Attacker.start(forwarder.addresses);
  await receiver.latencies();
  await attacker.begin(...attacks);
  await lasting(attackMs);
  const latencies = await receiver.latencies();
  await attacker.end();
  return latencies;
}

/** The least that it needs within `ms`; ends early when it is down to `enough`. */
async function leastWithin(pid: number, ms: number, enough: number): Promise<number> {
  const end = monotonicMs() + ms;
  let least = await residentBytesOfAll(pid);
  while (least > enough && monotonicMs() < end) {
    await lasting(SAMPLE_MS);
    least = Math.min(least, await residentBytesOfAll(pid));
  }
  return least;
}

function p99(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
}

/** Each thing once, with how often it was told. */
async function toldOf(emitters: readonly FaultEmitter[]): Promise<string[]> {
  const journals = await Promise.all(emitters.map((emitter) => emitter.journal()));
  const times = new Map<string, number>();
  for (const { errors } of journals) {
    for (const { message } of errors) times.set(message, (times.get(message) ?? 0) + 1);
  }
  return [...times].map(([message, count]) => `${count} × ${message}`);
}
