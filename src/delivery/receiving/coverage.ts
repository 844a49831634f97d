/**
 * Which of a publisher's sequence numbers are accounted for.
 *
 * Numbers count the batches of all names, of which only some are listened to here. A *hole* may be batches of other
 * names, or a loss. One that is larger than those that turned out to be the former is worth a question: so a loss is
 * noticed before a batch of another name overtakes it, at a handful of questions in all.
 */
export class Coverage {
  #last = 0;
  #trustedFrom = 0;
  #deliveredFrom = 0;
  #usualHole = 0;

  /** The highest sequence taken; 0 before the first. */
  get last(): number {
    return this.#last;
  }

  /** What was listened to beyond this sequence, up to {@link last}, was delivered or told. Before it, holes were trusted. */
  get trustedFrom(): number {
    return this.#trustedFrom;
  }

  /** As {@link trustedFrom}, of what was delivered. */
  get deliveredFrom(): number {
    return Math.max(this.#trustedFrom, this.#deliveredFrom);
  }

  /** How many sequences are between the last and this one; less than 0 if it is not beyond the last. */
  holeBefore(sequence: number): number {
    return sequence - this.#last - 1;
  }

  isUsual(hole: number): boolean {
    return hole <= this.#usualHole;
  }

  /** A batch was taken. */
  take(sequence: number): void {
    if (sequence <= this.#last) return;
    if (this.#last === 0 || sequence > this.#last + 1) this.#trustedFrom = sequence - 1;
    this.#last = sequence;
  }

  /** The publisher has answered for everything up to `sequence`. */
  cover(sequence: number): void {
    if (sequence <= this.#last) return;
    if (this.#last === 0) this.#trustedFrom = sequence;
    this.#last = sequence;
  }

  /** Some of what is covered could not be had again. */
  doubt(): void {
    this.#deliveredFrom = this.#last;
  }

  /** Something that is listened to was not part of what is covered. */
  distrust(): void {
    this.#trustedFrom = this.#last;
  }

  /** There was nothing of interest in a hole of this size. */
  getUsedTo(hole: number): void {
    this.#usualHole = Math.max(this.#usualHole, hole);
  }

  /** Something was lost, or may have been: no hole is usual any more. */
  suspect(): void {
    this.#usualHole = 0;
  }

  /** Nothing is known any more. */
  reset(): void {
    this.#last = 0;
    this.#trustedFrom = 0;
    this.#deliveredFrom = 0;
    this.#usualHole = 0;
  }
}
