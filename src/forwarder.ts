/**
 * The forwarder: ZeroMQ's proxy through which all emitters exchange their events, embedded in an application
 * ({@link createForwarder}) or as a process of its own ({@link startStandaloneForwarder}).
 *
 * This file is only the door: the work is done in `forwarder/`. Run as a program (`node dist/forwarder.js`) it is
 * the command `demitter-forwarder`.
 */
import { isMainModule } from './forwarder/main-module.js';

export { createForwarder, type Forwarder } from './forwarder/create.js';
export type { LogLevel } from './forwarder/log-level.js';
export type { ForwarderOptions } from './forwarder/options.js';
export { type StandaloneForwarderOptions, startStandaloneForwarder } from './forwarder/standalone.js';

// Not awaited: a top-level await would make `require('demitter')` impossible.
if (isMainModule(import.meta.url, 'forwarder.js')) {
  void import('./forwarder/command.js').then(({ runCommand }) => runCommand(process.argv.slice(2)));
}
