/**
 * What came before the first contact with a publisher, and is settled: docs/protocol.md, section 6.4.
 *
 * Durations cannot tell exactly what was sent just before a reader began to listen, as the way of a message makes it seem
 * younger: older events of one name would come after newer ones of another, or be told as lost. What the sequence
 * numbers prove goes first. All with a lower number than the first batch was sent before that came; and after a whole
 * answer, nothing is left of what was sent within the time that was asked for.
 */
export class FirstContact {
  /** How far the question reaches back from its answer, in milliseconds; and when it was asked. */
  #reachMs = 0;
  #askedAt = 0;
  /** When the first part of its answer came. */
  #answeredAt: number | undefined;
  /** What was sent up to here is nothing that is waited for … */
  #settledThrough = 0;
  /** … under names that have been listened to since this time or later. */
  #settledSince = Number.POSITIVE_INFINITY;

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

  /** The answer is whole: everything of interest up to `sequence` that was asked for has come. */
  answeredThrough(sequence: number): void {
    this.#settledThrough = sequence;
    this.#settledSince = (this.#answeredAt ?? Number.POSITIVE_INFINITY) - this.#reachMs;
  }

  /** A batch came, at `now`: what has a lower number was sent before. */
  meet(sequence: number, now: number): void {
    this.#settledThrough = sequence - 1;
    this.#settledSince = now;
  }

  /** Whether what was sent up to `sequence` is nothing that a name waits for that has been listened to since then. */
  settles(sequence: number, listenedSince: number): boolean {
    return sequence <= this.#settledThrough && listenedSince >= this.#settledSince;
  }

  /** Nothing is known any more. */
  reset(): void {
    this.#settledThrough = 0;
    this.#settledSince = Number.POSITIVE_INFINITY;
  }
}
