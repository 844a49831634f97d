/** How much is measured: in full, and for a quick look. */
import type { Effort } from './scenario.js';

export const FULL: Effort = {
  events: 300_000,
  warmUp: 100_000,
  bytes: 200_000_000,
  roundTrips: 10_000,
  localEvents: 500_000,
  starts: 9,
  execArgv: [],
};

export const QUICK: Effort = {
  ...FULL,
  events: 100_000,
  bytes: 40_000_000,
  roundTrips: 3000,
  localEvents: 100_000,
  starts: 3,
};

export const FULL_ROUNDS = 5;
export const QUICK_ROUNDS = 1;
