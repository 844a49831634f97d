/** Who follows the sale to its end, and then says what became of it. */
import { now } from './clock.js';
import { follow, type Listener } from './follow.js';
import { type Knowledge, learnAuction, learnHouse, NOTHING, resultsOf } from './knowledge.js';
import { Latencies } from './latency.js';
import { REFUSALS } from './sale/rules.js';
import { type Station, tellLauncher } from './station.js';

export class Witness {
  knowledge: Knowledge = NOTHING;
  readonly latencies = new Latencies();
  readonly #station: Station;
  #told: string | undefined;

  /** `also`: who else is to hear it; after this witness. */
  constructor(station: Station, also: Partial<Listener> = {}) {
    this.#station = station;
    follow(station.emitter, {
      onEvent: () => station.signs.count(),
      onHouse: (house) => {
        this.knowledge = learnHouse(this.knowledge, house);
        also.onHouse?.(house);
        this.#testify();
      },
      onState: (auction, at) => {
        if (at !== undefined) this.latencies.add(now() - at);
        this.knowledge = learnAuction(this.knowledge, auction);
        also.onState?.(auction, at);
        this.#testify();
      },
      onTick: also.onTick,
      onCurve: also.onCurve,
      onRefused: also.onRefused,
    });
    // A controller that lost its memory asks those who have seen the sale.
    station.emitter.respond('remember', () => ({
      house: this.knowledge.house,
      auctions: [...this.knowledge.auctions.values()],
    }));
  }

  #testify(): void {
    const { house, auctions } = this.knowledge;
    const results = resultsOf(this.knowledge);
    if (house === undefined || results === undefined || this.#told === house.sale) return;
    this.#told = house.sale;
    const refused: Record<string, number> = {};
    let bids = 0;
    let [startedAt, endsAt] = [Number.POSITIVE_INFINITY, 0];
    for (const auction of auctions.values()) {
      bids += auction.bids;
      startedAt = Math.min(startedAt, auction.startedAt);
      endsAt = Math.max(endsAt, auction.endsAt);
      for (const reason of REFUSALS)
        refused[reason] = (refused[reason] ?? 0) + (auction.refused[reason] ?? 0);
    }
    const { losses, errors } = this.#station.signs;
    const { counts, maxMs } = this.latencies;
    tellLauncher({
      type: 'belief',
      belief: {
        sale: house.sale,
        spanMs: endsAt - startedAt,
        results,
        bids,
        refused,
        latencies: { counts, maxMs },
        losses,
        errors,
        rssBytes: process.memoryUsage.rss(),
      },
    });
  }
}
