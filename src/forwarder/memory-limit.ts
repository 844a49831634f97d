/**
 * A proxy that may only need so much memory.
 *
 * libzmq bounds nothing in bytes: it keeps every topic of every subscriber, and counts the messages that wait for one,
 * however large they are. Nor does it say whose they are, or let go of a single peer. What can be done from outside
 * is to drop them all: memory over the limit ends the proxy, and another one begins at the same addresses. Emitters
 * connect again within a third of a second and ask for what they missed, as after any outage.
 *
 * The other one runs in a child process. What is freed in this one may not go back to the system, as it lies in
 * pieces between what is still in use; what ends with a process always does.
 */
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { DemitterError } from '../errors.js';
import { atBoundPorts } from './bound-settings.js';
import type { ProxySettings, Report, RunningProxy, StartProxy } from './settings.js';

/** A flood from this machine brings some 300 MB a second of topics, or a gigabyte of large messages. */
const CHECK_INTERVAL_MS = 100;

/** Freeing what is over the limit took four seconds at most, on a busy machine. */
const MAX_STOP_MS = 10_000;

/** Room for some 9,000 emitters. */
const MAX_DEFAULT_BYTES = 512 * 1024 * 1024;

export interface MemoryLimit {
  /** Of the process that the proxy runs in, as the kernel counts what is resident. */
  readonly maxBytes: number;
  /** All connections are about to be dropped. */
  onOver(residentBytes: number): void;
  /**
   * The proxy does not end. libzmq walks through all topics for each subscriber that leaves: if others come and go
   * faster than that, its thread never gets to anything else, and whoever has left still costs memory. Only the end
   * of this process helps.
   */
  onStuck(): void;
}

/**
 * 512 MiB, or a third of what this machine or container has if that is less: the process that is left behind and the
 * next one fit beside each other.
 */
export function defaultMemoryLimit(): number {
  const constrained = process.constrainedMemory();
  const available = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return Math.min(MAX_DEFAULT_BYTES, Math.floor(available / 3));
}

/**
 * As `start`, but what it starts keeps to `limit`: when it does not, `startNext` takes its place, and its own.
 * Whoever waits for the end hears of the last one's.
 */
export function limitMemory(start: StartProxy, startNext: StartProxy, limit: MemoryLimit): StartProxy {
  return async (settings, report) =>
    new LimitedProxy(await start(settings, report), settings, report, startNext, limit);
}

class LimitedProxy implements RunningProxy {
  readonly xsubAddress: string;
  readonly xpubAddress: string;
  readonly ended: Promise<DemitterError | undefined>;
  readonly #settings: ProxySettings;
  readonly #report: Report;
  readonly #startNext: StartProxy;
  readonly #limit: MemoryLimit;
  #proxy: RunningProxy;
  #state: 'running' | 'stopping' = 'running';

  constructor(
    proxy: RunningProxy,
    settings: ProxySettings,
    report: Report,
    startNext: StartProxy,
    limit: MemoryLimit,
  ) {
    const { xsubAddress, xpubAddress } = proxy;
    this.xsubAddress = xsubAddress;
    this.xpubAddress = xpubAddress;
    this.#proxy = proxy;
    this.#report = report;
    this.#startNext = startNext;
    this.#limit = limit;
    this.#settings = atBoundPorts(settings, proxy);
    this.ended = this.#live();
  }

  get kind(): RunningProxy['kind'] {
    return this.#proxy.kind;
  }

  get pid(): number | undefined {
    return this.#proxy.pid;
  }

  reloadKeys(): void {
    this.#proxy.reloadKeys();
  }

  async stop(): Promise<void> {
    this.#state = 'stopping';
    await this.#proxy.stop();
    await this.ended;
  }

  async #live(): Promise<DemitterError | undefined> {
    for (;;) {
      const overBytes = await this.#untilOver();
      if (overBytes === undefined) return this.#proxy.ended;
      this.#limit.onOver(overBytes);
      await this.#end();
      if (this.#isStopping()) return undefined;
      try {
        this.#proxy = await this.#startNext(this.#settings, this.#report);
      } catch (cause) {
        return new DemitterError(
          'DEMITTER_FORWARDER_FAILED',
          `the proxy needed too much memory and could not be started again: ${messageOf(cause)}`,
          { cause },
        );
      }
      if (this.#isStopping()) await this.#proxy.stop();
    }
  }

  async #end(): Promise<void> {
    const { kind, pid } = this.#proxy;
    const timer = setTimeout(() => this.#limit.onStuck(), MAX_STOP_MS);
    const stopped = this.#proxy.stop();
    // A child is not given the time to free everything: it all ends with it.
    if (kind === 'child' && pid !== undefined) process.kill(pid, 'SIGKILL');
    await stopped;
    clearTimeout(timer);
  }

  /** Whether `stop` was called, also while something else was waited for. */
  #isStopping(): boolean {
    return this.#state === 'stopping';
  }

  /** Resolves with what the proxy's process needs once that is over the limit, and with nothing at the proxy's end. */
  #untilOver(): Promise<number | undefined> {
    const { ended, pid } = this.#proxy;
    return new Promise((resolve) => {
      const timer = setInterval(() => {
        const bytes = residentBytes(pid);
        if (bytes > this.#limit.maxBytes) settle(bytes);
      }, CHECK_INTERVAL_MS);
      // The proxy itself keeps the process alive.
      timer.unref();
      function settle(bytes?: number): void {
        clearInterval(timer);
        resolve(bytes);
      }
      void ended.then(() => settle());
    });
  }
}

/** 0 where the system does not say: that of another process, everywhere but on Linux. */
function residentBytes(pid: number | undefined): number {
  if (pid === process.pid) return process.memoryUsage.rss();
  try {
    const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
    return Number(kibibytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
