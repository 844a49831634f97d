/**
 * The far ends of fault tests: child processes with emitters of the built package, under load, counting what they emit
 * and receive for the oracle. What each emitter said of itself is in its journal, with times that can be compared
 * between processes.
 */
import { fileURLToPath } from 'node:url';
import type { Publication, PublishedReport, ReceivedReport } from './fault-record.mjs';
import { prove, type Reception, type Rules, type Verdict } from './oracle.js';
import { type ExitStatus, spawnNode, type TestProcess } from './process.js';

const PROGRAM = fileURLToPath(new URL('./fault-peer-program.mjs', import.meta.url));

/** Longer than any time limit after which the library gives up on its own and says so. */
const QUIET_MS = 10_000;

/** Milliseconds of a clock that all processes of this machine share, and that nobody sets. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export interface Load {
  /** Emitted in rotation. */
  readonly names: readonly string[];
  /** How large an event is, about. @default as small as they get */
  readonly bytes?: number;
  /** Every event says when it was emitted, for {@link FaultEmitter.latencies}. */
  readonly stamped?: boolean;
  /** The load ends after so many events, after this time, or with {@link FaultEmitter.stopLoad}. */
  readonly count?: number;
  readonly durationMs?: number;
  /**
   * `rate`: events per second over all names. `chunk`: so many un-awaited, then a turn of the event loop. `awaited`:
   * one after another. `one turn`: all of `count` un-awaited in one turn of the loop.
   */
  readonly manner: { readonly rate: number } | { readonly chunk: number } | 'awaited' | 'one turn';
}

export interface StatusEntry {
  readonly at: number;
  readonly status: string;
  readonly previous: string;
  readonly cause?: string;
}

export interface ErrorEntry {
  readonly at: number;
  readonly type: string;
  readonly code: string;
  readonly message: string;
  readonly eventName?: string;
  readonly missed?: number;
  readonly publisherId?: string;
}

/** The first 1,000 of each, and how many errors of each type there were in all. */
export interface Journal {
  readonly statuses: readonly StatusEntry[];
  readonly errors: readonly ErrorEntry[];
  readonly errorCounts: Readonly<Record<string, number>>;
}

interface Reply {
  readonly started?: true;
  readonly id?: number;
  readonly result?: unknown;
  readonly failure?: string;
}

export class FaultPeer implements AsyncDisposable {
  readonly process: TestProcess;
  readonly #started: Promise<void>;
  readonly #calls = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
  #nextId = 1;

  constructor(execArgv: readonly string[]) {
    this.process = spawnNode(PROGRAM, { ipc: true, execArgv });
    this.#started = new Promise((resolve, reject) => {
      this.process.child.on('message', (message) => this.#take(message as Reply, resolve));
      void this.process.exit.then(({ code, signal }) => {
        const error = new Error(
          `the peer ended (${signal ?? `code ${code}`}); it printed:\n${this.process.output}`,
        );
        reject(error);
        for (const call of this.#calls.values()) call.reject(error);
      });
    });
    this.#started.catch(() => {});
  }

  /** Starts a process without emitters. `execArgv`: arguments of Node (`--expose-gc`). */
  static async start({ execArgv = [] as readonly string[] } = {}): Promise<FaultPeer> {
    const peer = new FaultPeer(execArgv);
    await peer.#started;
    return peer;
  }

  /** An emitter that has begun to connect. */
  async create(options: object, label?: string): Promise<FaultEmitter> {
    const { key, id } = await this.call<{ key: number; id: string }>(undefined, 'create', options);
    return new FaultEmitter(this, key, id, label ?? id);
  }

  /** Stops the event loop for `ms`; resolves when it turns again. */
  block(ms: number): Promise<void> {
    return this.call(undefined, 'block', ms);
  }

  /** After a garbage collection, if the process has `--expose-gc`. */
  memory(): Promise<NodeJS.MemoryUsage> {
    return this.call(undefined, 'memory');
  }

  activeResources(): Promise<string[]> {
    return this.call(undefined, 'activeResources');
  }

  /** SIGSTOP: the process stands still, its sockets stay open and are not read. */
  suspend(): void {
    this.process.kill('SIGSTOP');
  }

  resume(): void {
    this.process.kill('SIGCONT');
  }

  /** Closes every emitter and resolves with how the process ended: by itself. */
  close(): Promise<ExitStatus> {
    this.call(undefined, 'close').catch(() => {});
    return this.process.exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }

  /** Of the process itself if `key` is undefined, otherwise of the emitter of that key. */
  async call<Result>(key: number | undefined, command: string, ...args: unknown[]): Promise<Result> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.process.child.send({ id, key, command, args }, (error) => {
        if (error) reject(error);
      });
    });
  }

  #take({ started, id, result, failure }: Reply, onStarted: () => void): void {
    if (started) onStarted();
    const call = id === undefined ? undefined : this.#calls.get(id);
    if (call === undefined) return;
    this.#calls.delete(id as number);
    if (failure === undefined) call.resolve(result as never);
    else call.reject(new Error(failure));
  }
}

export class FaultEmitter {
  readonly peer: FaultPeer;
  readonly id: string;
  /** For messages. */
  readonly label: string;
  readonly #key: number;
  #names: string[] | undefined = [];
  #joined = false;

