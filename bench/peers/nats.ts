/**
 * NATS with its own client, events as JSON. Its `publish` is synchronous and never says that it is enough; what was
 * published leaves with the next microtask, so that whoever awaits each event writes each by itself.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Payload } from '../payload.js';
import type { Addresses, Client, Listener, Peer, Responder } from './peer.js';
import { missingProgram, startProgram } from './program-server.js';

const SERVER = 'nats-server';

/** Whoever awaits gives the event loop a turn after so many events, or nothing would be read, and all would queue. */
const TURN_EVERY = 1000;

const DONE = Promise.resolve();

class NatsClient implements Client {
  readonly #port: number;
  readonly #listeners = new Map<string, Listener>();
  readonly #responders = new Map<string, Responder>();
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
      connection.subscribe(name, { callback: (_, message) => listener(message.json<Payload>()) });
    }
    for (const [name, responder] of this.#responders) {
      connection.subscribe(name, {
        callback: (_, message) => {
          message.respond(JSON.stringify(responder(message.json<Payload>())));
        },
      });
    }
    await connection.flush();
    this.#connection = connection;
  }

  emit(name: string, payload: Payload): Promise<void> {
    this.#connection?.publish(name, JSON.stringify(payload));
    this.#untilTurn -= 1;
    if (this.#untilTurn > 0) return DONE;
    this.#untilTurn = TURN_EVERY;
    return nextTurn();
  }

  respond(name: string, responder: Responder): void {
    this.#responders.set(name, responder);
  }

  async request(name: string, payload: Payload): Promise<Payload> {
    if (this.#connection === undefined) throw new Error('not connected');
    const answer = await this.#connection.request(name, JSON.stringify(payload), { timeout: 30_000 });
    return answer.json<Payload>();
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
