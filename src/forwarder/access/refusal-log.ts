/**
 * Tells of refusals, each once a minute: who is refused dials again several times a second, and who attacks does so
 * with as many addresses and keys as he likes. What it remembers is bounded, and so is what it writes.
 */
import type { Notice, Report } from '../settings.js';

const WINDOW_MS = 60_000;
/** Of different refusals in one window. */
const MAX_TOLD = 100;

export class RefusalLog {
  readonly #report: Report;
  readonly #now: () => number;
  readonly #told = new Set<string>();
  #windowEnds = 0;

  /** `now`: milliseconds of a clock that does not jump. */
  constructor(report: Report, now: () => number = () => performance.now()) {
    this.#report = report;
    this.#now = now;
  }

  /** Reports `notice`, unless this `refusal` was reported within the last minute. */
  tell(refusal: string, notice: () => Notice): void {
    if (this.#now() >= this.#windowEnds) {
      this.#windowEnds = this.#now() + WINDOW_MS;
      this.#told.clear();
    }
    if (this.#told.has(refusal) || this.#told.size > MAX_TOLD) return;
    this.#told.add(refusal);
    if (this.#told.size <= MAX_TOLD) this.#report(notice());
    else {
      const message = `refused more than ${MAX_TOLD} different peers within a minute: further ones are not logged until it is over`;
      this.#report({ level: 'warn', message });
    }
  }
}
