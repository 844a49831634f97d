/** Demitter, with default options; and with keys. */
import { DistributedEmitter, type Request } from 'demitter';
import type { Payload } from '../payload.js';
import { startForwarderServer } from './forwarder-server.js';
import type { Addresses, Client, Listener, Peer, Responder } from './peer.js';

type BenchEvents = Record<string, Payload>;
/** The same emitter, as those see it who ask. */
type BenchRequests = Record<string, Request<Payload, Payload>>;

class DemitterClient implements Client {
  readonly #emitter: DistributedEmitter<BenchEvents>;

  constructor({ xsubAddress, xpubAddress, serverKey, secretKey }: Addresses) {
    const security = serverKey === undefined ? undefined : { serverKey, secretKey };
    this.#emitter = new DistributedEmitter<BenchEvents>({ xsubAddress, xpubAddress, security });
    this.#emitter.on('distributed:error', ({ code, message }) => console.error(`${code}: ${message}`));
  }

  on(name: string, listener: Listener): void {
    this.#emitter.on(name, listener);
  }

  get #requests(): DistributedEmitter<BenchRequests> {
    return this.#emitter as unknown as DistributedEmitter<BenchRequests>;
  }

  async ready(): Promise<void> {
    await this.#emitter.connect();
    await this.#emitter.ready();
  }

  emit(name: string, payload: Payload): Promise<void> {
    return this.#emitter.emit(name, payload);
  }

  respond(name: string, responder: Responder): void {
    this.#requests.respond(name, responder);
  }

  request(name: string, payload: Payload): Promise<Payload> {
    return this.#requests.request(name, payload);
  }

  close(): Promise<void> {
    return this.#emitter.close();
  }
}

export const demitter: Peer = {
  name: 'demitter',
  startServer: () => startForwarderServer(),
  connect: (addresses) => new DemitterClient(addresses),
};

export const demitterWithKeys: Peer = {
  name: 'demitter, CURVE',
  startServer: () => startForwarderServer('keys'),
  connect: (addresses) => new DemitterClient(addresses),
};
