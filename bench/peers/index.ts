/** All peers by name. Each is loaded on its own: a process that is one peer's client pays for no other's code. */
import type { Peer } from './peer.js';

const LOADERS = {
  demitter: async () => (await import('./demitter.js')).demitter,
  'demitter, CURVE': async () => (await import('./demitter.js')).demitterWithKeys,
  'raw zeromq.js': async () => (await import('./raw-zeromq.js')).rawZeromq,
  'zeromq.js, batched': async () => (await import('./batched-zeromq.js')).batchedZeromq,
  NATS: async () => (await import('./nats.js')).nats,
  'Redis (ioredis)': async () => (await import('./redis.js')).redis,
} satisfies Record<string, () => Promise<Peer>>;

export type PeerName = keyof typeof LOADERS;

export function loadPeer(name: string): Promise<Peer> {
  if (name in LOADERS) return LOADERS[name as PeerName]();
  throw new TypeError(`Expected a peer's name, got '${name}'`);
}
