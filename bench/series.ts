/**
 * Which events a publisher emits, by number. Every publisher has a range of numbers of its own, so that a subscriber
 * knows by the number whose event it is, and sees loss, repetition and disorder of each.
 */

/** The events of one publisher, in one go. */
export interface Series {
  /** Number of the first event. */
  readonly from: number;
  readonly count: number;
  /** How many names the events rotate through. */
  readonly names: number;
  readonly awaited: boolean;
}

const RANGE = 2 ** 28;

export function firstNumberOf(publisher: number): number {
  return publisher * RANGE;
}

export function publisherOf(seq: number): number {
  return Math.floor(seq / RANGE);
}

/** Which of its names an event has. */
export function nameIndexOf(seq: number, names: number): number {
  return seq % names;
}

/** How many events of the series have one of the first `listened` names. */
export function countListened({ from, count, names }: Series, listened: number): number {
  let total = 0;
  for (let seq = from; seq < from + count; seq += 1) if (nameIndexOf(seq, names) < listened) total += 1;
  return total;
}
