/**
 * A PUB and an XSUB socket of zeromq.js at the forwarder: what both ways of using them by hand have in common. XSUB is a
 * SUB whose queue for subscriptions can be made long enough: a SUB drops those over 1,000 without a word.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Publisher, XSubscriber } from 'zeromq';
import type { Addresses } from './peer.js';

const SUBSCRIBE = Buffer.of(1);

/** What close() waits for unsent messages; for ever, by default, would hang at exit. */
const LINGER_MS = 1000;

/** A publisher that may not drop refuses what its full queue does not hold, and does not say when it has room again. */
const RETRY_MS = 1;

export interface ZeromqSocketsOptions {
  /** Whether a full queue makes senders and receivers wait. By default its messages are dropped without a word. */
  readonly lossless: boolean;
}

export class ZeromqSockets {
  readonly #addresses: Addresses;
  readonly #publisher: Publisher;
  readonly #subscriber: XSubscriber;
  /** A socket refuses to send (EBUSY) while another send is pending, so one pump sends for all. */
  #queue: Message[] = [];
  #queuedBytes = 0;
  #pumping: Promise<void> | undefined;
  #receiving: Promise<void> | undefined;

  constructor(addresses: Addresses, { lossless }: ZeromqSocketsOptions) {
    this.#addresses = addresses;
    this.#publisher = new Publisher({ linger: LINGER_MS, ...(lossless && { noDrop: true }) });
    this.#subscriber = new XSubscriber({
      linger: 0,
      sendHighWaterMark: 0,
      ...(lossless && { receiveHighWaterMark: 0 }),
    });
  }

  /** Bytes that the socket has not taken. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  async connect(topics: Iterable<string>, onMessage: (frames: readonly Buffer[]) => void): Promise<void> {
    const { xsubAddress, xpubAddress } = this.#addresses;
    this.#publisher.connect(xsubAddress ?? '');
    this.#subscriber.connect(xpubAddress ?? '');
    for (const topic of topics) await this.#subscriber.send(Buffer.concat([SUBSCRIBE, Buffer.from(topic)]));
    this.#receiving = this.#receive(onMessage);
  }

  /** Resolves when the socket has taken this message, and all that come meanwhile. */
  send(...message: Message): Promise<void> {
    this.#queue.push(message);
    for (const frame of message) this.#queuedBytes += frame.length;
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
      for (const message of messages) {
        await this.#sendOne(message);
        for (const frame of message) this.#queuedBytes -= frame.length;
      }
    }
    this.#pumping = undefined;
  }

  async #sendOne(message: Message): Promise<void> {
    for (;;) {
      try {
        return await this.#publisher.send(message);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        await sleep(RETRY_MS);
      }
    }
  }

  async #receive(onMessage: (frames: readonly Buffer[]) => void): Promise<void> {
    for await (const frames of this.#subscriber) onMessage(frames);
  }
}

type Message = (string | Buffer)[];
