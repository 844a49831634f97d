/**
 * The forwarder: ZeroMQ's XSUB/XPUB proxy through which all emitters exchange their events.
 *
 * {@link createForwarder} embeds one in an application. This file is only the door: the work is done in `forwarder/`.
 */
export { createForwarder, type Forwarder } from './forwarder/create.js';
export type { ForwarderOptions } from './forwarder/options.js';
