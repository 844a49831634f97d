/**
 * The controller: the only one who decides. It opens auctions, takes bids, ends what is over, and tells everybody by
 * retained values, so that whoever comes later knows as much.
 *
 * If it is started while a sale is under way, it asks those who have seen it what they remember, and goes on from there:
 * an answer to a bid leaves after the state that it made, so that who knows of a bid remembers it.
 */
import { randomUUID } from 'node:crypto';
import { now } from '../clock.js';
import { follow } from '../follow.js';
import { type Knowledge, recall } from '../knowledge.js';
import { Latencies } from '../latency.js';
import { auctionChannel, type HouseNews, type Memory, type Settings } from '../protocol.js';
import { makeCatalogue } from '../sale/catalogue.js';
import { type CurvePoint, extendCurve } from '../sale/curve.js';
import {
  type Auction,
  type Bid,
  closeDue,
  EMPTY_HOUSE,
  type House,
  openAuction,
  openAuctions,
  placeBid,
  postpone,
  register,
  type Verdict,
} from '../sale/rules.js';
import { Stage } from '../stage.js';
import { onLauncher, Station, tellLauncher } from '../station.js';
import { hasView, showView, type ViewOptions } from './view.js';

/** How long those who remember a sale may take to say so. */
const MEMORY = { timeout: 1500, stall: 300 };
const CURVE_MS = 1000;
/** How often it looks at the clock, at least and at most. */
const TICK_MS = { min: 20, max: 250 };

export interface ControllerOptions extends ViewOptions {
  readonly settings: Settings;
  /** No auction ends before the launcher says so: faults are to happen in mid-auction. */
  readonly isHeld: boolean;
}

export async function runController(options: ControllerOptions): Promise<void> {
  const station = Station.start({ role: 'controller' });
  if (hasView(options)) {
    const stage = new Stage(station);
    follow(station.emitter, stage.listener);
    await showView('controller', station, stage, new Latencies());
  }
  const known = await askWhatWas(station);
  const controller = new Controller(station, options.settings, known);
  controller.isHeld = options.isHeld;
  onLauncher(({ type }) => {
    if (type === 'release') controller.isHeld = false;
  });
  await controller.open();
  await station.ready();
}

/** The sale that is under way, or nothing. */
async function askWhatWas({ emitter }: Station): Promise<Knowledge> {
  await emitter.ready();
  const memories: Memory[] = [];
  for await (const answer of emitter.requestMany('remember', undefined, MEMORY)) {
    if (answer.status === 'fulfilled') memories.push(answer.value);
  }
  const known = recall(memories);
  return known.house?.phase === 'over' ? recall([]) : known;
}

class Controller {
  isHeld = false;
  readonly #station: Station;
  readonly #settings: Settings;
  readonly #sale: string;
  readonly #startedAt: number;
  readonly #isResumed: boolean;
  readonly #catalogue;
  readonly #curves = new Map<string, readonly CurvePoint[]>();
  /** Lots whose state changed without being told: somebody was refused. */
  readonly #untold = new Set<string>();
  readonly #uncurved = new Set<string>();
  #house: House = EMPTY_HOUSE;
  #phase: HouseNews['phase'] = 'waiting';
  #revision = 0;
  #decided = 0;
  #checkedAt = now();

  constructor(station: Station, settings: Settings, { house, auctions }: Knowledge) {
    this.#station = station;
    this.#isResumed = house !== undefined;
    this.#settings = house?.settings ?? settings;
    this.#sale = house?.sale ?? randomUUID().slice(0, 8);
    this.#startedAt = house?.startedAt ?? now();
    this.#phase = house?.phase ?? 'waiting';
    this.#revision = house?.revision ?? 0;
    this.#catalogue = makeCatalogue(this.#settings.seed, this.#settings.lots);
    for (const account of house?.accounts ?? []) this.#house = register(this.#house, account);
    this.#house = { ...this.#house, auctions };
  }

