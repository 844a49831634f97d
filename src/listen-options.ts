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

/** @throws TypeError for what are no {@link ListenOptions}. */
export function checkListenOptions<Filter>(options: unknown): {
  readonly signal: AbortSignal | undefined;
  readonly filter: Filter | undefined;
} {
  checkKeys(options, ['signal', 'filter']);
  const { signal, filter } = options as { signal?: unknown; filter?: unknown };
  if (filter !== undefined && typeof filter !== 'function')
    throw new TypeError(`Expected \`filter\` to be a function, got ${show(filter)}`);
  return { signal: checkSignal(signal), filter: filter as Filter | undefined };
}

/** @throws TypeError for what is no options with a `signal` alone. */
export function checkSignalOption(options: unknown): AbortSignal | undefined {
  if (options === undefined) return undefined;
  checkKeys(options, ['signal']);
  return checkSignal((options as { signal?: unknown }).signal);
}

/** @throws TypeError for what is no signal. */
export function checkSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined) return undefined;
  // Also one of another realm, or of a library.
  const { aborted, addEventListener } = (signal ?? {}) as Partial<AbortSignal>;
  if (typeof aborted === 'boolean' && typeof addEventListener === 'function') return signal as AbortSignal;
  throw new TypeError(`Expected \`signal\` to be an AbortSignal, got ${show(signal)}`);
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
export function finishOnAbort<T extends { finish(): void; onEnd(call: () => void): void }>(
  iterator: T,
  signal: AbortSignal | undefined,
): T {
  if (signal === undefined) return iterator;
  const off = onAbort(signal, () => iterator.finish());
  // A signal may outlive very many iterators.
  iterator.onEnd(off);
  return iterator;
}
