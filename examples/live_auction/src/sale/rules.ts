/**
 * The rules of the house, and nothing else: no clock, no network, no random numbers. Each function takes the house as it
 * is and returns it as it is then; the time is an argument, in milliseconds since 1970.
 *
 * What holds, whatever is bid (test/rules.test.ts draws cases for it): a price never falls, the highest bid wins, nothing
 * is taken after the end, and nobody leads or wins for more than his budget.
 */

/** What is for sale. Money is integer cents. */
export interface Lot {
  readonly id: string;
  readonly title: string;
  readonly category: string;
  /** What it is thought to be worth. Bidders have their own ideas. */
  readonly estimateCents: number;
  /** The least that the first bid must be. */
  readonly openingCents: number;
  /** The least by which each further bid must be higher. */
  readonly incrementCents: number;
  /** If the highest bid is lower at the end, the lot is not sold. */
  readonly reserveCents: number;
}

export interface Timing {
  readonly durationMs: number;
  /** A bid that comes when less is left moves the end, so that this much is left again. */
  readonly extensionMs: number;
}

export type Phase = 'open' | 'sold' | 'unsold';

export const REFUSALS = [
  'unknown-lot',
  'unknown-bidder',
  'late',
  'duplicate',
  'already-leading',
  'too-low',
  'over-budget',
] as const;
export type Refusal = (typeof REFUSALS)[number];

export interface Auction {
  readonly lot: Lot;
  readonly phase: Phase;
  readonly startedAt: number;
  readonly endsAt: number;
  readonly extensionMs: number;
  /** The highest bid; 0 before the first. */
  readonly priceCents: number;
  /** Whose bid that is: the winner, once the lot is sold. */
  readonly leader?: string | undefined;
  /** How many bids were accepted. */
  readonly bids: number;
  readonly refused: Readonly<Partial<Record<Refusal, number>>>;
  /** The number of each bidder's last accepted bid: what is not higher was handled before. */
  readonly numbers: Readonly<Record<string, number>>;
  /** Goes up with each change of the above, so that of two the newer is known. */
  readonly revision: number;
}

export interface Account {
  readonly name: string;
  readonly strategy: string;
  readonly budgetCents: number;
}

export interface House {
  readonly accounts: ReadonlyMap<string, Account>;
  readonly auctions: ReadonlyMap<string, Auction>;
}

export interface Bid {
  readonly lot: string;
  readonly bidder: string;
  /** Higher than that of this bidder's bid before. */
  readonly number: number;
  readonly cents: number;
}

export type Verdict =
  | { readonly accepted: true; readonly priceCents: number }
  | { readonly accepted: false; readonly reason: Refusal; readonly priceCents: number };

export const EMPTY_HOUSE: House = { accounts: new Map(), auctions: new Map() };

/** Who comes back keeps the account, whatever budget he claims now. */
export function register(house: House, account: Account): House {
  if (house.accounts.has(account.name)) return house;
  return { ...house, accounts: new Map(house.accounts).set(account.name, account) };
}

export function openAuction(house: House, lot: Lot, timing: Timing, now: number): House {
  if (house.auctions.has(lot.id)) return house;
  return withAuction(house, {
    lot,
    phase: 'open',
    startedAt: now,
    endsAt: now + timing.durationMs,
    extensionMs: timing.extensionMs,
    priceCents: 0,
    bids: 0,
    refused: {},
    numbers: {},
    revision: 1,
  });
}

/** The least that is accepted now. */
export function minimumBid({ leader, lot, priceCents }: Auction): number {
  return leader === undefined ? lot.openingCents : priceCents + lot.incrementCents;
}

/** What `name` has paid, and would pay if all ended now. */
export function committedCents(auctions: Iterable<Auction>, name: string): number {
  let sum = 0;
  for (const { leader, phase, priceCents } of auctions) {
    if (leader === name && phase !== 'unsold') sum += priceCents;
  }
  return sum;
}

export function placeBid(
  house: House,
  bid: Bid,
  now: number,
): { readonly house: House; readonly verdict: Verdict } {
  const auction = house.auctions.get(bid.lot);
  if (auction === undefined)
    return { house, verdict: { accepted: false, reason: 'unknown-lot', priceCents: 0 } };
  const reason = refusalOf(house, auction, bid, now);
  if (reason !== undefined) {
    const refused = { ...auction.refused, [reason]: (auction.refused[reason] ?? 0) + 1 };
    return {
      house: withAuction(house, { ...auction, refused, revision: auction.revision + 1 }),
      verdict: { accepted: false, reason, priceCents: auction.priceCents },
    };
  }
  const changed: Auction = {
    ...auction,
    priceCents: bid.cents,
    leader: bid.bidder,
    bids: auction.bids + 1,
    numbers: { ...auction.numbers, [bid.bidder]: bid.number },
    endsAt: Math.max(auction.endsAt, now + auction.extensionMs),
    revision: auction.revision + 1,
  };
  return { house: withAuction(house, changed), verdict: { accepted: true, priceCents: bid.cents } };
}

/** Ends what is over. Returns the ids of what was ended as well. */
export function closeDue(
  house: House,
  now: number,
): { readonly house: House; readonly closed: readonly string[] } {
  const due = openAuctions(house).filter(({ endsAt }) => endsAt <= now);
  const ended = due.map((auction) => ({
    ...auction,
    phase: isReserveMet(auction) ? ('sold' as const) : ('unsold' as const),
    revision: auction.revision + 1,
  }));
  return { house: ended.reduce(withAuction, house), closed: due.map(({ lot }) => lot.id) };
}

/** Moves the end of what is open: for time in which nobody could bid. */
export function postpone(house: House, ms: number): House {
  return openAuctions(house)
    .map((auction) => ({ ...auction, endsAt: auction.endsAt + ms, revision: auction.revision + 1 }))
    .reduce(withAuction, house);
}

export function openAuctions(house: House): Auction[] {
  return [...house.auctions.values()].filter(({ phase }) => phase === 'open');
}

export function isReserveMet({ leader, priceCents, lot }: Auction): boolean {
  return leader !== undefined && priceCents >= lot.reserveCents;
}

function refusalOf(house: House, auction: Auction, bid: Bid, now: number): Refusal | undefined {
  const account = house.accounts.get(bid.bidder);
  if (account === undefined) return 'unknown-bidder';
  if (auction.phase !== 'open' || now >= auction.endsAt) return 'late';
  if (bid.number <= (auction.numbers[bid.bidder] ?? 0)) return 'duplicate';
  if (auction.leader === bid.bidder) return 'already-leading';
  if (bid.cents < minimumBid(auction)) return 'too-low';
  // He does not lead here, so that what he is committed to is elsewhere.
  const committed = committedCents(house.auctions.values(), bid.bidder);
  return committed + bid.cents > account.budgetCents ? 'over-budget' : undefined;
}

function withAuction(house: House, auction: Auction): House {
  return { ...house, auctions: new Map(house.auctions).set(auction.lot.id, auction) };
}
