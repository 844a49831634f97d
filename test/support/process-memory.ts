/** How much memory a process has, as the kernel counts it (Linux). */
import { readFile } from 'node:fs/promises';
import { setTimeout as lasting } from 'node:timers/promises';
import { monotonicMs } from './fault-peer.js';

export const MIB = 1024 * 1024;

/** Resident now, in bytes. */
export function residentBytes(pid: number): Promise<number> {
  return statusBytes(pid, 'VmRSS');
}

/** Resident now, in bytes, of a process and its children; one of them that ends meanwhile counts for nothing. */
export async function residentBytesOfAll(pid: number): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'latin1');
  const pids = [pid, ...children.split(' ').filter(Boolean).map(Number)];
  const bytes = await Promise.all(pids.map((each) => residentBytes(each).catch(() => 0)));
  return bytes.reduce((sum, each) => sum + each, 0);
}

/** Resident at most since the process began, in bytes. */
export function peakResidentBytes(pid: number): Promise<number> {
  return statusBytes(pid, 'VmHWM');
}

async function statusBytes(pid: number, field: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
  if (kib === undefined) throw new Error(`process ${pid} has no ${field}: it has ended`);
  return Number(kib) * 1024;
}

export function toMib(bytes: number): number {
  return Math.round(bytes / MIB);
}

/** Values over time, by {@link monotonicMs}. */
export class Trend {
  readonly #samples: { readonly at: number; readonly value: number }[] = [];

  add(value: number): void {
    this.#samples.push({ at: monotonicMs(), value });
  }

  get count(): number {
    return this.#samples.length;
  }

  get max(): number {
    return Math.max(...this.#samples.map(({ value }) => value));
  }

  /**
   * By how much the values grow per second over the samples of the last part (0 to 1) of the time: the median of the
   * slopes between any two of them, which single ones do not change.
   */
  slope(part = 1): number {
    const end = this.#samples.at(-1)?.at ?? 0;
    const start = this.#samples[0]?.at ?? 0;
    const from = end - (end - start) * part;
    const samples = this.#samples.filter(({ at }) => at >= from);
    const slopes = samples.flatMap((one, i) =>
      samples.slice(i + 1).map((other) => (other.value - one.value) / (other.at - one.at)),
    );
    slopes.sort((a, b) => a - b);
    return (slopes[slopes.length >> 1] ?? 0) * 1000;
  }
}

/** Samples the resident memory of processes at an interval, until {@link stop}. */
export class ResidentWatch {
  readonly trends: ReadonlyMap<number, Trend>;
  readonly #stopped = new AbortController();
  readonly #done: Promise<void>;
  readonly #measure: (pid: number) => Promise<number>;

  /** @param measure {@link residentBytes}, or with {@link residentBytesOfAll} what their children need as well. */
  constructor(pids: readonly number[], intervalMs: number, measure = residentBytes) {
    this.#measure = measure;
    this.trends = new Map(pids.map((pid) => [pid, new Trend()]));
    this.#done = this.#watch(intervalMs);
    this.#done.catch(() => {});
  }

  /** The trend of one of them. */
  of(pid: number): Trend {
    return this.trends.get(pid) as Trend;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#done;
  }

  async #watch(intervalMs: number): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      for (const [pid, trend] of this.trends) trend.add(await this.#measure(pid));
      await lasting(intervalMs, undefined, { signal }).catch(() => {});
    }
  }
}
