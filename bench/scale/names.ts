/** The names that events are emitted under, all of one length, so that only their number differs. */

/** The first sequence of all series: from here on, every event has the same size. */
export const FIRST_SEQ = 100_000;

/**
 * So many events of one name make exactly one batch, as `maxBatchBytes` is by default: where names come in runs of
 * them, batches are alike whatever the number of names. It goes with the size of the event and of the names.
 */
export const FULL_BATCH = 29;

/** Under which the idle ones listen: nobody emits it. */
export const IDLE_PREFIX = 'scale:idle';

export function scaleNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `scale:name-${String(index).padStart(5, '0')}`);
}
