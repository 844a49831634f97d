/** All rounds of one scenario, and what they come to. */
import { median } from '../measure/statistics.js';
import type { Contestant, Measurement, MetricName, Scenario } from '../scenario.js';

export interface Entry {
  readonly contestant: Contestant;
  /** Why it was not measured. */
  readonly skipped: string | undefined;
  readonly measurements: Measurement[];
}

export interface Row {
  readonly scenario: Scenario;
  /** As many as were chosen. */
  readonly entries: readonly Entry[];
}

/** What is compared with the others, if it is among those that were chosen. */
export function oursIn({ scenario, entries }: Row): Entry | undefined {
  return entries.find(({ contestant }) => contestant === scenario.contestants[0]);
}

export function medianOf({ measurements }: Entry, name: MetricName): number {
  return median(measurements.map(({ figures }) => figures[name] ?? Number.NaN));
}

/** The worst of all rounds: an event that is lost once in five is lost. `NaN` if nothing could be lost. */
export function worstLoss({ measurements }: Entry): number {
  return Math.max(...measurements.map(({ lost }) => lost ?? Number.NaN));
}
