/** The server of everything that speaks ZeroMQ: one native XSUB/XPUB proxy, the same program for all of them. */
import type { CurveForwarderCommands } from '../processes/curve-forwarder.js';
import type { ForwarderCommands } from '../processes/forwarder.js';
import { BenchProcess } from '../processes/process.js';
import type { Server } from './peer.js';

export async function startForwarderServer(): Promise<Server> {
  const forwarder = BenchProcess.start<ForwarderCommands>('forwarder');
  const addresses = await forwarder.call('addresses', undefined);
  return { addresses, stop: () => forwarder.stop() };
}

/** The same with CURVE: the addresses have its `serverKey` as well. */
export async function startCurveForwarderServer(): Promise<Server> {
  const forwarder = BenchProcess.start<CurveForwarderCommands>('curve-forwarder');
  const addresses = await forwarder.call('addresses', undefined);
  return { addresses, stop: () => forwarder.stop() };
}
