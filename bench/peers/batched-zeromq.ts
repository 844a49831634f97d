/**
 * zeromq.js with batching by hand: what can be had from it by somebody who wants nothing but speed. Events of one name
 * emitted in a row travel in one message of one frame (topic, NUL, msgpack values), as large as our batches; full
 * queues make it wait. Nothing else of what we do is done: no numbers, no history, no recovery, no readiness.
 */
import { pack, unpackMultiple } from 'msgpackr';
import type { Payload } from '../payload.js';
import { startForwarderServer } from './forwarder-server.js';
import type { Addresses, Client, Listener, Peer } from './peer.js';
import { ZeromqSockets } from './zeromq-sockets.js';

/** As our `maxBatchBytes` and `highWaterMark`. */
const MAX_BATCH_BYTES = 4096;
const HIGH_WATER_MARK = 1024 * 1024;

const NUL = 0;
const DONE = Promise.resolve();

class BatchedZeromqClient implements Client {
  readonly #sockets: ZeromqSockets;
  readonly #listeners = new Map<string, Listener>();
  readonly #topics = new Map<string, Buffer>();
  /** The open batch. */
  #name = '';
  #parts: Buffer[] = [];
  #bytes = 0;
  #isFlushScheduled = false;
  #sent = DONE;

  constructor(addresses: Addresses) {
    this.#sockets = new ZeromqSockets(addresses, { lossless: true });
  }

  on(name: string, listener: Listener): void {
    this.#listeners.set(name, listener);
  }

  async ready(): Promise<void> {
    const topics = [...this.#listeners.keys()].map((name) => `${name}\0`);
    await this.#sockets.connect(topics, ([first, second]) => {
      if (first === undefined) return;
      const end = first.indexOf(NUL);
      const listener = this.#listeners.get(first.toString('latin1', 0, end));
      if (listener === undefined) return;
      // `unpackMultiple` stops when it is given `false`.
      unpackMultiple(second ?? first.subarray(end + 1), (payload: Payload) => void listener(payload));
    });
  }

  emit(name: string, payload: Payload): Promise<void> {
    const packed = pack(payload);
    if (name !== this.#name || this.#bytes + packed.length > MAX_BATCH_BYTES) this.#flush();
    this.#name = name;
    this.#parts.push(packed);
    this.#bytes += packed.length;
    if (!this.#isFlushScheduled) this.#scheduleFlush();
    return this.#sockets.queuedBytes > HIGH_WATER_MARK ? this.#sent : DONE;
  }

  close(): Promise<void> {
    this.#flush();
    return this.#sockets.close();
  }

  #scheduleFlush(): void {
    this.#isFlushScheduled = true;
    setImmediate(() => {
      this.#isFlushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const [first] = this.#parts;
    if (first === undefined) return;
    const topic = this.#topicOf(this.#name);
    // A large event is not copied for the sake of one frame less.
    this.#sent =
      this.#bytes > MAX_BATCH_BYTES
        ? this.#sockets.send(topic, first)
        : this.#sockets.send(Buffer.concat([topic, ...this.#parts]));
    this.#parts = [];
    this.#bytes = 0;
  }

  #topicOf(name: string): Buffer {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      topic = Buffer.from(`${name}\0`, 'latin1');
      this.#topics.set(name, topic);
    }
    return topic;
  }
}

export const batchedZeromq: Peer = {
  name: 'zeromq.js, batched',
  startServer: () => startForwarderServer(),
  connect: (addresses) => new BatchedZeromqClient(addresses),
};
