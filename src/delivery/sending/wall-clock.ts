/**
 * The time of day, to the microsecond, from a clock that only goes forward: reading the system's as well for each batch
 * would cost more than packing a small event. What that is set forward or back shows within a second.
 */
const CHECK_MS = 1000;

/** `Date.now()` is rounded down to a millisecond: less than this is no difference. */
const TOLERANCE_MS = 2;

export class WallClock {
  #offset = performance.timeOrigin;
  #checkAt = Number.NEGATIVE_INFINITY;

  /** Microseconds since 1970 at `now`, in milliseconds of `performance.now()`. */
  at(now: number): number {
    if (now >= this.#checkAt) {
      this.#checkAt = now + CHECK_MS;
      const offset = Date.now() + 0.5 - now;
      if (Math.abs(offset - this.#offset) > TOLERANCE_MS) this.#offset = offset;
    }
    return Math.round((this.#offset + now) * 1000);
  }
}
