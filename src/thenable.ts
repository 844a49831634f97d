/** What `await` would wait for. */

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== 'function' && (typeof value !== 'object' || value === null)) return false;
  return typeof (value as { then?: unknown }).then === 'function';
}

/** Also what throws when it is asked: that is for whoever awaits it. */
export function mayBeAwaited(value: unknown): boolean {
  try {
    return isThenable(value);
  } catch {
    return true;
  }
}
