/** A transport under test with all its reports kept, and a way to know when its subscriptions are in force. */
import type { LinkStatus, Transport } from '../../src/transport/transport.js';
import { Mailbox } from './mailbox.js';

/** What messages of {@link TransportEnd.settled} begin with; they are kept apart from those of the tests. */
const PROBE = 0xfe;

let probes = 0;

export class TransportEnd implements AsyncDisposable {
  readonly transport: Transport;
  readonly messages = new Mailbox<Buffer>();
  readonly statuses = new Mailbox<{ readonly status: LinkStatus; readonly cause: Error | undefined }>();
  readonly drains = new Mailbox<true>();
  readonly dropped = new Mailbox<Error>();
  readonly #probes = new Mailbox<string>();
  /** Called with every message, after it was kept. */
  onMessage: (message: Buffer) => void = () => undefined;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  open(): this {
    this.transport.open({
      onMessage: (message) => {
        if (message[0] === PROBE) {
          this.#probes.push(message.toString('latin1'));
          return;
        }
        this.messages.push(Buffer.from(message));
        this.onMessage(message);
      },
      onStatus: (status, cause) => this.statuses.push({ status, cause }),
      onDrain: () => this.drains.push(true),
      onDropped: (cause) => this.dropped.push(cause),
    });
    return this;
  }

  async up(): Promise<this> {
    await this.statuses.find(({ status }) => status === 'up');
    return this;
  }

  subscribe(...prefixes: (string | Uint8Array)[]): this {
    for (const prefix of prefixes) this.transport.subscribe(bytes(prefix));
    return this;
  }

  unsubscribe(...prefixes: (string | Uint8Array)[]): this {
    for (const prefix of prefixes) this.transport.unsubscribe(bytes(prefix));
    return this;
  }

  /** Sends and flushes. */
  send(...messages: (string | Uint8Array)[]): this {
    for (const message of messages) this.transport.send(bytes(message));
    this.transport.flush();
    return this;
  }

  /**
   * Resolves when every subscription made so far is in force: one more is made, and messages are sent to it until
   * one comes back. That this proves the earlier ones is what the contract promises.
   */
  async settled(): Promise<this> {
    const topic = Buffer.concat([Buffer.of(PROBE), Buffer.from(`probe ${++probes};`)]);
    const text = topic.toString('latin1');
    this.transport.subscribe(topic);
    const repeat = setInterval(() => this.send(topic), 5);
    this.send(topic);
    await this.#probes.find((probe) => probe === text);
    clearInterval(repeat);
    this.transport.unsubscribe(topic);
    return this;
  }

  /** Resolves when the transport confirms what was done so far; one that cannot has done so with `up`. */
  async confirmed(): Promise<this> {
    const { transport } = this;
    if (transport.confirm !== undefined) await new Promise<void>((resolve) => transport.confirm?.(resolve));
    return this;
  }

  texts(): string[] {
    return this.messages.all.map((message) => message.toString('latin1'));
  }

  /** The first `count` messages as text, when they are there. */
  async received(count: number): Promise<string[]> {
    return (await this.messages.first(count)).map((message) => message.toString('latin1'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.transport.close(0);
  }
}

function bytes(value: string | Uint8Array): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
}

/** Turns the event loop until `condition` holds; that it never does is the runner's time limit to say. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => setImmediate(resolve));
}
