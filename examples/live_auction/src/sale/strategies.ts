/**
 * How bidders bid. A strategy is a pure function from what a bidder sees to what it would bid, or nothing; the bidder
 * itself looks after budgets and whether it leads already.
 */
import type { Random } from './random.js';
import { type Auction, minimumBid } from './rules.js';

export interface Outlook {
  readonly auction: Auction;
  /** Until the end, as far as the bidder knows. */
  readonly remainingMs: number;
  /** What it is worth to this bidder. */
  readonly valueCents: number;
  /** Categories that this bidder collects. */
  readonly wants: readonly string[];
  readonly random: Random;
}

/** In cents, or `undefined` for no bid. */
export type Strategy = (outlook: Outlook) => number | undefined;

/** The least that will do, and never more than nine tenths of what it is worth. */
const conservative: Strategy = ({ auction, valueCents }) => upTo(valueCents * 0.9, minimumBid(auction));

/** Jumps ahead to frighten the others, and goes well above what it is worth. */
const aggressive: Strategy = ({ auction, valueCents, random }) => {
  const least = minimumBid(auction);
  const jump = Math.floor(random() * 4) * auction.lot.incrementCents;
  const limit = valueCents * 1.25;
  return upTo(limit, least + jump) ?? upTo(limit, least);
};

/** Waits until the end is near. */
const sniper: Strategy = ({ auction, remainingMs, valueCents }) =>
  remainingMs > auction.extensionMs ? undefined : upTo(valueCents * 1.1, minimumBid(auction));

/** Wants some things at almost any price, and others not at all. */
const collector: Strategy = ({ auction, valueCents, wants }) =>
  wants.includes(auction.lot.category) ? upTo(valueCents * 1.6, minimumBid(auction)) : undefined;

/** Nobody knows why. */
const random: Strategy = ({ auction, valueCents, random: draw }) => {
  if (draw() < 0.6) return undefined;
  const steps = Math.floor(draw() ** 2 * 6);
  return upTo(valueCents * (0.5 + draw()), minimumBid(auction) + steps * auction.lot.incrementCents);
};

/** Bids all the time, whatever it costs: to measure with. */
const tireless: Strategy = ({ auction }) => minimumBid(auction);

export const STRATEGIES = { conservative, aggressive, sniper, collector, random, tireless } as const;
export type StrategyName = keyof typeof STRATEGIES;

/** Those of a play, as they are dealt out. */
export const PLAYED: readonly StrategyName[] = [
  'aggressive',
  'collector',
  'sniper',
  'conservative',
  'random',
  'collector',
];

export function isStrategyName(name: string): name is StrategyName {
  return Object.hasOwn(STRATEGIES, name);
}

function upTo(limitCents: number, cents: number): number | undefined {
  return cents <= limitCents ? cents : undefined;
}
