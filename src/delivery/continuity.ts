/**
 * Continuity: whether a batch is the next one of its publisher and name, or comes after a gap.
 *
 * Each batch says which batch of its topic came before it and how many events did (docs/protocol.md, section 3.3), so
 * that the first batch after a gap tells its exact size. What came before the first batch that is seen is not judged:
 * it may have been emitted before anybody here listened. Numbers that go backwards are believed: no link repeats
 * messages, and whoever forges one must not make the true ones look old.
 */
import type { Header, PublisherId } from '../wire/batch.js';

interface State {
  sequence: number;
  /** Events that came before the next batch. */
  position: number;
  /** The reader's epoch when it was last touched. */
  epoch: number;
}

/** Pairs of publisher and name that are followed. Beyond it, whole publishers are forgotten, the longest known first. */
const MAX_STATES = 250_000;

export class Continuity {
  readonly #publishers = new Map<PublisherId, Map<PropertyKey, State>>();
  #size = 0;

  /**
   * Takes note of a batch.
   *
   * @param since The epoch in which the present, unbroken listening to the name began: what was noted before it does
   * not count.
   * @param epoch The present one.
   * @returns how many events are missing right before it: 0 as a rule.
   */
  follow(header: Readonly<Header>, name: PropertyKey, since: number, epoch: number): number {
    const states = this.#publishers.get(header.publisher) ?? this.#meet(header.publisher);
    const { sequence, previous, position, count } = header;
    const state = states.get(name);
    if (state === undefined) {
      this.#size += 1;
      states.set(name, { sequence, position: position + count, epoch });
      return 0;
    }
    const isGap = state.epoch >= since && previous > state.sequence;
    // Less than 0 if the publisher forgot the name in between, and numbers it from the beginning.
    const missing = isGap ? Math.max(0, position - state.position) : 0;
    state.sequence = sequence;
    state.position = position + count;
    state.epoch = epoch;
    return missing;
  }

  #meet(publisher: PublisherId): Map<PropertyKey, State> {
    for (const [oldest, states] of this.#publishers) {
      if (this.#size < MAX_STATES) break;
      this.#size -= states.size;
      this.#publishers.delete(oldest);
    }
    const states = new Map<PropertyKey, State>();
    this.#publishers.set(publisher, states);
    return states;
  }
}
