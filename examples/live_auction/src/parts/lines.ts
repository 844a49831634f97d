/** What happens, as plain lines. */
import type { Listener } from '../follow.js';
import type { Events, HouseNews } from '../protocol.js';
import { formatCents } from '../sale/money.js';
import type { Auction, Phase } from '../sale/rules.js';

export class LineWriter implements Listener {
  readonly #seen = new Map<string, { phase: Phase; priceCents: number }>();
  #phase: string | undefined;

  onHouse({ phase, accounts, settings, sale }: HouseNews): void {
    if (phase === this.#phase) return;
    this.#phase = phase;
    console.log(
      `sale ${sale}: ${phase}, ${settings.lots} lots, seed ${settings.seed}, bidders ${accounts.length}`,
    );
  }

  onState({ lot, phase, priceCents, leader }: Auction): void {
    const before = this.#seen.get(lot.id);
    this.#seen.set(lot.id, { phase, priceCents });
    if (before === undefined)
      console.log(`lot ${lot.id}: ${lot.title}, from ${formatCents(lot.openingCents)}`);
    if (priceCents !== (before?.priceCents ?? 0))
      console.log(`lot ${lot.id}: ${formatCents(priceCents)} by ${leader}`);
    if (phase !== 'open' && phase !== before?.phase)
      console.log(
        phase === 'sold'
          ? `lot ${lot.id}: SOLD to ${leader} for ${formatCents(priceCents)}`
          : `lot ${lot.id}: not sold`,
      );
  }

  onRefused(lot: string, { bidder, cents, reason }: Events['refused']): void {
    console.log(`lot ${lot}: ${formatCents(cents)} by ${bidder} refused, ${reason}`);
  }
}
