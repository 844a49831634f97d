/**
 * The three measurements. Each has processes of its own, fresh ones each time, so that what one leaves behind in the
 * compiler or the heap is not charged to the next.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { BenchProcess } from '../processes/process.js';
import type { ForwarderCommands } from './forwarder.js';
import type { IdlersCommands } from './idlers.js';
import type { Memory } from './memory.js';
import { FIRST_SEQ, FULL_BATCH } from './names.js';
import type { PublisherCommands, Series } from './publisher.js';
import type { SubscriberCommands } from './subscriber.js';

/** How long a series may take. */
const LIMIT_MS = 30_000;
/** How long so many emitters may take to connect. */
const CONNECT_LIMIT_MS = 30_000;
/** Until connections, and the names of the series before, have come to rest. */
const SETTLE_MS = 1500;

/** Idle emitters are spread over so many processes at most. */
const MAX_IDLERS = 5;
const EMITTERS_PER_PROCESS = 100;

/** Connected before memory is measured: code and first buffers are no emitter's. */
const FIRST_EMITTERS = 10;

/** 10,000 events a second: what a busy application emits, and far from what the machine can. */
const PACED = { chunk: 50, intervalMs: 5 };

export const ROLES = ['publisher', 'subscriber', 'forwarder'] as const;
export type Role = (typeof ROLES)[number];

/** For each of the three processes: CPU, in whatever unit. */
export type Costs = Readonly<Record<Role, number>>;

export interface Load {
  readonly names: number;
  /** Events in a row of the same name. */
  readonly run: number;
  readonly events: number;
}

export interface IdleCosts {
  /** Microseconds per event, as fast as it goes, beyond `background`. */
  readonly flood: Costs;
  /** The same, whatever it was used for. */
  readonly gross: Costs;
  /** Microseconds per event at a moderate rate, beyond `background`. */
  readonly paced: Costs;
  /** Microseconds per second without events: what idle emitters cost whether there are events or not. */
  readonly background: Costs;
  /** Microseconds per second and idle emitter, without events: in the process that holds it. */
  readonly holder: number;
}

/** Bytes per emitter. */
export interface MemoryCosts {
  readonly holder: Memory;
  readonly forwarder: Memory;
  /** Beyond that, once it has emitted one event. */
  readonly afterEmit: Memory;
}

export interface Effort {
  /** Events before those that count; as many as it takes to use every name are added. */
  readonly warmUp: number;
  readonly backgroundMs: number;
  readonly pacedMs: number;
  readonly memoryEmitters: number;
  /** For Node in publisher and subscriber. */
  readonly execArgv: readonly string[];
}

/** What a series took. */
interface Usage {
  /** Seconds. */
  readonly cpu: Costs;
  /** From its beginning to its last arrival. */
  readonly seconds: number;
}

const NOTHING: Costs = { publisher: 0, subscriber: 0, forwarder: 0 };

interface Trio {
  readonly publisher: BenchProcess<PublisherCommands>;
  readonly subscriber: BenchProcess<SubscriberCommands>;
  readonly forwarder: BenchProcess<ForwarderCommands>;
}

/** Microseconds per event. */
export function measureNames(load: Load, effort: Effort): Promise<Costs> {
  const { names, events } = load;
  const { execArgv } = effort;
  return withForwarder((forwarder, addresses) =>
    withClients({ forwarder, addresses, names, execArgv }, async (trio) =>
      perEvent(await flood(trio, load, effort), events),
    ),
  );
}

