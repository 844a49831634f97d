/**
 * The forwarder: ZeroMQ's proxy through which all emitters exchange their events, embedded in an application
 * ({@link createForwarder}) or as a process of its own ({@link startStandaloneForwarder}).
 *
 * This file is only the door: the work is done in `forwarder/`, which is loaded when it is needed, as an application that
 * only makes emitters imports this file as well and must not pay for more. Run as a program (`node dist/forwarder.js`) it is
 * the command `demitter-forwarder`.
 */
import type { Forwarder } from './forwarder/create.js';
import { isMainModule } from './forwarder/main-module.js';
import type { ForwarderOptions } from './forwarder/options.js';
import type { StandaloneForwarderOptions } from './forwarder/standalone.js';

export type { LogLevel } from './forwarder/log-level.js';
export type { Forwarder, ForwarderOptions, StandaloneForwarderOptions };

/**
 * Binds both sides, starts forwarding, and resolves to the running forwarder.
 *
 * The proxy is ZeroMQ's own: no JavaScript runs per message, and a busy event loop does not slow it down. It keeps
 * the process alive until {@link Forwarder.close}; `process.exit()` and an uncaught error end it as well.
 *
 * Ports and addresses that are not given come from the environment (`XSUB_PORT`, `XPUB_ADDRESS` …), as those of
 * emitters do, so that both meet without options.
 *
 * Cost: the first one loads the native module, 9 MB and 20 ms; each holds a thread of libuv's pool and under 1 MB.
 * When fewer than two threads of the pool would be left to the application (so from the third forwarder on, unless
 * `UV_THREADPOOL_SIZE` was set at the start), and in worker threads, a forwarder runs in a child process instead:
 * 52 MB (33 MB unshared), 90 ms. That makes no other difference.
 *
 * Without keys (`secretKeyFile`), only this machine may connect, unless `allow` or `unprotected` says otherwise; who is
 * refused is logged. ZeroMQ asks this event loop about each peer that connects from outside or with a key: while the
 * loop is blocked, nobody new gets in. What is connected is not concerned.
 *
 * @throws TypeError, RangeError for a bad option, naming it, what was expected and what was given; TypeError for a file
 *   of keys that cannot be read or is wrong.
 * @throws DemitterError `DEMITTER_BIND` if an address cannot be bound; nothing is left bound then.
 *
 * @example
 * await using forwarder = await createForwarder({ xsubPort: 0, xpubPort: 0 });
 * console.log(forwarder.xsubAddress, forwarder.xpubAddress);
 */
export async function createForwarder(options: ForwarderOptions = {}): Promise<Forwarder> {
  const { createEmbedded } = await import('./forwarder/create.js');
  return createEmbedded(options);
}

/**
 * Starts a forwarder as a process of its own, as the command `demitter-forwarder` does: options and environment as
 * for {@link createForwarder}, JSON log lines on stdout (readable ones on a terminal). The first SIGINT or SIGTERM
 * closes it and lets the process end with exit code 0; a second one ends the process at once. With keys, SIGHUP reads
 * the authorized ones again. Should the proxy end by itself, `process.exitCode` becomes 1.
 *
 * @throws as {@link createForwarder} does.
 */
export async function startStandaloneForwarder(options: StandaloneForwarderOptions = {}): Promise<Forwarder> {
  const { openStandalone, planStandalone } = await import('./forwarder/standalone.js');
  return openStandalone(planStandalone(options, process.env));
}

// Not awaited: a top-level await would make `require('demitter')` impossible.
if (isMainModule(import.meta.url, 'forwarder.js')) {
  void import('./forwarder/command.js').then(({ runCommand }) => runCommand(process.argv.slice(2)));
}
