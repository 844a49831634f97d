import { describe, expect, test } from 'vitest';
import { makeCast, worthTo } from '../src/sale/cast.js';
import { makeCatalogue } from '../src/sale/catalogue.js';
import { createRandom } from '../src/sale/random.js';
import { EMPTY_HOUSE, minimumBid, openAuction } from '../src/sale/rules.js';
import { type Outlook, STRATEGIES } from '../src/sale/strategies.js';

const [LOT] = makeCatalogue(1, 1);
if (LOT === undefined) throw new Error('there is nothing to sell');
const AUCTION = openAuction(EMPTY_HOUSE, LOT, { durationMs: 1000, extensionMs: 200 }, 0).auctions.get(LOT.id);
if (AUCTION === undefined) throw new Error('there is no auction');

const PATIENT: Outlook = {
  auction: AUCTION,
  remainingMs: 900,
  valueCents: LOT.estimateCents,
  wants: [],
  random: createRandom(1),
};
const LEAST = minimumBid(AUCTION);

describe('strategies', () => {
  test('conservative: the least, and nothing above its value', () => {
    expect(STRATEGIES.conservative(PATIENT)).toBe(LEAST);
    expect(STRATEGIES.conservative({ ...PATIENT, valueCents: LEAST })).toBeUndefined();
  });

  test('aggressive: jumps, but bids the least rather than nothing', () => {
    expect(STRATEGIES.aggressive({ ...PATIENT, random: () => 0.99 })).toBe(LEAST + 3 * LOT.incrementCents);
    expect(STRATEGIES.aggressive({ ...PATIENT, valueCents: LEAST, random: () => 0.99 })).toBe(LEAST);
  });

  test('sniper: waits for the end', () => {
    expect(STRATEGIES.sniper(PATIENT)).toBeUndefined();
    expect(STRATEGIES.sniper({ ...PATIENT, remainingMs: 150 })).toBe(LEAST);
  });

  test('collector: wants what it collects, and nothing else', () => {
    expect(STRATEGIES.collector(PATIENT)).toBeUndefined();
    expect(STRATEGIES.collector({ ...PATIENT, wants: [LOT.category] })).toBe(LEAST);
  });

  test('random: sometimes nothing, never less than the least', () => {
    const bids = Array.from({ length: 200 }, () => STRATEGIES.random(PATIENT));
    expect(bids).toContain(undefined);
    expect(bids.every((cents) => cents === undefined || cents >= LEAST)).toBe(true);
    expect(bids.some((cents) => cents !== undefined)).toBe(true);
  });
});

describe('a seed', () => {
  test('makes the same items, bidders and values each time, and others for another seed', () => {
    expect(makeCatalogue(7, 12)).toEqual(makeCatalogue(7, 12));
    expect(makeCast(7, 10)).toEqual(makeCast(7, 10));
    expect(worthTo(7, 'Ada', LOT)).toBe(worthTo(7, 'Ada', LOT));
    expect(makeCatalogue(8, 12)).not.toEqual(makeCatalogue(7, 12));
    expect(makeCast(8, 10)).not.toEqual(makeCast(7, 10));
  });
});
