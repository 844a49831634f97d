/**
 * What the processes say to each other: every event and request of the house, with the schema that checks and types it.
 * Auctions have a channel each; what concerns all is in none.
 */
import type { DistributedEmitter, SchemaEvents, SchemaInputs } from 'demitter';
import * as v from 'valibot';
import { REFUSALS } from './sale/rules.js';

export const ROLES = ['forwarder', 'controller', 'bidder', 'spectator', 'monitor'] as const;
export type Role = (typeof ROLES)[number];

/** Characters in the name of a process. */
export const MAX_NAME = 24;

const text = v.pipe(v.string(), v.maxLength(200));
const name = v.pipe(v.string(), v.minLength(1), v.maxLength(MAX_NAME));
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const cents = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
/** Milliseconds since 1970, to the microsecond. */
const time = v.pipe(v.number(), v.finite());
const ms = v.pipe(v.number(), v.finite(), v.minValue(0));

const account = v.object({ name, strategy: text, budgetCents: cents });
const settings = v.object({
  seed: v.number(),
  lots: count,
  atOnce: count,
  bidders: count,
  durationMs: ms,
  extensionMs: ms,
  /** How long a bidder thinks, on average. */
  paceMs: ms,
});
const house = v.object({
  sale: text,
  startedAt: time,
  phase: v.picklist(['waiting', 'open', 'over']),
  settings,
  accounts: v.array(account),
  /** How many lots were opened: those with the ids 1 to this. */
  begun: count,
  revision: count,
});
const auction = v.object({
  lot: v.object({
    id: text,
    title: text,
    category: text,
    estimateCents: cents,
    openingCents: cents,
    incrementCents: cents,
    reserveCents: cents,
  }),
  phase: v.picklist(['open', 'sold', 'unsold']),
  startedAt: time,
  endsAt: time,
  extensionMs: ms,
  priceCents: cents,
  leader: v.optional(name),
  bids: count,
  refused: v.record(v.picklist(REFUSALS), v.optional(count)),
  numbers: v.record(v.string(), count),
  revision: count,
});
const bid = v.object({ bidder: name, number: count, cents });
const verdict = v.variant('accepted', [
  v.object({ accepted: v.literal(true), priceCents: cents }),
  v.object({ accepted: v.literal(false), reason: v.picklist(REFUSALS), priceCents: cents }),
]);
const vitals = v.object({
  name,
  role: v.picklist(ROLES),
  pid: count,
  rssBytes: count,
  /** Of one core. */
  cpuPercent: ms,
  eventsPerSecond: ms,
  status: text,
  /** Round trip through the forwarder. */
  latencyMs: v.optional(ms),
  losses: count,
  errors: count,
});

export const schemas = {
  // To all
  /** Retained: which sale there is, how it is run, who takes part. */
  house,
  /** Volatile, from each process, once a second. */
  vitals,
  /** Something went wrong in a process: its `distributed:error`, for everybody's eyes. */
  trouble: v.object({ from: name, type: text, message: text }),
  /** From a bidder who is not among the accounts. */
  register: { request: account, answer: v.object({ welcome: v.boolean() }) },
  /** From a controller that was restarted, to whoever has seen the sale: what was the last you saw? */
  remember: {
    request: v.undefined(),
    answer: v.object({ house: v.optional(house), auctions: v.array(auction) }),
  },

  // In the channel of an auction
  /** Retained: all there is to know of it; `at` says when it was emitted. */
  state: v.object({ auction, at: time }),
  /** Retained, about once a second: how the price went. */
  curve: v.array(v.tuple([ms, cents])),
  /** Volatile: how long there still is to bid. */
  tick: v.object({ remainingMs: ms }),
  /** Volatile: somebody was refused. The auction's own counts are in its state. */
  refused: v.object({ bidder: name, cents, reason: v.picklist(REFUSALS) }),
  bid: { request: bid, answer: verdict },
};

export type Events = SchemaEvents<typeof schemas>;
export type Inputs = SchemaInputs<typeof schemas>;
export type HouseEmitter = DistributedEmitter<Events, Inputs>;

export type HouseNews = v.InferOutput<typeof house>;
export type Settings = v.InferOutput<typeof settings>;
export type Vitals = v.InferOutput<typeof vitals>;
export type Memory = v.InferOutput<typeof schemas.remember.answer>;

export function auctionChannel(sale: string, lot: string): string {
  return `auction:${sale}:${lot}`;
}
