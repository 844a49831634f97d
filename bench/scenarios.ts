/** The rows of the table: what is measured, and how much of it. */

export interface Throughput {
  readonly kind: 'throughput';
  readonly title: string;
  readonly names: number;
  readonly awaited: boolean;
}

export interface RoundTrip {
  readonly kind: 'round trip';
  readonly title: string;
}

export type Scenario = Throughput | RoundTrip;

export const SCENARIOS: readonly Scenario[] = [
  { kind: 'throughput', title: 'one name, un-awaited', names: 1, awaited: false },
  { kind: 'throughput', title: 'one name, awaited', names: 1, awaited: true },
  { kind: 'throughput', title: 'ten names, un-awaited', names: 10, awaited: false },
  { kind: 'throughput', title: 'ten names, awaited', names: 10, awaited: true },
  { kind: 'round trip', title: 'round trip, one in flight' },
];

export interface Size {
  readonly rounds: number;
  readonly events: number;
  readonly roundTrips: number;
}

export const FULL: Size = { rounds: 5, events: 300_000, roundTrips: 5000 };
export const QUICK: Size = { rounds: 2, events: 100_000, roundTrips: 5000 };
