/** All peers. The first is ours; the ratios of the others are to it. */
import { demitter } from './demitter.js';
import { nats } from './nats.js';
import type { Peer } from './peer.js';
import { rawZeromq } from './raw-zeromq.js';
import { redis } from './redis.js';

export const PEERS: readonly Peer[] = [demitter, rawZeromq, nats, redis];

export function peerNamed(name: string | undefined): Peer {
  const peer = PEERS.find((candidate) => candidate.name === name);
  if (peer === undefined) throw new TypeError(`Expected a peer's name, got '${name}'`);
  return peer;
}
