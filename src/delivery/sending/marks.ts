/**
 * The batches that asked to be acknowledged, oldest first, and which of them is the oldest that somebody has not
 * answered. Acknowledgements are many: each costs no more than a look at who was last found missing.
 */
import type { PublisherId } from '../../wire/batch.js';
import type { Audience } from './audience.js';

export interface Mark {
  readonly sequence: number;
  /** Of its receivers, those who are waited for are to answer. */
  readonly audience: Audience;
  /** What had been sent in all when the mark was. */
  readonly messages: number;
  readonly bytes: number;
  readonly time: number;
}

export class Marks {
  readonly #capacity: number;
  readonly #isMissing: (receiver: PublisherId, sequence: number) => boolean;
  #items: Mark[] = [];
  /** The first that is remembered. */
  #head = 0;
  /** The oldest that is not known to be answered, and who has been found missing there; those before him were not. */
  #open = 0;
  #others: Iterator<PublisherId> | undefined;
  #missing: PublisherId | undefined;

  /**
   * @param capacity - Answered marks beyond it are forgotten: answers to them say nothing any more.
   * @param isMissing - Whether `receiver` is waited for, and has not acknowledged `sequence` or a later one. Who is not
   *   missing at a sequence must not come to be.
   */
  constructor(capacity: number, isMissing: (receiver: PublisherId, sequence: number) => boolean) {
    this.#capacity = capacity;
    this.#isMissing = isMissing;
  }

  /** The oldest that is remembered, answered or not. */
  get first(): Mark | undefined {
    return this.#items[this.#head];
  }

  /** The oldest that somebody had not answered at the last {@link update}. */
  get oldest(): Mark | undefined {
    return this.#items[this.#open];
  }

  /** Its sequence must be above all others'. */
  push(mark: Mark): void {
    this.#items.push(mark);
    this.update();
  }

  /** The mark of the batch with `sequence`, if that is one and is remembered. */
  of(sequence: number): Mark | undefined {
    let low = this.#head;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#items[middle] as Mark).sequence < sequence) low = middle + 1;
      else high = middle;
    }
    const mark = this.#items[low];
    return mark?.sequence === sequence ? mark : undefined;
  }

  /** Those who have not answered `mark`. */
  missing({ audience, sequence }: Mark): PublisherId[] {
    return [...audience.receivers].filter((receiver) => this.#isMissing(receiver, sequence));
  }

  /** After somebody has answered, or is not waited for any more. */
  update(): void {
    for (let mark = this.oldest; mark !== undefined && !this.#isOpen(mark); mark = this.oldest) {
      this.#open += 1;
      this.#others = undefined;
    }
    while (this.#items.length - this.#head > this.#capacity && this.#head < this.#open) this.#head += 1;
    // Half of it is past: the cost of moving the rest is paid for by what was forgotten.
    if (this.#head * 2 <= this.#items.length) return;
    this.#items = this.#items.slice(this.#head);
    this.#open -= this.#head;
    this.#head = 0;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
    this.#open = 0;
    this.#others = undefined;
  }

  /** Whether somebody has not answered `mark`, the oldest. Goes on where it found somebody the last time. */
  #isOpen({ audience, sequence }: Mark): boolean {
    if (this.#others === undefined) {
      this.#others = audience.receivers.values();
      this.#missing = undefined;
    }
    while (this.#missing === undefined || !this.#isMissing(this.#missing, sequence)) {
      const next = this.#others.next();
      if (next.done === true) return false;
      this.#missing = next.value;
    }
    return true;
  }
}
