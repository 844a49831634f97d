/** The question that a publisher is asked when it is heard of first: docs/protocol.md, section 6.4. */
export class FirstContact {
  /** How far the question reaches back from its answer, in milliseconds; and when it was asked. */
  #reachMs = 0;
  #askedAt = 0;
  /** When the first part of its answer came. */
  #answeredAt: number | undefined;

  /** The publisher is asked for what it sent in the last `reachMs`, before the batch or tail that came first. */
  ask(reachMs: number, now: number): void {
    this.#reachMs = reachMs;
    this.#askedAt = now;
    this.#answeredAt = undefined;
  }

  /** A part of the answer came. Returns whether it is the first one. */
  answer(now: number): boolean {
    if (this.#answeredAt !== undefined) return false;
    this.#answeredAt = now;
    return true;
  }

  /** For how long the question and the first part of its answer were on their way, at most. */
  get flightMs(): number {
    return (this.#answeredAt ?? Number.POSITIVE_INFINITY) - this.#askedAt;
  }

  /** What was sent since then was asked for. */
  get reachedBackTo(): number {
    return (this.#answeredAt ?? Number.POSITIVE_INFINITY) - this.#reachMs;
  }
}
