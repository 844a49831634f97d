/** Demitter, with default options. */
import { DistributedEmitter } from 'demitter';
import type { Payload } from '../payload.js';
import { startForwarderServer } from './forwarder-server.js';
import type { Addresses, Client, Listener, Peer } from './peer.js';

type BenchEvents = Record<string, Payload>;

class DemitterClient implements Client {
  readonly #emitter: DistributedEmitter<BenchEvents>;

  constructor({ xsubAddress, xpubAddress }: Addresses) {
    this.#emitter = new DistributedEmitter<BenchEvents>({ xsubAddress, xpubAddress });
    this.#emitter.on('distributed:error', ({ code, message }) => console.error(`${code}: ${message}`));
  }

  on(name: string, listener: Listener): void {
    this.#emitter.on(name, listener);
  }

  async ready(): Promise<void> {
    await this.#emitter.connect();
    await this.#emitter.ready();
  }

  emit(name: string, payload: Payload): Promise<void> {
    return this.#emitter.emit(name, payload);
  }

  close(): Promise<void> {
    return this.#emitter.close();
  }
}

export const demitter: Peer = {
  name: 'demitter',
  startServer: startForwarderServer,
  connect: (addresses) => new DemitterClient(addresses),
};