export function measureIdle(idle: number, events: number, effort: Effort): Promise<IdleCosts> {
  return withForwarder(async (forwarder, addresses) => {
    const holders = Array.from({ length: Math.min(MAX_IDLERS, Math.ceil(idle / EMITTERS_PER_PROCESS)) }, () =>
      startIdlers(addresses),
    );
    try {
      await Promise.all(
        holders.map((holder, at) => holder.call('add', shareOf(idle, holders.length, at), CONNECT_LIMIT_MS)),
      );
      const { execArgv } = effort;
      return await withClients({ forwarder, addresses, names: 1, execArgv }, async (trio) => {
        const load = { names: 1, run: FULL_BATCH, events };
        await sleep(SETTLE_MS);
        const { costs: background, holder } = await rest(trio, holders, effort.backgroundMs);
        const flooded = await flood(trio, load, effort);
        await sleep(SETTLE_MS);
        const paced = await moderate(trio, load, effort.pacedMs);
        return {
          flood: perEvent(flooded, events, background),
          gross: perEvent(flooded, events),
          paced: perEvent(paced, paced.events, background),
          background,
          holder: holder / idle,
        };
      });
    } finally {
      await Promise.all(holders.map((holder) => holder.stop()));
    }
  });
}

export function measureMemory({ memoryEmitters }: Effort): Promise<MemoryCosts> {
  return withForwarder(async (forwarder, addresses) => {
    const holder = startIdlers(addresses, ['--expose-gc']);
    const look = async (): Promise<[Memory, Memory]> => {
      await sleep(SETTLE_MS);
      return [await holder.call('memory', undefined), await forwarder.call('memory', undefined)];
    };
    try {
      await holder.call('add', FIRST_EMITTERS, CONNECT_LIMIT_MS);
      const [holderBefore, forwarderBefore] = await look();
      await holder.call('add', memoryEmitters, CONNECT_LIMIT_MS);
      const [holderAfter, forwarderAfter] = await look();
      await holder.call('emitOnce', undefined);
      const [holderAtLast] = await look();
      return {
        holder: perEmitter(holderBefore, holderAfter, memoryEmitters),
        forwarder: perEmitter(forwarderBefore, forwarderAfter, memoryEmitters),
        afterEmit: perEmitter(holderAfter, holderAtLast, memoryEmitters + FIRST_EMITTERS),
      };
    } finally {
      await holder.stop();
    }
  });
}

/** The series follows its warm-up at once, as in a stream that goes on: names in use do not come to rest between. */
async function flood(trio: Trio, { names, run, events }: Load, effort: Effort): Promise<Usage> {
  const warmUp = { from: FIRST_SEQ, count: effort.warmUp + names * run, names, run };
  await pass(trio, warmUp, 'emit');
  return pass(trio, { ...warmUp, from: warmUp.from + warmUp.count, count: events }, 'emit');
}

/** At a rate that leaves the machine idle most of the time. */
async function moderate(trio: Trio, { names, run }: Load, ms: number): Promise<Usage & { events: number }> {
  const events = PACED.chunk * Math.round(ms / PACED.intervalMs);
  return { ...(await pass(trio, { from: FIRST_SEQ, count: events, names, run }, 'emitPaced')), events };
}

/** CPU microseconds per second in which nothing is emitted; of all `holders` together. */
async function rest(
  trio: Trio,
  holders: readonly BenchProcess<IdlersCommands>[],
  durationMs: number,
): Promise<{ costs: Costs; holder: number }> {
  const begun = performance.now();
  await Promise.all(holders.map((holder) => holder.call('startCpu', undefined)));
  await startCpu(trio);
  await sleep(durationMs);
  const ofHolders = await Promise.all(holders.map((holder) => holder.call('cpuSeconds', undefined)));
  const ofTrio = {
    publisher: await trio.publisher.call('cpuSeconds', undefined),
    subscriber: await trio.subscriber.call('cpuSeconds', undefined),
    forwarder: await trio.forwarder.call('cpuSeconds', undefined),
  };
  const perSecond = 1e6 / ((performance.now() - begun) / 1000);
  const holder = ofHolders.reduce((sum, seconds) => sum + seconds, 0) * perSecond;
  return { costs: costsOf((role) => ofTrio[role] * perSecond), holder };
}

