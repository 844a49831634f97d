/** `once`, as Emittery has it, and with a signal. */

import type { EmitteryOncePromise } from 'emittery';
import { checkKeys, show } from './checks.js';
import { checkSignal, onAbort } from './listen-options.js';

/** Its `off` takes the listener off: the promise stays pending. */
export type OncePromise<Data> = EmitteryOncePromise<Data>;

/** `listen` calls a listener with the data of each event, and returns what takes it off again. */
export function once<Data>(
  listen: (listener: (data: Data) => unknown) => () => void,
  options: unknown,
): OncePromise<Data> {
  const { predicate, signal } = check<Data>(options);
  let off = (): void => {};
  const promise = new Promise<Data>((resolve, reject) => {
    const unlisten = listen((data) => {
      if (predicate !== undefined && !predicate(data)) return;
      off();
      resolve(data);
    });
    off = onAbort(signal, () => {
      unlisten();
      if (signal?.aborted) reject(signal.reason);
    });
  });
  return Object.assign(promise, { off });
}

function check<Data>(options: unknown): {
  predicate?: (data: Data) => boolean;
  signal?: AbortSignal;
} {
  if (options === undefined) return {};
  if (typeof options === 'function') return { predicate: options as (data: Data) => boolean };
  // In Emittery's words, as what else it may be is new here.
  if (typeof options !== 'object' || options === null) throw new TypeError('predicate must be a function');
  checkKeys(options, ['predicate', 'signal']);
  const { predicate, signal } = options as { predicate?: unknown; signal?: unknown };
  checkSignal(signal);
  if (predicate !== undefined && typeof predicate !== 'function')
    throw new TypeError(`Expected \`predicate\` to be a function, got ${show(predicate)}`);
  return options as { predicate?: (data: Data) => boolean; signal?: AbortSignal };
}
