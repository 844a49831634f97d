/** A clock that all processes of a machine share: milliseconds since 1970, to the microsecond. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
