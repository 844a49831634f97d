/**
 * What a publisher sent before names began to be listened to, as far as its sequence numbers prove it: docs/protocol.md,
 * section 6.4.
 *
 * Durations cannot tell exactly what was sent just before, as the way of a message makes it seem younger: older events of
 * one name would come after newer ones of another, come twice, or be told as lost. What has a lower number than one that
 * has come was sent before that came.
 */
import type { Interests } from './interests.js';

/** So many remember when: for names listened to for longer than the oldest of them, durations are exact enough. */
const MAX_MARKS = 16;

/** What was sent up to `through` is nothing that a name waits for that has been listened to since `since` or later. */
interface Mark {
  readonly through: number;
  readonly since: number;
}

export class Settled {
  readonly #interests: Interests;
  /** Both numbers of each are higher than those of the one before. */
  readonly #marks: Mark[] = [];
  /** Proofs of subscriptions, as {@link Interests.proofs} counts them, that were taken account of. */
  #proofs: number;

  constructor(interests: Interests) {
    this.#interests = interests;
    this.#proofs = interests.proofs;
  }

  /** Whether a subscription was proven since {@link meet} was called: it must be before anything that comes is looked at. */
  get isOutdated(): boolean {
    return this.#proofs !== this.#interests.proofs;
  }

  /** `last` is the highest number that has come: all up to it was sent before the proofs since this was called last. */
  meet(last: number): void {
    const since = this.#interests.firstProofAfter(this.#proofs);
    this.#proofs = this.#interests.proofs;
    // What came between two proofs at the same time may have been sent after the first one.
    if (last > 0 && since > (this.#marks.at(-1)?.since ?? 0)) this.mark(last, since);
  }

  /** What was sent up to `through` is nothing for names that are listened to since `since` or later. */
  mark(through: number, since: number): void {
    const later = this.#marks.findIndex((mark) => mark.since >= since);
    const index = later < 0 ? this.#marks.length : later;
    if ((this.#marks[index - 1]?.through ?? 0) >= through) return;
    let implied = 0;
    while ((this.#marks[index + implied]?.through ?? Number.POSITIVE_INFINITY) <= through) implied += 1;
    this.#marks.splice(index, implied, { through, since });
    if (this.#marks.length > MAX_MARKS) this.#marks.shift();
  }

  /** What was sent up to there is nothing that a name waits for that is listened to since then; 0 if nothing is known. */
  through(listenedSince: number): number {
    return this.#marks.findLast(({ since }) => since <= listenedSince)?.through ?? 0;
  }

  /** Nothing is known any more. */
  reset(): void {
    this.#marks.length = 0;
  }
}
