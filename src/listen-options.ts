/** What a listener is registered with beside its names, and what comes back for taking it off again. */
import { checkKeys, show } from './checks.js';

/** Takes a listener off again; so does the end of a `using` block. */
export type Unsubscribe = (() => void) & Disposable;

export interface ListenOptions<Filter extends (...args: never[]) => boolean> {
  /** Takes the listener off when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Called before the listener with what it would be called with; the listener is only called if this returns true. */
  readonly filter?: Filter | undefined;
}

/** @throws TypeError for a filter that is no function. */
export function checkFilter<Filter>(options: { readonly filter?: Filter | undefined }): Filter | undefined {
  const { filter } = options;
  if (filter !== undefined && typeof filter !== 'function')
    throw new TypeError(`Expected \`filter\` to be a function, got ${show(filter)}`);
  return filter;
}

/** Calls `off` when `signal` aborts, at once if it has; returns `off` for calling by hand. */
export function onAbort(signal: AbortSignal | undefined, off: () => void): Unsubscribe {
  if (signal === undefined) return disposable(off);
  const offOnce = (): void => {
    signal.removeEventListener('abort', offOnce);
    off();
  };
  signal.addEventListener('abort', offOnce, { once: true });
  if (signal.aborted) offOnce();
  return disposable(offOnce);
}

function disposable(off: () => void): Unsubscribe {
  return Object.assign(off, { [Symbol.dispose]: off });
}

/** Returns the iterator, which finishes when `signal` aborts, at once if it has. */
export function finishOnAbort<T extends { finish(): void }>(
  iterator: T,
  options: { readonly signal?: AbortSignal | undefined } | undefined,
): T {
  if (options === undefined) return iterator;
  checkKeys(options, ['signal']);
  onAbort(options.signal, () => iterator.finish());
  return iterator;
}
