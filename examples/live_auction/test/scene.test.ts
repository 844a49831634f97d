import { describe, expect, test } from 'vitest';
import { recall, resultsOf } from '../src/knowledge.js';
import { Latencies } from '../src/latency.js';
import type { HouseNews } from '../src/protocol.js';
import { makeCatalogue } from '../src/sale/catalogue.js';
import { type CurvePoint, extendCurve } from '../src/sale/curve.js';
import { type Auction, EMPTY_HOUSE, openAuction } from '../src/sale/rules.js';
import { bidsPerSecond, EMPTY_SCENE, inView, type News, reduce, type Scene, totalsOf } from '../src/scene.js';
import { drawCurve, shares } from '../src/views/draw.js';
import { grid } from '../src/views/grid.js';

const TIMING = { durationMs: 1000, extensionMs: 200 };
const LOTS = makeCatalogue(1, 3);
const AUCTIONS = [
  ...LOTS.reduce((house, lot) => openAuction(house, lot, TIMING, 0), EMPTY_HOUSE).auctions.values(),
];
const [AUCTION, SECOND] = AUCTIONS as [Auction, Auction, Auction];
const SOLD: Auction = { ...AUCTION, phase: 'sold', leader: 'Ada', priceCents: 500, bids: 3, revision: 9 };

const HOUSE: HouseNews = {
  sale: 'one',
  startedAt: 1,
  phase: 'open',
  settings: { seed: 1, lots: 3, atOnce: 3, bidders: 2, ...TIMING, paceMs: 10 },
  accounts: [{ name: 'Ada', strategy: 'sniper', budgetCents: 1000 }],
  begun: 3,
  revision: 2,
};

function after(...news: News[]): Scene {
  return news.reduce((scene, one) => reduce(scene, one, 1000), EMPTY_SCENE);
}

function state(auction: Auction): News {
  return { type: 'state', auction, sentAt: 5 };
}

describe('what is known', () => {
  test('the newest counts, in whatever order it comes', () => {
    const forth = after({ type: 'house', house: HOUSE }, state(AUCTION), state(SOLD));
    const back = after({ type: 'house', house: HOUSE }, state(SOLD), state(AUCTION));
    expect(forth.knowledge).toEqual(back.knowledge);
    expect(totalsOf(back.knowledge)).toMatchObject({ sold: 1, open: 0, volumeCents: 500, accepted: 3 });
  });

  test('there are results when every lot has its end, and not before', () => {
    const over: HouseNews = { ...HOUSE, phase: 'over', begun: 2, revision: 3 };
    const unsold: Auction = { ...SECOND, phase: 'unsold', leader: 'Ada', priceCents: 5, revision: 9 };
    expect(resultsOf(after({ type: 'house', house: over }, state(SOLD)).knowledge)).toBeUndefined();
    const known = after({ type: 'house', house: over }, state(SOLD), state(unsold)).knowledge;
    expect(resultsOf(known)).toEqual([
      { lot: SOLD.lot.id, title: SOLD.lot.title, winner: 'Ada', cents: 500 },
      { lot: unsold.lot.id, title: unsold.lot.title, winner: null, cents: 0 },
    ]);
  });

  test('recall() - of several memories, the newest of each, of the latest sale', () => {
    const old = { ...HOUSE, sale: 'old', startedAt: 0, revision: 99 };
    const known = recall([
      { house: HOUSE, auctions: [SOLD] },
      { house: old, auctions: [{ ...SECOND, revision: 99 }] },
      { house: { ...HOUSE, revision: 3 }, auctions: [AUCTION] },
      { auctions: [] },
    ]);
    expect(known.house?.revision).toBe(3);
    expect([...known.auctions.values()]).toEqual([SOLD]);
  });
});

describe('a price curve', () => {
  test('keeps what a controller that was restarted does not know', () => {
    const curve = (...points: CurvePoint[]): News => ({ type: 'curve', lot: '1', curve: points });
    const scene = after(curve([1, 10], [5, 20]), curve([5, 20], [7, 30]), curve([5, 20], [7, 30], [9, 40]));
    expect(scene.curves.get('1')).toEqual([
      [1, 10],
      [5, 20],
      [7, 30],
      [9, 40],
    ]);
  });
});

