/** The server of everything that speaks ZeroMQ: one native XSUB/XPUB proxy, the same program for all of them. */
import type { ForwarderCommands } from '../processes/forwarder.js';
import { BenchProcess } from '../processes/process.js';
import type { Server } from './peer.js';

/** With `keys`, the addresses have its `serverKey`, and the `secretKey` that it lets in. */
export async function startForwarderServer(keys: 'keys' | 'none' = 'none'): Promise<Server> {
  const forwarder = BenchProcess.start<ForwarderCommands>('forwarder', [keys]);
  const addresses = await forwarder.call('addresses', undefined);
  return { addresses, stop: () => forwarder.stop() };
}