  /** Starts to take bids. */
  async open(): Promise<void> {
    const { emitter } = this.#station;
    emitter.respond('register', async (account) => {
      this.#station.signs.count();
      const before = this.#house;
      this.#house = register(before, account);
      if (this.#house !== before) await this.#tellHouse();
      return { welcome: true };
    });
    emitter.respond('remember', () => ({
      house: this.#news(),
      auctions: [...this.#house.auctions.values()],
    }));
    for (const auction of this.#house.auctions.values()) {
      this.#curves.set(auction.lot.id, [[now() - auction.startedAt, auction.priceCents]]);
      this.#takeBids(auction.lot.id);
    }
    await emitter.ready();
    // Nobody could bid while there was no controller.
    if (this.#isResumed) this.#house = this.#withTimeToBid();
    for (const lot of this.#house.auctions.keys()) await this.#tellState(lot);
    await this.#tellHouse();
    this.#checkedAt = now();
    const tickMs = Math.min(TICK_MS.max, Math.max(TICK_MS.min, this.#settings.paceMs / 2));
    this.#station.every(tickMs, () => this.#check());
    this.#station.every(CURVE_MS, () => this.#tellCurves());
  }

  /** Whoever was interrupted has at least as long as after a bid in the last moment. */
  #withTimeToBid(): House {
    const open = openAuctions(this.#house);
    const late = Math.max(0, ...open.map(({ endsAt, extensionMs }) => now() + 2 * extensionMs - endsAt));
    return postpone(this.#house, late);
  }

  /** Time passes: what is over ends, what is next begins. */
  #check(): void {
    const at = now();
    const elapsed = at - this.#checkedAt;
    this.#checkedAt = at;
    // While the link is away nobody can bid, and time that nobody can use is no time.
    if (this.isHeld || this.#station.emitter.status !== 'ready') this.#house = postpone(this.#house, elapsed);
    const { house, closed } = closeDue(this.#house, at);
    this.#house = house;
    for (const lot of closed) {
      this.#untold.add(lot);
      this.#uncurved.add(lot);
    }
    this.#openNext(at);
    for (const lot of this.#untold) void this.#tellState(lot);
    this.#tellTicks(at);
    tellLauncher({
      type: 'progress',
      open: openAuctions(this.#house).length,
      decided: this.#decided,
      resumed: this.#isResumed,
    });
  }

  #openNext(at: number): void {
    if (this.#phase === 'over') return;
    if (this.#phase === 'waiting' && this.#house.accounts.size < this.#settings.bidders) return;
    const before = this.#house.auctions.size;
    for (const lot of this.#catalogue.slice(before)) {
      if (this.#placesTaken(at) >= this.#settings.atOnce) break;
      this.#house = openAuction(this.#house, lot, this.#settings, at);
      this.#curves.set(lot.id, []);
      this.#takeBids(lot.id);
      this.#untold.add(lot.id);
    }
    const isOver =
      this.#house.auctions.size === this.#catalogue.length && openAuctions(this.#house).length === 0;
    if (this.#house.auctions.size === before && !isOver) return;
    // The states go first, so that who hears that it is over has heard how.
    for (const lot of this.#untold) void this.#tellState(lot);
    this.#phase = isOver ? 'over' : 'open';
    if (isOver) this.#tellCurves();
    void this.#tellHouse();
  }

  /** Whoever wins has a moment of glory, before the next lot takes the place. */
  #placesTaken(at: number): number {
    const { extensionMs } = this.#settings;
    return [...this.#house.auctions.values()].filter(({ endsAt }) => endsAt + extensionMs > at).length;
  }

  #takeBids(lot: string): void {
    this.#channel(lot).respond('bid', (bid) => this.#decide({ ...bid, lot }));
  }

  async #decide(bid: Bid): Promise<Verdict> {
    this.#station.signs.count();
    this.#decided += 1;
    const { house, verdict } = placeBid(this.#house, bid, now());
    this.#house = house;
    if (!verdict.accepted) {
      this.#untold.add(bid.lot);
      const { bidder, cents } = bid;
      void this.#channel(bid.lot).volatile.emit('refused', { bidder, cents, reason: verdict.reason });
      return verdict;
    }
    const curve = this.#curves.get(bid.lot) ?? [];
    const startedAt = house.auctions.get(bid.lot)?.startedAt ?? now();
    this.#curves.set(bid.lot, extendCurve(curve, [now() - startedAt, bid.cents]));
    this.#uncurved.add(bid.lot);
    await this.#tellState(bid.lot);
    return verdict;
  }

  async #tellState(lot: string): Promise<void> {
    this.#untold.delete(lot);
    const auction = this.#house.auctions.get(lot) as Auction;
    await this.#channel(lot).emit('state', { auction, at: now() }, { retain: true });
  }

  #tellTicks(at: number): void {
    for (const { lot, endsAt } of openAuctions(this.#house))
      void this.#channel(lot.id).volatile.emit('tick', { remainingMs: Math.max(0, endsAt - at) });
  }

  #tellCurves(): void {
    for (const lot of this.#uncurved) {
      const curve = (this.#curves.get(lot) ?? []).map(([ms, cents]): [number, number] => [ms, cents]);
      void this.#channel(lot).emit('curve', curve, { retain: true });
    }
    this.#uncurved.clear();
  }

  async #tellHouse(): Promise<void> {
    this.#revision += 1;
    await this.#station.emitter.emit('house', this.#news(), { retain: true });
  }

  #news(): HouseNews {
    return {
      sale: this.#sale,
      startedAt: this.#startedAt,
      phase: this.#phase,
      settings: this.#settings,
      accounts: [...this.#house.accounts.values()],
      begun: this.#house.auctions.size,
      revision: this.#revision,
    };
  }

  #channel(lot: string) {
    return this.#station.emitter.channel(auctionChannel(this.#sale, lot));
  }
}
