/**
 * A TCP proxy that does to connections what networks do: reset them, fall silent in one direction or both, refuse,
 * delay, throttle, damage. Each direction is a pipe of its own (fault-pipe.ts).
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { parseEndpoint, toDialable } from '../../src/address.js';
import { type Direction, type Faults, Pipe } from './fault-pipe.js';

/** Where the proxy connects to: a host and a port, or the same as `tcp://HOST:PORT`. */
export type ProxyTarget = { readonly host: string; readonly port: number } | string;

const HOST = '127.0.0.1';

export class FaultProxy implements AsyncDisposable {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #connections = new Set<ProxiedConnection>();
  readonly #faults: Faults = {
    blocked: new Set(),
    delayMs: 0,
    bytesPerSecond: undefined,
    mutate: undefined,
  };
  #server: Server;
  #port = 0;

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
    this.#server = this.#listen(0);
  }

  static async start(target: ProxyTarget): Promise<FaultProxy> {
    const proxy = new FaultProxy(typeof target === 'string' ? parseTarget(target) : target);
    await once(proxy.#server, 'listening');
    proxy.#port = (proxy.#server.address() as AddressInfo).port;
    return proxy;
  }

  /** Where clients connect. */
  get address(): string {
    return `tcp://${HOST}:${this.#port}`;
  }

  /** How many connections are open, as far as the proxy can know. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Resets all connections at once, in both directions. New ones are accepted. */
  cut(): void {
    for (const connection of this.#connections) connection.reset();
  }

  /**
   * A black hole: nothing passes in either direction and nothing is closed. The bytes are not read, so that the kernel
   * holds them and sooner or later pushes back. New connections are accepted by this side, and go no further.
   */
  partition(): void {
    this.silence('toTarget');
    this.silence('toClient');
  }

  /** A black hole in one direction. Ends of connections are bytes too: they do not pass. */
  silence(direction: Direction): void {
    this.#faults.blocked.add(direction);
    this.#apply();
  }

  /** Ends partition and silence: what was held flows on. */
  heal(): void {
    this.#faults.blocked.clear();
    this.#apply();
  }

  /** New connections are refused. Open ones go on. */
  refuse(): void {
    this.#server.close();
  }

  /** Listens again, at the same address. */
  accept(): void {
    if (!this.#server.listening) this.#server = this.#listen(this.#port);
  }

  /** Every chunk takes so much longer, in both directions, in order. */
  delay(ms: number): void {
    this.#faults.delayMs = ms;
  }

  /** How much passes in each direction of each connection; `undefined`: as much as can. */
  throttle(bytesPerSecond: number | undefined): void {
    this.#faults.bytesPerSecond = bytesPerSecond;
    this.#apply();
  }

  /** What is to become of each chunk: it may be changed, cut, or repeated; an empty one is swallowed. */
  corrupt(mutate: Faults['mutate']): void {
    this.#faults.mutate = mutate;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const server = this.#server;
    const closed = server.listening ? once(server, 'close') : undefined;
    server.close();
    for (const connection of this.#connections) connection.destroy();
    await closed;
  }

  #listen(port: number): Server {
    // Each half of a connection ends for itself, as it does on a network.
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
      const connection = new ProxiedConnection(client, this.#target, this.#faults, () =>
        this.#connections.delete(connection),
      );
      this.#connections.add(connection);
      connection.pump();
    });
    return server.listen(port, HOST);
  }

  #apply(): void {
    for (const connection of this.#connections) connection.pump();
  }
}

/** A client's connection and ours to the target, which is dialled as soon as something may pass there. */
class ProxiedConnection {
  readonly #client: Socket;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #faults: Faults;
  readonly #onGone: () => void;
  #upstream: { readonly socket: Socket; readonly pipes: readonly Pipe[] } | undefined;

  constructor(
    client: Socket,
    target: { readonly host: string; readonly port: number },
    faults: Faults,
    onGone: () => void,
  ) {
    this.#client = client;
    this.#target = target;
    this.#faults = faults;
    this.#onGone = onGone;
    client.setNoDelay(true);
    client.on('error', () => undefined);
    client.on('close', () => this.#closed());
  }

  /** Lets go on what may. */
  pump(): void {
    if (this.#upstream === undefined && !this.#faults.blocked.has('toTarget')) this.#dial();
    for (const pipe of this.#upstream?.pipes ?? []) pipe.pump();
  }

  reset(): void {
    for (const socket of this.#sockets()) socket.resetAndDestroy();
  }

  destroy(): void {
    for (const socket of this.#sockets()) socket.destroy();
  }

  #dial(): void {
    const client = this.#client;
    if (client.destroyed) return;
    const socket = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    socket.on('error', () => undefined);
    socket.on('close', () => this.#closed());
    const pipes = [
      new Pipe('toTarget', client, socket, this.#faults),
      new Pipe('toClient', socket, client, this.#faults),
    ];
    this.#upstream = { socket, pipes };
  }

  #sockets(): Socket[] {
    return this.#upstream === undefined ? [this.#client] : [this.#client, this.#upstream.socket];
  }

  #closed(): void {
    if (!this.#sockets().every((socket) => socket.destroyed)) return;
    for (const pipe of this.#upstream?.pipes ?? []) pipe.stop();
    this.#onGone();
  }
}

function parseTarget(address: string): { host: string; port: number } {
  const endpoint = parseEndpoint(address);
  const dialable = typeof endpoint === 'string' ? undefined : toDialable(endpoint);
  if (dialable?.protocol === 'tcp') return dialable;
  throw new TypeError(`Expected tcp://HOST:PORT, but got ${address}`);
}
