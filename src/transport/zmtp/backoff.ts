/**
 * When to dial again: soon at first, then ever more slowly, and never in step with others who lost the same
 * forwarder ("full jitter": anywhere between the least delay and the present ceiling; RFC 37, "Error Handling").
 */
export interface BackoffOptions {
  readonly minDelayMs: number;
  readonly firstCeilingMs: number;
  readonly maxCeilingMs: number;
  /** From 0 up to, but not including, 1. */
  readonly random: () => number;
}

export class Backoff {
  readonly #options: BackoffOptions;
  #ceilingMs: number;

  constructor(options: BackoffOptions) {
    this.#options = options;
    this.#ceilingMs = options.firstCeilingMs;
  }

  /** The delay before the next attempt; the one after it may be twice as long. */
  next(): number {
    const { minDelayMs, maxCeilingMs, random } = this.#options;
    const delay = minDelayMs + random() * (this.#ceilingMs - minDelayMs);
    this.#ceilingMs = Math.min(this.#ceilingMs * 2, maxCeilingMs);
    return delay;
  }

  /** A connection proved good: the next outage starts from the beginning. */
  reset(): void {
    this.#ceilingMs = this.#options.firstCeilingMs;
  }
}
