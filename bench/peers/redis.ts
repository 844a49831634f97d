/** Redis publish/subscribe with ioredis and its automatic pipelining, events as JSON. Each `publish` has a reply. */
import { Redis } from 'ioredis';
import type { Payload } from '../payload.js';
import type { Addresses, Client, Listener, Peer } from './peer.js';
import { missingProgram, startProgram } from './program-server.js';

const SERVER = 'redis-server';

class RedisClient implements Client {
  readonly #publisher: Redis;
  /** A connection that subscribes can do nothing else. */
  readonly #subscriber: Redis;
  readonly #listeners = new Map<string, Listener>();

  constructor({ port }: Addresses) {
    const options = { host: '127.0.0.1', port: Number(port), lazyConnect: true };
    this.#publisher = new Redis({ ...options, enableAutoPipelining: true });
    this.#subscriber = new Redis(options);
  }

  on(name: string, listener: Listener): void {
    this.#listeners.set(name, listener);
  }

  async ready(): Promise<void> {
    await Promise.all([this.#publisher.connect(), this.#subscriber.connect()]);
    this.#subscriber.on('message', (name, message) => {
      this.#listeners.get(name)?.(JSON.parse(message) as Payload);
    });
    if (this.#listeners.size > 0) await this.#subscriber.subscribe(...this.#listeners.keys());
  }

  emit(name: string, payload: Payload): Promise<number> {
    return this.#publisher.publish(name, JSON.stringify(payload));
  }

  async close(): Promise<void> {
    this.#publisher.disconnect();
    this.#subscriber.disconnect();
  }
}

export const redis: Peer = {
  name: 'Redis (ioredis)',
  missing: () => missingProgram(SERVER),
  awaitedShare: 1 / 10,
  startServer: () =>
    startProgram(SERVER, (port) => [
      ...['--bind', '127.0.0.1', '--port', String(port)],
      ...['--save', '', '--appendonly', 'no'],
    ]),
  connect: (addresses) => new RedisClient(addresses),
};
