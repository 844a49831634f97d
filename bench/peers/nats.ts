/** NATS with its own client, events as JSON. Its `publish` is synchronous and never says that it is enough. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { BenchEvent } from '../event.js';
import type { Addresses, Client, Listener, Peer } from './peer.js';
import { missingProgram, startProgram } from './program-server.js';

const SERVER = 'nats-server';

/** Whoever awaits lets the client write after so many events; without that, nothing would leave before the last. */
const TURN_EVERY = 1000;

const DONE = Promise.resolve();

class NatsClient implements Client {
  readonly #port: number;
  readonly #listeners = new Map<string, Listener>();
  #connection: NatsConnection | undefined;
  #untilTurn = TURN_EVERY;

  constructor({ port }: Addresses) {
    this.#port = Number(port);
  }

  on(name: string, listener: Listener): void {
    this.#listeners.set(name, listener);
  }

  async ready(): Promise<void> {
    const connection = await connect({ servers: `127.0.0.1:${this.#port}` });
    for (const [name, listener] of this.#listeners) {
      connection.subscribe(name, { callback: (_, message) => listener(message.json<BenchEvent>()) });
    }
    await connection.flush();
    this.#connection = connection;
  }

  emit(name: string, event: BenchEvent): Promise<void> {
    this.#connection?.publish(name, JSON.stringify(event));
    this.#untilTurn -= 1;
    if (this.#untilTurn > 0) return DONE;
    this.#untilTurn = TURN_EVERY;
    return nextTurn();
  }

  async close(): Promise<void> {
    await this.#connection?.close();
  }
}

export const nats: Peer = {
  name: 'NATS',
  missing: () => missingProgram(SERVER),
  startServer: () => startProgram(SERVER, (port) => ['-a', '127.0.0.1', '-p', String(port)]),
  connect: (addresses) => new NatsClient(addresses),
};
