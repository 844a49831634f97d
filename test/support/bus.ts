/** A real forwarder on free ports, and the emitters a test connects to it: all closed when the test ends. */
import { createDistributedEmitter, type DistributedEmitter } from '../../src/emitter.js';
import type { AnyEvents } from '../../src/event-map.js';
import { createForwarder, type Forwarder, type ForwarderOptions } from '../../src/forwarder.js';
import type { DistributedEmitterOptions } from '../../src/options.js';
import { Peer } from './peer.js';

export class Bus implements AsyncDisposable {
  readonly forwarder: Forwarder;
  readonly #emitters: DistributedEmitter[] = [];
  readonly #peers: Peer[] = [];

  constructor(forwarder: Forwarder) {
    this.forwarder = forwarder;
  }

  static async start(options: ForwarderOptions = {}): Promise<Bus> {
    return new Bus(await createForwarder({ xsubPort: 0, xpubPort: 0, ...options }));
  }

  /** Where emitters connect. */
  get addresses(): { xsubAddress: string; xpubAddress: string } {
    const { xsubAddress, xpubAddress } = this.forwarder;
    return { xsubAddress, xpubAddress };
  }

  /** An emitter in a process of its own. */
  async peer(): Promise<Peer> {
    const peer = await Peer.start(this.addresses);
    this.#peers.push(peer);
    return peer;
  }

  /** A connected emitter in this process. */
  async emitter<Events = AnyEvents>(
    options: DistributedEmitterOptions = {},
  ): Promise<DistributedEmitter<Events>> {
    const emitter = await createDistributedEmitter<Events>({ ...this.addresses, ...options });
    this.#emitters.push(emitter as unknown as DistributedEmitter);
    return emitter;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#peers.map((peer) => peer[Symbol.asyncDispose]()));
    await Promise.all(this.#emitters.map((emitter) => emitter.close()));
    await this.forwarder.close();
  }
}
