/**
 * A budget by time: what is spent comes back bit by bit, up to a limit. It tells what abuse costs from what honest traffic
 * costs in a burst, such as many receivers that come back at once.
 */
export interface BudgetLimits {
  /** What may be spent at once, after a pause. */
  readonly burst: number;
  /** What comes back in a second. */
  readonly perSecond: number;
}

export class TokenBucket {
  readonly #limits: BudgetLimits;
  readonly #now: () => number;
  #level: number;
  #filledAt: number;

  /** `now` is a clock in milliseconds that only goes forward. */
  constructor(limits: BudgetLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
    this.#level = limits.burst;
    this.#filledAt = now();
  }

  /** In how many milliseconds something may be spent; 0 if that is now. */
  get waitMs(): number {
    this.#fill();
    return this.#level > 0 ? 0 : (1 - this.#level) / (this.#limits.perSecond / 1000);
  }

  /** Spends `amount`, even if it is more than is left: then nothing may be spent until it has come back. */
  spend(amount: number): void {
    this.#fill();
    this.#level -= amount;
  }

  #fill(): void {
    const now = this.#now();
    const { burst, perSecond } = this.#limits;
    this.#level = Math.min(burst, this.#level + ((now - this.#filledAt) * perSecond) / 1000);
    this.#filledAt = now;
  }
}
