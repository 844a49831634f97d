/** How far the sale is, by the controller's own word, and waiting for it to be further. */

export interface Report {
  /** How many auctions are open. */
  readonly open: number;
  /** How many bids this controller has decided. */
  readonly decided: number;
  /** Whether it took up a sale that another controller had begun. */
  readonly resumed: boolean;
}

export class Progress {
  latest: Report = { open: 0, decided: 0, resumed: false };
  readonly #waiting = new Set<{ isEnough(report: Report): boolean; resolve(): void }>();

  report(report: Report): void {
    this.latest = report;
    for (const waiter of this.#waiting) {
      if (!waiter.isEnough(report)) continue;
      this.#waiting.delete(waiter);
      waiter.resolve();
    }
  }

  /** Resolves at the next report of which `isEnough` is true. */
  until(isEnough: (report: Report) => boolean): Promise<void> {
    return new Promise((resolve) => this.#waiting.add({ isEnough, resolve }));
  }
}
