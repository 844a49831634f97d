/** What the house sells. Which items, at which prices, follows from the seed. */
import { createRandom, integerBetween, shuffled } from './random.js';
import type { Lot } from './rules.js';

export const CATEGORIES = ['art', 'books', 'clocks', 'music', 'science'] as const;
export type Category = (typeof CATEGORIES)[number];

/** Title, category, estimate in euros. */
const ITEMS: readonly (readonly [title: string, category: Category, euros: number])[] = [
  ['Brass sextant, 1790', 'science', 1800],
  ['Violin, Mittenwald', 'music', 4200],
  ['Longcase clock', 'clocks', 2600],
  ['Atlas of the heavens', 'books', 3100],
  ['Harbour at dusk, oil', 'art', 5200],
  ['Enigma rotor set', 'science', 3900],
  ['Pocket watch, gold', 'clocks', 1500],
  ['First edition, Ulysses', 'books', 6400],
  ['Blue nude, lithograph', 'art', 2900],
  ['Music box, 72 teeth', 'music', 950],
  ['Marine chronometer', 'clocks', 4700],
  ['Orrery, six planets', 'science', 5600],
  ['Theremin, 1929', 'music', 3300],
  ['Herbarium, 12 vols', 'books', 1250],
  ['Ink scroll, cranes', 'art', 2100],
  ['Telegraph key', 'science', 420],
  ['Cuckoo clock, carved', 'clocks', 380],
  ['Accordion, pearl', 'music', 1100],
  ['Letters of a botanist', 'books', 780],
  ['Bronze heron', 'art', 1650],
  ['Microscope, 1880', 'science', 860],
  ['Station clock', 'clocks', 640],
  ['Gramophone, oak', 'music', 720],
  ['Map of Lisbon, 1755', 'books', 2300],
  ['Self-portrait, chalk', 'art', 3700],
  ['Slide rule, ivory', 'science', 210],
];

const CENTS = 100;
/** As parts of the estimate. */
const OPENING = 0.4;
const INCREMENT = 0.04;
const RESERVE_PERCENT = { min: 55, max: 110 };

export const MAX_LOTS = ITEMS.length;

/** The first `count` lots of the sale with this seed. */
export function makeCatalogue(seed: number, count: number): Lot[] {
  const random = createRandom(seed, 'catalogue');
  return shuffled(random, ITEMS)
    .slice(0, count)
    .map(([title, category, euros], index) => ({
      id: `${index + 1}`,
      title,
      category,
      estimateCents: euros * CENTS,
      openingCents: roundEuros(euros * OPENING),
      incrementCents: roundEuros(euros * INCREMENT),
      reserveCents: roundEuros(
        (euros * integerBetween(random, RESERVE_PERCENT.min, RESERVE_PERCENT.max)) / 100,
      ),
    }));
}

/** To whole tens of euros, and at least one, in cents. */
function roundEuros(euros: number): number {
  return Math.max(1, Math.round(euros / 10)) * 10 * CENTS;
}
