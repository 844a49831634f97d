/**
 * What a view shows, and how it changes with what is told: a pure function from scene and news to the next scene. It
 * keeps no more than can be seen.
 */
import { type Knowledge, learnAuction, learnHouse, NOTHING } from './knowledge.js';
import type { Events, HouseNews, Role, Vitals } from './protocol.js';
import { type CurvePoint, extendCurve } from './sale/curve.js';
import { formatCents } from './sale/money.js';
import { type Auction, REFUSALS, type Refusal } from './sale/rules.js';

export type News =
  | { readonly type: 'house'; readonly house: HouseNews }
  | { readonly type: 'state'; readonly auction: Auction; readonly sentAt: number | undefined }
  | { readonly type: 'curve'; readonly lot: string; readonly curve: readonly CurvePoint[] }
  | { readonly type: 'tick'; readonly lot: string; readonly remainingMs: number }
  | { readonly type: 'refused'; readonly lot: string; readonly refusal: Events['refused'] }
  | { readonly type: 'join'; readonly id: string; readonly name: string; readonly role: Role }
  | { readonly type: 'leave'; readonly id: string; readonly reason: string }
  | { readonly type: 'vitals'; readonly vitals: Vitals }
  | { readonly type: 'trouble'; readonly from: string; readonly kind: string; readonly message: string }
  | { readonly type: 'status'; readonly status: string };

export type FeedKind = 'bid' | 'refused' | 'won' | 'unsold' | 'opened' | 'people' | 'trouble' | 'sale';

export interface FeedEntry {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly kind: FeedKind;
  /** Who it is about, in whose colour it is shown. */
  readonly who?: string | undefined;
  readonly text: string;
}

export interface Scene {
  readonly knowledge: Knowledge;
  readonly curves: ReadonlyMap<string, readonly CurvePoint[]>;
  /** When each auction ends, by this process's clock, as far as its ticks tell. */
  readonly endings: ReadonlyMap<string, number>;
  readonly present: ReadonlyMap<string, { readonly name: string; readonly role: Role }>;
  readonly vitals: ReadonlyMap<string, { readonly at: number; readonly vitals: Vitals }>;
  /** The newest last. */
  readonly feed: readonly FeedEntry[];
  /** How many bids were decided, at moments of the last seconds. */
  readonly pace: readonly { readonly at: number; readonly decided: number }[];
}

export interface Totals {
  readonly sold: number;
  readonly unsold: number;
  readonly open: number;
  readonly volumeCents: number;
  readonly accepted: number;
  readonly refused: Readonly<Record<Refusal, number>>;
  readonly refusedInAll: number;
}

const FEED_LENGTH = 200;
const PACE_MS = 3000;
/** Moments that are closer than this are one. */
const MOMENT_MS = 100;

export const EMPTY_SCENE: Scene = {
  knowledge: NOTHING,
  curves: new Map(),
  endings: new Map(),
  present: new Map(),
  vitals: new Map(),
  feed: [],
  pace: [],
};

/** `at`: when that was heard, in milliseconds since 1970. */
export function reduce(scene: Scene, news: News, at: number): Scene {
  switch (news.type) {
    case 'house':
      return onHouse(scene, news.house, at);
    case 'state':
      return onState(scene, news.auction, news.sentAt, at);
    case 'curve':
      return onCurve(scene, news.lot, news.curve);
    case 'tick':
      return { ...scene, endings: new Map(scene.endings).set(news.lot, at + news.remainingMs) };
    case 'refused': {
      const { bidder, cents, reason } = news.refusal;
      return tell(scene, at, 'refused', `${formatCents(cents)} refused: ${reason}`, bidder);
    }
    case 'join': {
      const { id, name, role } = news;
      const present = new Map(scene.present).set(id, { name, role });
      return tell({ ...scene, present }, at, 'people', `${name} is here`, name);
    }
    case 'leave': {
      const { name } = scene.present.get(news.id) ?? {};
      const present = new Map(scene.present);
      present.delete(news.id);
      // Who was killed and is back already has not left.
      const isBack = [...present.values()].some((peer) => peer.name === name);
      if (name === undefined || isBack) return { ...scene, present };
      return tell({ ...scene, present }, at, 'people', `${name} has left (${news.reason})`, name);
    }
    case 'vitals': {
      const { vitals } = news;
      return { ...scene, vitals: new Map(scene.vitals).set(vitals.name, { at, vitals }) };
    }
    case 'trouble':
      return onTrouble(scene, news.from, news.kind, news.message, at);
    case 'status':
      return tell(scene, at, 'trouble', `link ${news.status}`);
  }
}

export function totalsOf({ auctions }: Knowledge): Totals {
  const all = [...auctions.values()];
  const refused = Object.fromEntries(
    REFUSALS.map((reason) => [reason, sum(all, (auction) => auction.refused[reason] ?? 0)]),
  ) as Record<Refusal, number>;
  return {
    sold: all.filter(({ phase }) => phase === 'sold').length,
    unsold: all.filter(({ phase }) => phase === 'unsold').length,
    open: all.filter(({ phase }) => phase === 'open').length,
    volumeCents: sum(all, ({ phase, priceCents }) => (phase === 'sold' ? priceCents : 0)),
    accepted: sum(all, ({ bids }) => bids),
    refused,
    refusedInAll: sum(Object.values(refused), (count) => count),
  };
}

