/** What a scenario is: who is measured, what of it is shown, and what it is to reach. */

export type MetricName = 'rate' | 'answers' | 'p50' | 'p99' | 'time' | 'memory';

/** What came of measuring one contestant once. */
export interface Measurement {
  readonly figures: Readonly<Partial<Record<MetricName, number>>>;
  /** From 0 to 1. */
  readonly lost?: number;
  /** Events repeated or out of order. */
  readonly disordered?: number;
  /** Why it failed; then figures are missing. */
  readonly failure?: string;
  /** CPU seconds per million events (round trips, requests). */
  readonly publisherCpu?: number;
  readonly subscriberCpu?: number;
}

/** One of those who compete in a scenario. */
export interface Contestant {
  readonly name: string;
  /** Why it cannot be measured here, or `undefined` if it can. */
  missing?(): string | undefined;
  measure(effort: Effort): Promise<Measurement>;
}

/** How much is measured. */
export interface Effort {
  /** Of a series. */
  readonly events: number;
  /** Emitted before the series that counts, but no more than in that. */
  readonly warmUp: number;
  /** Of a series whose events have a size: as many events as make so many bytes. */
  readonly bytes: number;
  readonly roundTrips: number;
  /** Emitted within one process. */
  readonly localEvents: number;
  /** Fresh processes. */
  readonly starts: number;
  /** For Node, in the publisher and the subscriber. */
  readonly execArgv: readonly string[];
}

/** What `metric` of ours is to be: by itself, or beside that of the contestant `to`. Whether more is better decides the rest. */
export interface Goal {
  readonly metric: MetricName | 'lost';
  readonly of: 'value' | 'ratio' | 'difference';
  readonly to?: string;
  readonly bound: number;
}

export interface Scenario {
  readonly title: string;
  /** Ours is the first; the others' ratios are to it. */
  readonly contestants: readonly Contestant[];
  /** What is shown, in this order. */
  readonly metrics: readonly MetricName[];
  /** Of which of them the ratio is shown. */
  readonly compared: readonly MetricName[];
  readonly goals: readonly Goal[];
}
