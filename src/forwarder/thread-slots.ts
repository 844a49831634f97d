/**
 * How many native proxies this process can run.
 *
 * Each holds one thread of libuv's pool for as long as it runs. With none left, `fs`, DNS and everything else that
 * needs the pool stops without a word, so some threads are always left to the application.
 */
import { readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const DEFAULT_POOL_SIZE = 4;
const MAX_POOL_SIZE = 1024;

/** Threads the application keeps. */
const RESERVED = 2;

let taken = 0;

/**
 * Takes a thread for a proxy; false if none can be spared. Never in a worker thread: `worker.terminate()` runs no
 * exit handler, and a worker that ends while its proxy runs aborts the whole process.
 */
export function takeThread(): boolean {
  if (!isMainThread || taken >= threadPoolSize() - RESERVED) return false;
  taken += 1;
  return true;
}

export function returnThread(): void {
  taken -= 1;
}

/**
 * The size of the pool if it was set before the process started; set later, from JavaScript, it mostly comes too
 * late, for Node's own module loader has started the pool. Believing it then could stop `fs` for good.
 */
function threadPoolSize(): number {
  return Math.min(parseSize(process.env.UV_THREADPOOL_SIZE), parseSize(startingPoolSize()));
}

function startingPoolSize(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const environment = readFileSync('/proc/self/environ', 'latin1');
    return /(?:^|\0)UV_THREADPOOL_SIZE=([^\0]*)/.exec(environment)?.[1];
  } catch {
    // No /proc in this sandbox: the default is the safe answer.
    return undefined;
  }
}

/** As libuv reads it: no number counts as 1. */
export function parseSize(text: string | undefined): number {
  if (text === undefined) return DEFAULT_POOL_SIZE;
  const size = Number.parseInt(text, 10);
  return Number.isNaN(size) || size < 1 ? 1 : Math.min(size, MAX_POOL_SIZE);
}
