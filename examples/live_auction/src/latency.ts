/** Latencies counted in buckets: constant memory, and those of several processes can be added up. */

/** Bucket n holds what is less than SMALLEST_MS × GROWTH ** n: so quantiles are exact to a tenth. */
const SMALLEST_MS = 0.02;
const GROWTH = 1.1;
const BUCKETS = 160;

export interface LatencyFigures {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export class Latencies {
  readonly counts: number[] = Array.from({ length: BUCKETS }, () => 0);
  maxMs = 0;

  add(ms: number): void {
    const bucket = Math.ceil(Math.log(Math.max(ms, SMALLEST_MS) / SMALLEST_MS) / Math.log(GROWTH));
    const index = Math.min(bucket, BUCKETS - 1);
    this.counts[index] = (this.counts[index] ?? 0) + 1;
    this.maxMs = Math.max(this.maxMs, ms);
  }

  addAll({ counts, maxMs }: { readonly counts: readonly number[]; readonly maxMs: number }): void {
    for (const [index, count] of counts.entries()) this.counts[index] = (this.counts[index] ?? 0) + count;
    this.maxMs = Math.max(this.maxMs, maxMs);
  }

  figures(): LatencyFigures {
    const count = this.counts.reduce((sum, part) => sum + part, 0);
    return {
      count,
      p50Ms: this.#quantile(count, 0.5),
      p99Ms: this.#quantile(count, 0.99),
      maxMs: this.maxMs,
    };
  }

  #quantile(count: number, part: number): number {
    let left = count * part;
    for (const [index, inBucket] of this.counts.entries()) {
      left -= inBucket;
      if (inBucket > 0 && left <= 0) return Math.min(this.maxMs, SMALLEST_MS * GROWTH ** index);
    }
    return 0;
  }
}
