import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeCatalogue } from '../src/sale/catalogue.js';
import {
  type Bid,
  closeDue,
  committedCents,
  EMPTY_HOUSE,
  type House,
  minimumBid,
  openAuction,
  placeBid,
  postpone,
  register,
  type Verdict,
} from '../src/sale/rules.js';

const TIMING = { durationMs: 1000, extensionMs: 200 };
const NAMES = ['Ada', 'Boris', 'Chen'];
const LOTS = makeCatalogue(1, 3);
const [LOT] = LOTS;
if (LOT === undefined) throw new Error('there is nothing to sell');

/** Three bidders and three open auctions, at 0. */
function makeHouse(budgetCents = 2_000_000): House {
  const people = NAMES.reduce(
    (house, name) => register(house, { name, strategy: 'random', budgetCents }),
    EMPTY_HOUSE,
  );
  return LOTS.reduce((house, lot) => openAuction(house, lot, TIMING, 0), people);
}

function bid(bidder: string, cents: number, number = 1, lot = LOT?.id ?? ''): Bid {
  return { lot, bidder, number, cents };
}

/** All in a row, each at its time; what is over by then has ended. */
function play(house: House, acts: readonly { readonly at: number; readonly bid: Bid }[]) {
  const steps: { before: House; after: House; verdict: Verdict; at: number; bid: Bid }[] = [];
  let current = house;
  for (const act of acts) {
    const before = closeDue(current, act.at).house;
    const placed = placeBid(before, act.bid, act.at);
    current = placed.house;
    steps.push({ before, after: current, verdict: placed.verdict, ...act });
  }
  return { steps, house: current };
}

describe('placeBid()', () => {
  test('refuses each with its reason', () => {
    const house = makeHouse(LOT.openingCents * 2);
    const first = placeBid(house, bid('Ada', LOT.openingCents, 5), 10).house;
    const reasonOf = (of: House, one: Bid, at = 20): string => {
      const { verdict } = placeBid(of, one, at);
      return verdict.accepted ? 'accepted' : verdict.reason;
    };
    expect(reasonOf(house, bid('Ada', LOT.openingCents, 1, 'none'))).toBe('unknown-lot');
    expect(reasonOf(house, bid('Zoe', LOT.openingCents))).toBe('unknown-bidder');
    expect(reasonOf(house, bid('Ada', LOT.openingCents), 1000)).toBe('late');
    expect(reasonOf(house, bid('Ada', LOT.openingCents - 1))).toBe('too-low');
    expect(reasonOf(house, bid('Ada', LOT.openingCents * 2 + 1))).toBe('over-budget');
    expect(reasonOf(first, bid('Ada', LOT.openingCents * 2, 5))).toBe('duplicate');
    expect(reasonOf(first, bid('Ada', LOT.openingCents * 2, 6))).toBe('already-leading');
    expect(reasonOf(first, bid('Boris', LOT.openingCents + LOT.incrementCents - 1))).toBe('too-low');
    expect(reasonOf(first, bid('Boris', LOT.openingCents + LOT.incrementCents))).toBe('accepted');
  });

  test('counts what it refuses, and changes nothing else', () => {
    const house = makeHouse();
    const after = placeBid(house, bid('Ada', 1), 10).house;
    const before = house.auctions.get(LOT.id);
    expect(after.auctions.get(LOT.id)).toEqual({ ...before, refused: { 'too-low': 1 }, revision: 2 });
  });

  test('in the last moments, moves the end', () => {
    const early = placeBid(makeHouse(), bid('Ada', LOT.openingCents), 700).house;
    const late = placeBid(makeHouse(), bid('Ada', LOT.openingCents), 900).house;
    expect(early.auctions.get(LOT.id)?.endsAt).toBe(1000);
    expect(late.auctions.get(LOT.id)?.endsAt).toBe(1100);
  });
});

