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

  /** To be called before anything else when something comes: all up to `last` came before, and was sent before. */
  meet(last: number): void {
    const { proofs } = this.#interests;
    if (proofs === this.#proofs) return;
    const since = this.#interests.firstProofAfter(this.#proofs);
    this.#proofs = proofs;
    // What came between two proofs at the same time may have been sent after the first one.
    if (last > 0 && since > (this.#marks.at(-1)?.since ?? 0)) this.mark(last, since);
  }

  /** What was sent up to `through` is nothing for names that are listened to since `since` or later. */
  mark(through: number, since: number): void {
    let latest = this.#marks.at(-1);
    while (latest !== undefined && latest.through <= through && latest.since >= since) {
      this.#marks.pop();
      latest = this.#marks.at(-1);
    }
    if (latest !== undefined && (latest.through >= through || latest.since >= since)) return;
    this.#marks.push({ through, since });
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
