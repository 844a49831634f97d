/**
 * zeromq.js as one would write with it by hand: a PUB and a SUB socket at the same native proxy, one message per event
 * in three frames (topic, sender, msgpack), default socket options. It has no sequence, no gap detection, no readiness
 * and no pacing; what its queues do not hold is dropped without a word.
 */
import { randomBytes } from 'node:crypto';
import { pack, unpack } from 'msgpackr';
import type { Payload } from '../payload.js';
import { startForwarderServer } from './forwarder-server.js';
import type { Addresses, Client, Listener, Peer } from './peer.js';
import { ZeromqSockets } from './zeromq-sockets.js';

class RawZeromqClient implements Client {
  readonly #sockets: ZeromqSockets;
  readonly #sender = randomBytes(8);
  readonly #listeners = new Map<string, Listener>();

  constructor(addresses: Addresses) {
    this.#sockets = new ZeromqSockets(addresses, { lossless: false });
  }

  on(name: string, listener: Listener): void {
    this.#listeners.set(name, listener);
  }

  async ready(): Promise<void> {
    await this.#sockets.connect(this.#listeners.keys(), ([topic, sender, payload]) => {
      if (topic === undefined || sender === undefined || payload === undefined) return;
      if (sender.equals(this.#sender)) return;
      this.#listeners.get(topic.toString())?.(unpack(payload) as Payload);
    });
  }

  emit(name: string, payload: Payload): Promise<void> {
    return this.#sockets.send(name, this.#sender, pack(payload));
  }

  close(): Promise<void> {
    return this.#sockets.close();
  }
}

export const rawZeromq: Peer = {
  name: 'raw zeromq.js',
  startServer: () => startForwarderServer(),
  connect: (addresses) => new RawZeromqClient(addresses),
};
