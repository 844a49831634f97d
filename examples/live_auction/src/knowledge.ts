/**
 * What a process knows of the sale, and how it learns it: the newest of what it was told, by revision. Pure, so that
 * everybody who was told the same knows the same.
 */
import type { HouseNews, Memory } from './protocol.js';
import { type Auction, committedCents } from './sale/rules.js';

export interface Knowledge {
  readonly house?: HouseNews | undefined;
  readonly auctions: ReadonlyMap<string, Auction>;
}

/** What became of a lot, as one process sees it. */
export interface Result {
  readonly lot: string;
  readonly title: string;
  readonly winner: string | null;
  readonly cents: number;
}

export const NOTHING: Knowledge = { auctions: new Map() };

/** Another sale than before begins with a clean sheet. */
export function learnHouse(known: Knowledge, house: HouseNews): Knowledge {
  const before = known.house;
  if (before === undefined || before.sale !== house.sale)
    return before !== undefined && before.startedAt > house.startedAt
      ? known
      : { house, auctions: new Map() };
  return house.revision > before.revision ? { ...known, house } : known;
}

export function learnAuction(known: Knowledge, auction: Auction): Knowledge {
  const before = known.auctions.get(auction.lot.id);
  if (before !== undefined && before.revision >= auction.revision) return known;
  return { ...known, auctions: new Map(known.auctions).set(auction.lot.id, auction) };
}

/** What several remember, put together: of the latest sale, the newest of each. */
export function recall(memories: readonly Memory[]): Knowledge {
  const houses = memories.flatMap(({ house }) => house ?? []).sort((a, b) => a.startedAt - b.startedAt);
  const sale = houses.at(-1)?.sale;
  const known = houses.reduce(learnHouse, NOTHING);
  return memories
    .filter(({ house }) => house?.sale === sale)
    .flatMap(({ auctions }) => auctions)
    .reduce(learnAuction, known);
}

/** `undefined` until every lot has its end. */
export function resultsOf({ house, auctions }: Knowledge): readonly Result[] | undefined {
  if (house?.phase !== 'over' || auctions.size < house.begun) return undefined;
  const all = [...auctions.values()];
  if (all.some(({ phase }) => phase === 'open')) return undefined;
  return all
    .map(({ lot, phase, leader, priceCents }) => ({
      lot: lot.id,
      title: lot.title,
      winner: phase === 'sold' ? (leader ?? null) : null,
      cents: phase === 'sold' ? priceCents : 0,
    }))
    .sort((a, b) => Number(a.lot) - Number(b.lot));
}

/** What `name` may still bid, on top of what he bids already. */
export function freeCents({ house, auctions }: Knowledge, name: string): number {
  const account = house?.accounts.find((candidate) => candidate.name === name);
  return account === undefined ? 0 : account.budgetCents - committedCents(auctions.values(), name);
}
