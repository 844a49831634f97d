/** Who bids: names, strategies and budgets that follow from the seed, and what each thinks of a lot. */
import { CATEGORIES } from './catalogue.js';
import { createRandom, integerBetween, shuffled } from './random.js';
import type { Lot } from './rules.js';
import { PLAYED, type StrategyName } from './strategies.js';

export interface Character {
  readonly name: string;
  readonly strategy: StrategyName;
  readonly budgetCents: number;
}

const NAMES = [
  'Ada',
  'Boris',
  'Chen',
  'Dalia',
  'Emil',
  'Farah',
  'Goran',
  'Hana',
  'Ivo',
  'Jun',
  'Kofi',
  'Lena',
];
export const MAX_BIDDERS = NAMES.length;

const BUDGET_CENTS = { min: 600_000, max: 1_800_000, step: 50_000 };
/** What a lot is worth to somebody, as a part of its estimate. */
const VALUE = { min: 0.65, range: 0.8 };
const WANTED = 2;

/** The first `count` bidders of the sale with this seed. */
export function makeCast(seed: number, count: number): Character[] {
  const random = createRandom(seed, 'cast');
  const strategies = shuffled(random, PLAYED);
  return NAMES.slice(0, count).map((name, index) => ({
    name,
    strategy: strategies[index % strategies.length] as StrategyName,
    budgetCents: drawBudget(random),
  }));
}

/** The budget of a bidder who is started alone and gives none. */
export function budgetOf(seed: number, name: string): number {
  return drawBudget(createRandom(seed, 'budget', name));
}

/** What `lot` is worth to `name`. */
export function worthTo(seed: number, name: string, lot: Lot): number {
  const random = createRandom(seed, 'value', name, lot.id);
  return Math.round(lot.estimateCents * (VALUE.min + random() * VALUE.range));
}

/** The categories that `name` collects. */
export function wantsOf(seed: number, name: string): readonly string[] {
  return shuffled(createRandom(seed, 'wants', name), CATEGORIES).slice(0, WANTED);
}

function drawBudget(random: () => number): number {
  const { min, max, step } = BUDGET_CENTS;
  return min + step * integerBetween(random, 0, (max - min) / step);
}
