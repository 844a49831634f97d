/**
 * What the benchmark needs of a messaging library, ours and others': a server in a process of its own, and clients
 * that emit and listen. One small file each; the programs that measure do not know which one they drive.
 */
import type { Payload } from '../payload.js';

export type Listener = (payload: Payload) => void;
export type Responder = (payload: Payload) => Payload;

/** Where a client finds its server: whatever the peer needs, as long as it survives JSON. */
export type Addresses = Readonly<Record<string, string>>;

export interface Server {
  readonly addresses: Addresses;
  stop(): Promise<void>;
}

/** One connection's worth of publishing and subscribing, as an application would have it. */
export interface Client {
  /** Before {@link ready}. */
  on(name: string, listener: Listener): void;
  /** Connects and subscribes. Subscriptions take force in the order of the calls of {@link on}. */
  ready(): Promise<void>;
  /** Hands an event over for sending. Whoever awaits it gets the library's own back-pressure. */
  emit(name: string, payload: Payload): Promise<unknown>;
  /** Answers requests, if the library has them; before {@link ready}. */
  respond?(name: string, responder: Responder): void;
  request?(name: string, payload: Payload): Promise<Payload>;
  /** Releases everything, so that the process can end by itself. */
  close(): Promise<void>;
}

export interface Peer {
  /** As the table shows it. */
  readonly name: string;
  /** Why it cannot be measured here, or `undefined` if it can. */
  missing?(): string | undefined;
  /** Of the events that others emit awaited, how many it does, if each await is a round trip to its server. */
  readonly awaitedShare?: number;
  startServer(): Promise<Server>;
  connect(addresses: Addresses): Client;
}
