/**
 * The load of most fault tests: some publishers and some subscribers, each with its own way to the forwarder, and events
 * at a steady rate all the while.
 */
import { type FaultEmitter, FaultPeer, proveSettled } from './fault-peer.js';
import type { Rules, Verdict } from './oracle.js';

export interface Addresses {
  readonly xsubAddress: string;
  readonly xpubAddress: string;
}

export interface ClusterPlan {
  /** One publisher for each. */
  readonly publishers: readonly Addresses[];
  /** One subscriber for each. */
  readonly subscribers: readonly Addresses[];
  /** How many emitters share a process. @default all of a kind */
  readonly perProcess?: number;
  /** Further options of every emitter. */
  readonly options?: object;
}

const NAMES = ['flow:0', 'flow:1', 'flow:2', 'flow:3'];

export class FaultCluster implements AsyncDisposable {
  readonly publishers: FaultEmitter[] = [];
  readonly subscribers: FaultEmitter[] = [];
  readonly #peers: FaultPeer[] = [];
  #loads: Promise<unknown>[] = [];

  /** Every subscriber listens, and every emitter has begun to connect. */
  static async start(plan: ClusterPlan): Promise<FaultCluster> {
    const cluster = new FaultCluster();
    try {
      await cluster.#create('publisher', plan.publishers, plan);
      await cluster.#create('subscriber', plan.subscribers, plan);
      // One of them listens to all names, as `onAny` does.
      await Promise.all(
        cluster.subscribers.map((subscriber, i) =>
          i === cluster.subscribers.length - 1 ? subscriber.listenToAll() : subscriber.listen(NAMES),
        ),
      );
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  async ready(): Promise<void> {
    await Promise.all([...this.publishers, ...this.subscribers].map((emitter) => emitter.ready()));
  }

  /** `eventsPerSecond` over all publishers, until {@link stopLoad}. */
  startLoad(eventsPerSecond: number, bytes?: number): void {
    const manner = { rate: eventsPerSecond / this.publishers.length };
    const load = { names: NAMES, manner, ...(bytes === undefined ? {} : { bytes }) };
    this.#loads = this.publishers.map((publisher) => publisher.load(load));
    for (const running of this.#loads) running.catch(() => {});
  }

  async stopLoad(): Promise<void> {
    await Promise.all(this.publishers.map((publisher) => publisher.stopLoad()));
    await Promise.all(this.#loads);
  }

  /** Every publisher emits `count` events in one turn of its event loop. */
  async burst(count: number): Promise<void> {
    const load = { names: NAMES, count, manner: 'one turn' } as const;
    await Promise.all(this.publishers.map((publisher) => publisher.load(load)));
  }

  /**
   * Does `fault`, and tells how long after the time that it returns each subscriber got its first event: what comes
   * before the fault's own end does not count, so nothing may be on its way when this is called.
   */
  async firstDeliveriesAfter(fault: () => Promise<number>, timeoutMs: number): Promise<number[]> {
    const watches = await Promise.all(this.subscribers.map((subscriber) => subscriber.watch()));
    const since = await fault();
    const times = await Promise.all(watches.map((watched) => watched(timeoutMs)));
    return times.map((time) => time - since);
  }

  /** Waits for what is still on its way, and has the oracle judge. */
  prove(rules: Rules & { readonly quietMs?: number } = {}): Promise<Verdict> {
    return proveSettled(this.publishers, this.subscribers, rules);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#peers.map((peer) => peer[Symbol.asyncDispose]()));
  }

  async #create(
    kind: 'publisher' | 'subscriber',
    ways: readonly Addresses[],
    { options, perProcess = ways.length }: ClusterPlan,
  ): Promise<void> {
    const emitters = kind === 'publisher' ? this.publishers : this.subscribers;
    let peer: FaultPeer | undefined;
    for (const [i, addresses] of ways.entries()) {
      if (peer === undefined || i % perProcess === 0) {
        peer = await FaultPeer.start();
        this.#peers.push(peer);
      }
      emitters.push(await peer.create({ ...addresses, ...options }, `${kind} ${i}`));
    }
  }
}