/** Bids decided in a second, of late. */
export function bidsPerSecond({ pace }: Scene, at: number): number {
  const recent = pace.filter((moment) => moment.at >= at - PACE_MS);
  const [first, last] = [recent[0], recent.at(-1)];
  if (first === undefined || last === undefined) return 0;
  return ((last.decided - first.decided) * 1000) / PACE_MS;
}

export function isPresent({ present }: Scene, name: string): boolean {
  return [...present.values()].some((peer) => peer.name === name);
}

/** At most `slots` auctions to look at: what is open, and what has just been sold. */
export function inView({ auctions }: Knowledge, slots: number): Auction[] {
  const byId = (a: Auction, b: Auction): number => Number(a.lot.id) - Number(b.lot.id);
  const open = [...auctions.values()].filter(({ phase }) => phase === 'open');
  const closed = [...auctions.values()].filter(({ phase }) => phase !== 'open').sort(byId);
  const room = Math.max(0, slots - open.length);
  return [...(room === 0 ? [] : closed.slice(-room)), ...open].sort(byId).slice(0, slots);
}

function onHouse(scene: Scene, house: HouseNews, at: number): Scene {
  const before = scene.knowledge.house;
  const knowledge = learnHouse(scene.knowledge, house);
  const isAnother = before !== undefined && before.sale !== knowledge.house?.sale;
  const next: Scene = isAnother
    ? { ...scene, knowledge, curves: new Map(), endings: new Map(), pace: [] }
    : { ...scene, knowledge };
  if (before?.sale === house.sale && before.phase === house.phase) return next;
  const text = {
    waiting: 'the house is open, bidders come in',
    open: 'the sale has begun',
    over: 'the sale is over',
  };
  return tell(next, at, 'sale', text[house.phase]);
}

function extendPace(pace: Scene['pace'], at: number, decided: number): Scene['pace'] {
  const recent = pace.filter((moment) => moment.at >= at - PACE_MS);
  const last = recent.at(-1);
  if (recent.length < 2 || last === undefined || at - last.at >= MOMENT_MS)
    return [...recent, { at, decided }];
  return [...recent.slice(0, -1), { at: last.at, decided }];
}

/** A controller that was restarted knows how the price went since then, and we what was before. */
function onCurve(scene: Scene, lot: string, curve: readonly CurvePoint[]): Scene {
  const [from = 0] = curve[0] ?? [];
  const before = (scene.curves.get(lot) ?? []).filter(([ms]) => ms < from);
  return { ...scene, curves: new Map(scene.curves).set(lot, [...before, ...curve]) };
}

function onState(scene: Scene, auction: Auction, sentAt: number | undefined, at: number): Scene {
  const before = scene.knowledge.auctions.get(auction.lot.id);
  const knowledge = learnAuction(scene.knowledge, auction);
  if (knowledge === scene.knowledge) return scene;
  const { accepted, refusedInAll } = totalsOf(knowledge);
  const pace = extendPace(scene.pace, at, accepted + refusedInAll);
  const next = { ...scene, knowledge, pace };
  const { lot, phase, leader, priceCents } = auction;
  const price = formatCents(priceCents);
  const title = lot.title.split(',')[0];
  if (before === undefined) return tell(next, at, 'opened', `lot ${lot.id} opens: ${lot.title}`);
  if (before.phase === 'open' && phase === 'sold')
    return tell(next, at, 'won', `★ wins ${title} for ${price}`, leader);
  if (before.phase === 'open' && phase === 'unsold') return tell(next, at, 'unsold', `${title} is not sold`);
  if (priceCents === before.priceCents) return next;
  const curve = extendCurve(scene.curves.get(lot.id) ?? [], [(sentAt ?? at) - auction.startedAt, priceCents]);
  return tell(
    { ...next, curves: new Map(scene.curves).set(lot.id, curve) },
    at,
    'bid',
    `${price} for ${title}`,
    leader,
  );
}

/** What happens to many at once, as when the forwarder is gone, is one entry. */
function onTrouble(scene: Scene, from: string, kind: string, message: string, at: number): Scene {
  const text = kind === 'network' ? 'lost the link, dialling again' : `${kind}: ${message}`;
  const last = scene.feed.at(-1);
  if (last?.kind !== 'trouble' || last.text !== text) return tell(scene, at, 'trouble', text, from);
  if (last.who?.split(', ').includes(from)) return scene;
  return { ...scene, feed: [...scene.feed.slice(0, -1), { ...last, at, who: `${last.who}, ${from}` }] };
}

function tell(scene: Scene, at: number, kind: FeedKind, text: string, who?: string): Scene {
  return { ...scene, feed: [...scene.feed.slice(1 - FEED_LENGTH), { at, kind, who, text }] };
}

function sum<Item>(items: readonly Item[], value: (item: Item) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
