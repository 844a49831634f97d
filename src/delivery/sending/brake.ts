/**
 * A brake for loops that emit without awaiting it, faster than their receivers take it.
 *
 * Nothing else can slow them: `emit` returns at once, so that the buffer fills and events have to be refused. So the
 * thread sleeps for a moment at the end of a turn of the event loop in which very much was emitted over the high-water
 * mark, the longer the fuller the buffer is. The receivers go on meanwhile, and publisher and receivers find a common
 * speed. Whoever awaits `emit`, or emits a little, never meets it.
 */

/** With a full buffer. Long enough for a receiver that is ten times slower than a flooding publisher. */
const MAX_PAUSE_MS = 100;

const neverChanges = new Int32Array(new SharedArrayBuffer(4));

/** Sleeps according to how far `bytes` is on the way from `mark` to `limit`. Returns for how long, in milliseconds. */
export function brake(bytes: number, mark: number, limit: number): number {
  if (bytes <= mark || limit <= mark) return 0;
  const ms = MAX_PAUSE_MS * Math.min(1, (bytes - mark) / (limit - mark));
  if (ms >= 1) Atomics.wait(neverChanges, 0, 0, ms);
  return ms;
}