/** One series, until its last event has arrived. */
async function pass(trio: Trio, series: Series, how: 'emit' | 'emitPaced'): Promise<Usage> {
  const { publisher, subscriber, forwarder } = trio;
  const { count } = series;
  await subscriber.call('expect', count);
  await startCpu(trio);
  const begun = performance.now();
  const arriving = subscriber.call('arrival', undefined, LIMIT_MS);
  if (how === 'emit') await publisher.call('emit', series, LIMIT_MS);
  else await publisher.call('emitPaced', { ...series, ...PACED }, LIMIT_MS);
  const arrival = await arriving;
  const seconds = (performance.now() - begun) / 1000;
  const [ofPublisher, ofForwarder] = await Promise.all([
    publisher.call('cpuSeconds', undefined),
    forwarder.call('cpuSeconds', undefined),
  ]);
  if (arrival === undefined || arrival.received !== count || arrival.disordered > 0)
    throw new Error(`Of ${count} events, this came: ${JSON.stringify(arrival)}`);
  return { cpu: { publisher: ofPublisher, subscriber: arrival.cpuSeconds, forwarder: ofForwarder }, seconds };
}

async function startCpu({ publisher, subscriber, forwarder }: Trio): Promise<void> {
  await Promise.all([
    publisher.call('startCpu', undefined),
    subscriber.call('startCpu', undefined),
    forwarder.call('startCpu', undefined),
  ]);
}

async function withForwarder<T>(
  work: (forwarder: BenchProcess<ForwarderCommands>, addresses: string) => Promise<T>,
): Promise<T> {
  const forwarder = BenchProcess.start<ForwarderCommands>('../scale/forwarder');
  try {
    return await work(forwarder, JSON.stringify(await forwarder.call('addresses', undefined)));
  } finally {
    await forwarder.stop();
  }
}

interface ClientOptions {
  readonly forwarder: BenchProcess<ForwarderCommands>;
  readonly addresses: string;
  readonly names: number;
  readonly execArgv: readonly string[];
}

async function withClients<T>(
  { forwarder, addresses, names, execArgv }: ClientOptions,
  work: (trio: Trio) => Promise<T>,
): Promise<T> {
  const start = <C extends PublisherCommands | SubscriberCommands>(file: string, ...args: string[]) =>
    BenchProcess.start<C>(`../scale/${file}`, [addresses, ...args], execArgv);
  const subscriber = start<SubscriberCommands>('subscriber', String(names));
  const publisher = start<PublisherCommands>('publisher');
  try {
    // Who answers has connected, and all its subscriptions are in force.
    await subscriber.call('startCpu', undefined, CONNECT_LIMIT_MS);
    await publisher.call('startCpu', undefined);
    return await work({ publisher, subscriber, forwarder });
  } finally {
    await Promise.all([publisher.stop(), subscriber.stop()]);
  }
}

function startIdlers(addresses: string, execArgv: readonly string[] = []): BenchProcess<IdlersCommands> {
  return BenchProcess.start<IdlersCommands>('../scale/idlers', [addresses], execArgv);
}

/** Of `whole`, spread as evenly as it goes. */
function shareOf(whole: number, parts: number, at: number): number {
  return Math.floor(whole / parts) + (at < whole % parts ? 1 : 0);
}

function costsOf(cost: (role: Role) => number): Costs {
  return { publisher: cost('publisher'), subscriber: cost('subscriber'), forwarder: cost('forwarder') };
}

/** Microseconds per event, without what is used anyway, in microseconds per second. */
function perEvent({ cpu, seconds }: Usage, events: number, background: Costs = NOTHING): Costs {
  return costsOf((role) => (cpu[role] * 1e6 - background[role] * seconds) / events);
}

function perEmitter(before: Memory, after: Memory, emitters: number): Memory {
  const of = (part: keyof Memory): number => (after[part] - before[part]) / emitters;
  return { rss: of('rss'), heap: of('heap'), external: of('external') };
}