  constructor(peer: FaultPeer, key: number, id: string, label: string) {
    this.peer = peer;
    this.#key = key;
    this.id = id;
    this.label = label;
  }

  async listen(names: readonly string[]): Promise<void> {
    this.#names?.push(...names);
    await this.#call('listen', names);
  }

  async listenToAll(): Promise<void> {
    this.#names = undefined;
    await this.#call('listenToAll');
  }

  /** For one that begins to listen while others emit: it is judged from the first event that it sees. */
  joins(): this {
    this.#joined = true;
    return this;
  }

  ready(options: { readonly timeout?: number } = {}): Promise<void> {
    return this.#call('ready', options);
  }

  /** Resolves when the load has ended, with what was emitted. One load at a time. */
  load(load: Load): Promise<{ emitted: number; ms: number }> {
    return this.#call('load', load);
  }

  /** Ends the load; {@link load} resolves soon after. */
  stopLoad(): Promise<void> {
    return this.#call('stopLoad');
  }

  /**
   * Every listener works on each event from now on, for a time between two. It ends by itself: a process that is behind with
   * its work hears of nothing else for seconds.
   */
  work(work: {
    readonly minMs: number;
    readonly maxMs: number;
    readonly durationMs?: number;
  }): Promise<void> {
    return this.#call('work', work);
  }

  /** How long each stamped event took that came since this was asked last, in milliseconds, the shortest first. */
  latencies(): Promise<number[]> {
    return this.#call('latencies');
  }

  /** From now on, pauses between events are measured. */
  startPauses(): Promise<void> {
    return this.#call('startPauses');
  }

  /** The longest pause between two events since {@link startPauses}, in milliseconds. */
  longestPause(): Promise<number> {
    return this.#call('longestPause');
  }

  /** How much came in so far: events, and losses that were told. */
  progress(): Promise<number> {
    return this.#call('progress');
  }

  /** Drops the record of what came in: what memory the process still needs is the library's. */
  forgetReceived(): Promise<void> {
    return this.#call('forgetReceived');
  }

  async publication(): Promise<Publication> {
    return { publisher: this.id, ...(await this.#call<PublishedReport>('published')) };
  }

  async reception(): Promise<Reception> {
    return {
      subscriber: this.id,
      label: this.label,
      names: this.#names,
      joined: this.#joined,
      ...(await this.#call<ReceivedReport>('received')),
    };
  }

  /**
   * Resolves when all of `publications` has been delivered or told (true), or when nothing came in for `quietMs`
   * (false): the oracle then says what is missing.
   */
  settled(publications: readonly Publication[], quietMs = QUIET_MS): Promise<boolean> {
    const expected = publications.filter(({ publisher }) => publisher !== this.id);
    return this.#call('settled', { expected, quietMs, joined: this.#joined });
  }

  /**
   * Begins to wait for an event. Resolves when the wait is set, with a function that resolves with the event's time, or
   * rejects after `timeoutMs`.
   */
  async watch(): Promise<(timeoutMs: number) => Promise<number>> {
    await this.#call('watch');
    return (timeoutMs) => this.#call('watched', timeoutMs);
  }

  /** The first change to `status` at or after the time `since`; rejects if it does not come within `timeoutMs`. */
  statusAfter(status: string, since: number, timeoutMs: number): Promise<StatusEntry> {
    return this.#call('statusAfter', status, since, timeoutMs);
  }

  journal(): Promise<Journal> {
    return this.#call('journal');
  }

  status(): Promise<string> {
    return this.#call('status');
  }

  /** Whether the forwarder runs in its process. */
  hosting(): Promise<boolean> {
    return this.#call('hosting');
  }

  /** The round trip that the last probe took. */
  latency(): Promise<number | undefined> {
    return this.#call('latency');
  }

  close(): Promise<void> {
    return this.#call('closeEmitter');
  }

  /** Closes it and forgets its record and journal: nothing can be asked of it afterwards. */
  leave(): Promise<void> {
    return this.peer.call(undefined, 'leave', this.#key);
  }

  #call<Result>(command: string, ...args: unknown[]): Promise<Result> {
    return this.peer.call(this.#key, command, ...args);
  }
}

export interface SettleRules extends Rules {
  readonly quietMs?: number;
  /** What publishers emitted that have left meanwhile. */
  readonly gone?: readonly Publication[];
}

/** Waits until every subscriber has settled, and has the oracle judge what came. All loads must have ended. */
export async function proveSettled(
  publishers: readonly FaultEmitter[],
  subscribers: readonly FaultEmitter[],
  { quietMs, gone = [], ...rules }: SettleRules = {},
): Promise<Verdict> {
  const present = await Promise.all(publishers.map((publisher) => publisher.publication()));
  const publications = [...present, ...gone];
  await Promise.all(subscribers.map((subscriber) => subscriber.settled(publications, quietMs)));
  const receptions = await Promise.all(subscribers.map((subscriber) => subscriber.reception()));
  const labels = new Map(publishers.map(({ id, label }) => [id, label]));
  return prove(publications, receptions, { labels, ...rules });
}
