/**
 * zeromq.js as one would write with it by hand: a PUB and a SUB socket at the same native proxy, one message per event
 * in three frames (topic, sender, msgpack), default socket options. It has no sequence, no gap detection, no readiness
 * and no pacing; what its queues do not hold is dropped without a word.
 */
import { randomBytes } from 'node:crypto';
import { pack, unpack } from 'msgpackr';
import { Publisher, Subscriber } from 'zeromq';
import type { BenchEvent } from '../event.js';
import { startForwarderServer } from './forwarder-server.js';
import type { Addresses, Client, Listener, Peer } from './peer.js';

/** What close() waits for unsent messages; for ever, by default, would hang at exit. */
const LINGER_MS = 1000;

class RawZeromqClient implements Client {
  readonly #addresses: Addresses;
  readonly #sender = randomBytes(8);
  readonly #publisher = new Publisher({ linger: LINGER_MS });
  readonly #subscriber = new Subscriber({ linger: 0 });
  readonly #listeners = new Map<string, Listener>();
  /** A socket refuses to send (EBUSY) while another send is pending, so one pump sends for all. */
  #queue: [string, Buffer, Buffer][] = [];
  #pumping: Promise<void> | undefined;
  #receiving: Promise<void> | undefined;

  constructor(addresses: Addresses) {
    this.#addresses = addresses;
  }

  on(name: string, listener: Listener): void {
    this.#listeners.set(name, listener);
  }

  async ready(): Promise<void> {
    const { xsubAddress, xpubAddress } = this.#addresses;
    this.#publisher.connect(xsubAddress ?? '');
    this.#subscriber.connect(xpubAddress ?? '');
    for (const name of this.#listeners.keys()) this.#subscriber.subscribe(name);
    this.#receiving = this.#receive();
  }

  emit(name: string, event: BenchEvent): Promise<void> {
    this.#queue.push([name, this.#sender, pack(event)]);
    this.#pumping ??= this.#pump();
    return this.#pumping;
  }

  async close(): Promise<void> {
    await this.#pumping;
    this.#publisher.close();
    this.#subscriber.close();
    await this.#receiving;
  }

  async #pump(): Promise<void> {
    while (this.#queue.length > 0) {
      const messages = this.#queue;
      this.#queue = [];
      for (const message of messages) await this.#publisher.send(message);
    }
    this.#pumping = undefined;
  }

  async #receive(): Promise<void> {
    for await (const [topic, sender, payload] of this.#subscriber) {
      if (topic === undefined || sender === undefined || payload === undefined) continue;
      if (sender.equals(this.#sender)) continue;
      this.#listeners.get(topic.toString())?.(unpack(payload) as BenchEvent);
    }
  }
}

export const rawZeromq: Peer = {
  name: 'raw zeromq.js',
  startServer: startForwarderServer,
  connect: (addresses) => new RawZeromqClient(addresses),
};
