/** Counts what arrives of the series that are under way, and when. */
import { publisherOf } from '../series.js';

/**
 * How exact the time of the last event is if events are lost: a thousandth of the series, and at most so many events,
 * since reading the clock for each would cost a tenth.
 */
const MAX_CLOCK_EVERY = 256;

export interface Expectation {
  /** Of each publisher, the number of its first event. */
  readonly firsts: readonly number[];
  /** Of all publishers. */
  readonly count: number;
}

export interface Counts {
  readonly received: number;
  /** Events that came after one of the same publisher with a higher number: repeated or out of order. */
  readonly disordered: number;
  /** When the first and the last event came: milliseconds on a clock that all processes share. */
  readonly firstAt: number;
  readonly lastAt: number;
}

export class Tally {
  #firsts: readonly number[] = [];
  #lasts: number[] = [];
  #expected = 0;
  #received = 0;
  #disordered = 0;
  #clockEvery = 1;
  #firstAt = Number.NaN;
  #lastAt = Number.NaN;

  expect({ firsts, count }: Expectation): void {
    this.#firsts = firsts;
    this.#lasts = firsts.map((first) => first - 1);
    this.#expected = count;
    this.#received = 0;
    this.#disordered = 0;
    this.#clockEvery = Math.min(Math.ceil(count / 1000), MAX_CLOCK_EVERY);
    this.#firstAt = Number.NaN;
    this.#lastAt = Number.NaN;
  }

  count(seq: number): void {
    const publisher = publisherOf(seq);
    // A straggler of the series before, which was given up already.
    if (seq < (this.#firsts[publisher] ?? Number.POSITIVE_INFINITY)) return;
    if (this.#received === 0) this.#firstAt = now();
    this.#received += 1;
    if (seq <= (this.#lasts[publisher] as number)) this.#disordered += 1;
    this.#lasts[publisher] = seq;
    if (this.#received % this.#clockEvery === 0 || this.isComplete) this.#lastAt = now();
  }

  get received(): number {
    return this.#received;
  }

  get isComplete(): boolean {
    return this.#received >= this.#expected;
  }

  get counts(): Counts {
    return {
      received: this.#received,
      disordered: this.#disordered,
      firstAt: this.#firstAt,
      lastAt: this.#lastAt,
    };
  }
}

function now(): number {
  return performance.timeOrigin + performance.now();
}