test('bidsPerSecond() - of the last three seconds, also when there are many', () => {
  let scene = EMPTY_SCENE;
  for (let n = 1; n <= 4000; n += 1)
    scene = reduce(scene, { type: 'state', auction: { ...AUCTION, bids: n, revision: n }, sentAt: n }, n);
  expect(bidsPerSecond(scene, 4000)).toBeGreaterThan(900);
  expect(bidsPerSecond(scene, 4000)).toBeLessThanOrEqual(1000);
  expect(scene.pace.length).toBeLessThan(40);
  expect(bidsPerSecond(scene, 8000)).toBe(0);
});

describe('the feed', () => {
  test('tells of a win once', () => {
    const scene = after({ type: 'house', house: HOUSE }, state(AUCTION), state(SOLD), state(SOLD));
    expect(scene.feed.filter(({ kind }) => kind === 'won')).toHaveLength(1);
  });

  test('what happens to many at once is one entry', () => {
    const trouble = (from: string): News => ({ type: 'trouble', from, kind: 'network', message: from });
    const { feed } = after(trouble('Ada'), trouble('Boris'), trouble('Ada'));
    expect(feed.map(({ who }) => who)).toEqual(['Ada, Boris']);
  });

  test('who was killed and is back has not left', () => {
    const join = (id: string): News => ({ type: 'join', id, name: 'Ada', role: 'bidder' });
    const leave: News = { type: 'leave', id: 'a', reason: 'silent' };
    expect(after(join('a'), join('b'), leave).feed.map(({ text }) => text)).toEqual([
      'Ada is here',
      'Ada is here',
    ]);
    expect(after(join('a'), leave).feed.at(-1)?.text).toBe('Ada has left (silent)');
  });
});

describe('what is drawn', () => {
  test('inView() - what is open, and what was sold last where there is room', () => {
    const knowledge = after(...AUCTIONS.map(state), state(SOLD)).knowledge;
    expect(inView(knowledge, 2).map(({ phase }) => phase)).toEqual(['open', 'open']);
    expect(inView(knowledge, 3).map(({ phase }) => phase)).toEqual(['sold', 'open', 'open']);
  });

  test('grid() - all auctions have a place in 80 columns and 14 rows, up to nine', () => {
    for (let slots = 1; slots <= 9; slots += 1) {
      const { columns, rows } = grid(slots, 80, 14);
      expect(columns * rows).toBeGreaterThanOrEqual(slots);
      expect(80 / columns).toBeGreaterThanOrEqual(26);
    }
  });

  test('drawCurve() - a step from the lower left to the upper right', () => {
    const plot = { width: 2, height: 1, untilMs: 3, elapsedMs: 3, minCents: 0, maxCents: 100 };
    expect(
      drawCurve(
        [
          [0, 0],
          [2, 100],
        ],
        plot,
      ),
    ).toEqual(['⣀⡏']);
    expect(drawCurve([[0, 0]], { ...plot, elapsedMs: 1 })).toEqual(['⣀ ']);
  });

  test('shares() - never wider than there is room, and never nothing for something', () => {
    expect(shares([1, 999], 1000, 10)).toEqual([1, 9]);
    expect(shares([0, 500], 1000, 10)).toEqual([0, 5]);
    expect(shares([5000], 1000, 10)).toEqual([10]);
  });

  test('extendCurve() - few points, with the first and the last', () => {
    let curve: readonly CurvePoint[] = [];
    for (let ms = 0; ms < 10_000; ms += 1) curve = extendCurve(curve, [ms, ms]);
    expect(curve.length).toBeLessThanOrEqual(128);
    expect(curve[0]).toEqual([0, 0]);
    expect(curve.at(-1)).toEqual([9999, 9999]);
  });
});

test('Latencies - quantiles to a tenth, also of several put together', () => {
  const [one, other] = [new Latencies(), new Latencies()];
  for (let ms = 1; ms <= 100; ms += 1) (ms % 2 === 0 ? one : other).add(ms);
  one.addAll(other);
  const { count, p50Ms, p99Ms, maxMs } = one.figures();
  expect([count, maxMs]).toEqual([100, 100]);
  expect(p50Ms / 50).toBeGreaterThan(0.9);
  expect(p50Ms / 50).toBeLessThan(1.12);
  expect(p99Ms / 99).toBeGreaterThan(0.9);
  expect(p99Ms).toBeLessThanOrEqual(100);
});
