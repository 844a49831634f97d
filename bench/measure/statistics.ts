/** The little arithmetic that measurements need. */

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.floor(sorted.length * q)] ?? Number.NaN;
}

/**
 * Of an even number of values the mean of the two in the middle. Measurements that failed, which are NaN, count as
 * the worst.
 */
export function median(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  if (known.length * 2 < values.length) return Number.NaN;
  const middle = known.length / 2;
  const [low, high] = [known[Math.ceil(middle) - 1], known[Math.floor(middle)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

/** `events` things took `seconds`: how long a million would take. */
export function perMillion(seconds: number, events: number): number {
  return (seconds / events) * 1e6;
}
