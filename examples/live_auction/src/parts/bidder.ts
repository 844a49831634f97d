/** A bidder: looks at what is open, thinks for a while, and bids as its strategy tells it. */
import { setTimeout } from 'node:timers/promises';
import type { Listener } from '../follow.js';
import { freeCents } from '../knowledge.js';
import type { Latencies } from '../latency.js';
import { auctionChannel, type HouseNews } from '../protocol.js';
import { budgetOf, wantsOf, worthTo } from '../sale/cast.js';
import { createRandom, type Random, shuffled } from '../sale/random.js';
import { type Auction, minimumBid } from '../sale/rules.js';
import { STRATEGIES, type StrategyName } from '../sale/strategies.js';
import { Stage } from '../stage.js';
import { Station } from '../station.js';
import { Witness } from '../witness.js';
import { hasView, showView, type ViewOptions } from './view.js';

const ANSWER_TIMEOUT_MS = 2000;

export interface BidderOptions extends ViewOptions {
  readonly name: string;
  readonly strategy: StrategyName;
  /** @default as the sale's seed wants it */
  readonly budgetCents?: number | undefined;
}

export async function runBidder(options: BidderOptions): Promise<void> {
  const station = Station.start({ role: 'bidder', name: options.name });
  const stage = hasView(options) ? new Stage(station) : undefined;
  const bidder = new Bidder(station, options, stage?.listener);
  if (stage !== undefined) {
    await showView('bidder', station, stage, bidder.latencies);
  }
  await station.ready();
  await bidder.run();
}

class Bidder {
  readonly #station: Station;
  readonly #options: BidderOptions;
  readonly #witness: Witness;
  readonly #ends = new Map<string, number>();
  readonly #stop = new AbortController();
  readonly #random: Random;
  #isRegistering = false;

  /** `also`: who else is to hear of the sale. */
  constructor(station: Station, options: BidderOptions, also: Partial<Listener> = {}) {
    this.#station = station;
    this.#options = options;
    this.#random = createRandom(process.pid, options.name);
    this.#witness = new Witness(station, {
      ...also,
      onHouse: (house) => {
        also.onHouse?.(house);
        void this.#register(house);
      },
      onTick: (lot, remainingMs) => {
        also.onTick?.(lot, remainingMs);
        this.#ends.set(lot, performance.now() + remainingMs);
      },
    });
    station.onEnd(() => this.#stop.abort());
  }

  get latencies(): Latencies {
    return this.#witness.latencies;
  }

  /** Until the station ends. */
  async run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const { house, auctions } = this.#witness.knowledge;
      const paceMs = house?.settings.paceMs ?? 100;
      await setTimeout(paceMs * (0.5 + this.#random()), undefined, { signal }).catch(() => undefined);
      if (house?.phase !== 'open') continue;
      for (const auction of shuffled(this.#random, [...auctions.values()])) {
        const cents = this.#offerFor(house, auction);
        if (cents === undefined) continue;
        await this.#bid(house, auction, cents);
        break;
      }
    }
  }

  /** Until it is known that it was heard: the controller may not be there yet. */
  async #register(heard: HouseNews): Promise<void> {
    if (this.#isRegistering) return;
    this.#isRegistering = true;
    const { name, strategy } = this.#options;
    const { signal } = this.#stop;
    let house = heard;
    while (!signal.aborted && !house.accounts.some((account) => account.name === name)) {
      const budgetCents = this.#options.budgetCents ?? budgetOf(house.settings.seed, name);
      await this.#station.emitter
        .request('register', { name, strategy, budgetCents }, { timeout: ANSWER_TIMEOUT_MS, signal })
        .catch(() => undefined);
      // The news with the name in it came before the answer; what failed at once is not to be tried at once.
      await setTimeout(house.settings.paceMs, undefined, { signal }).catch(() => undefined);
      house = this.#witness.knowledge.house ?? heard;
    }
    this.#isRegistering = false;
  }

  #offerFor(house: HouseNews, auction: Auction): number | undefined {
    const { name, strategy } = this.#options;
    if (auction.phase !== 'open' || auction.leader === name) return undefined;
    const { seed } = house.settings;
    const cents = STRATEGIES[strategy]({
      auction,
      remainingMs: (this.#ends.get(auction.lot.id) ?? Number.POSITIVE_INFINITY) - performance.now(),
      valueCents: worthTo(seed, name, auction.lot),
      wants: wantsOf(seed, name),
      random: this.#random,
    });
    // He may be wrong about what he can afford, and is told so; but he knows when it is hopeless.
    const isHopeless = freeCents(this.#witness.knowledge, name) < minimumBid(auction);
    return isHopeless ? undefined : cents;
  }

  async #bid({ sale }: HouseNews, { lot, numbers }: Auction, cents: number): Promise<void> {
    const { name } = this.#options;
    this.#station.signs.count();
    await this.#station.emitter
      .channel(auctionChannel(sale, lot.id))
      .request(
        'bid',
        { bidder: name, number: (numbers[name] ?? 0) + 1, cents },
        { timeout: ANSWER_TIMEOUT_MS, signal: this.#stop.signal },
      )
      // No answer: the controller or the link is away. What became of the bid, the next state will tell.
      .catch(() => undefined);
  }
}