describe('closeDue()', () => {
  test('sells if the reserve is met, and not otherwise', () => {
    const reserve = Math.max(LOT.reserveCents, LOT.openingCents);
    const met = placeBid(makeHouse(), bid('Ada', reserve), 10).house;
    const { house, closed } = closeDue(met, 1000);
    expect(closed).toEqual(LOTS.map(({ id }) => id));
    expect(house.auctions.get(LOT.id)).toMatchObject({ phase: 'sold', leader: 'Ada', priceCents: reserve });

    const poor = { ...LOT, reserveCents: reserve + 1 };
    const unmet = openAuction({ ...makeHouse(), auctions: new Map() }, poor, TIMING, 0);
    const ended = closeDue(placeBid(unmet, bid('Ada', reserve), 10).house, 1000).house;
    expect(ended.auctions.get(LOT.id)?.phase).toBe('unsold');
    expect(closeDue(ended, 2000).closed).toEqual([]);
  });

  test('waits for as long as was given on top', () => {
    const house = postpone(makeHouse(), 500);
    expect(closeDue(house, 1499).closed).toEqual([]);
    expect(closeDue(house, 1500).closed).toHaveLength(LOTS.length);
  });
});

describe('whatever is bid', () => {
  const acts = fc
    .array(
      fc.record({
        after: fc.integer({ min: 0, max: 150 }),
        bidder: fc.constantFrom(...NAMES, 'Zoe'),
        lot: fc.constantFrom(...LOTS.map(({ id }) => id), 'none'),
        number: fc.integer({ min: 1, max: 30 }),
        cents: fc.integer({ min: 0, max: 1_500_000 }),
      }),
      { maxLength: 60 },
    )
    .map((drawn) => {
      let at = 0;
      return drawn.map(({ after, ...one }) => {
        at += after;
        return { at, bid: one };
      });
    });

  test('a price never falls, and rises by an increment at least', () => {
    fc.assert(
      fc.property(acts, (drawn) => {
        for (const { before, after, verdict, bid: placed } of play(makeHouse(), drawn).steps) {
          for (const [id, auction] of after.auctions) {
            const was = before.auctions.get(id);
            if (was === undefined) throw new Error('an auction came from nowhere');
            expect(auction.priceCents).toBeGreaterThanOrEqual(was.priceCents);
            if (auction.priceCents !== was.priceCents) {
              expect(verdict.accepted).toBe(true);
              expect(auction.priceCents).toBeGreaterThanOrEqual(minimumBid(was));
              expect(auction.leader).toBe(placed.bidder);
            }
          }
        }
      }),
    );
  });

  test('the highest accepted bid wins', () => {
    fc.assert(
      fc.property(acts, (drawn) => {
        const { steps, house } = play(makeHouse(), drawn);
        const ended = closeDue(house, Number.POSITIVE_INFINITY).house;
        for (const { lot, phase, leader, priceCents, bids } of ended.auctions.values()) {
          const accepted = steps.filter((step) => step.verdict.accepted && step.bid.lot === lot.id);
          const highest = accepted.toSorted((a, b) => b.bid.cents - a.bid.cents)[0];
          expect(bids).toBe(accepted.length);
          expect(leader).toBe(highest?.bid.bidder);
          expect(priceCents).toBe(highest?.bid.cents ?? 0);
          expect(phase).toBe(highest !== undefined && priceCents >= lot.reserveCents ? 'sold' : 'unsold');
        }
      }),
    );
  });

  test('nothing is taken after the end', () => {
    fc.assert(
      fc.property(acts, (drawn) => {
        for (const { before, verdict, at, bid: placed } of play(makeHouse(), drawn).steps) {
          if (!verdict.accepted) continue;
          const auction = before.auctions.get(placed.lot);
          expect(auction?.phase).toBe('open');
          expect(at).toBeLessThan(auction?.endsAt ?? 0);
        }
      }),
    );
  });

  test('nobody is committed to more than his budget', () => {
    const budgetCents = 700_000;
    fc.assert(
      fc.property(acts, (drawn) => {
        for (const { after } of play(makeHouse(budgetCents), drawn).steps) {
          for (const name of NAMES)
            expect(committedCents(after.auctions.values(), name)).toBeLessThanOrEqual(budgetCents);
        }
      }),
    );
  });

  test('no bid is taken twice', () => {
    fc.assert(
      fc.property(acts, (drawn) => {
        const { steps } = play(makeHouse(), drawn);
        const taken = steps
          .filter(({ verdict }) => verdict.accepted)
          .map(({ bid: { lot, bidder, number } }) => `${lot} ${bidder} ${number}`);
        expect(new Set(taken).size).toBe(taken.length);
      }),
    );
  });
});
