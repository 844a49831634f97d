/**
 * A bus within one process that does to messages what networks and forwarders do: delays them, loses them, drops what
 * a stalled end does not take, and breaks links. It draws from a seeded source and uses timers alone, so that with a
 * fake clock a run is the same each time, and hours pass in a moment.
 */
import type {
  Transport,
  TransportFactory,
  TransportHandlers,
  TransportSupport,
} from '../../src/transport/transport.js';

const SUPPORTS: TransportSupport = { processes: false, reconnects: true };

/** What can be done to one end; each property takes effect at once. */
export interface Faults {
  /** How many of the messages from and to this end are lost, from 0 to 1. */
  lossOut: number;
  lossIn: number;
  /** Nothing is handed on; what comes waits, and is dropped over `queueLimit` messages. */
  isStalled: boolean;
  queueLimit: number;
  latencyMs: number;
}

export class FaultyBus {
  readonly #random: () => number;
  readonly #ends = new Set<FaultyEnd>();

  /** `random` gives numbers from 0 up to, but not including, 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** An end for one emitter, and the factory of its transport. */
  end(faults: Partial<Faults> = {}): FaultyEnd {
    const end = new FaultyEnd(this.#random, (message) => this.#publish(message), faults);
    this.#ends.add(end);
    return end;
  }

  #publish(message: Buffer): void {
    for (const end of this.#ends) end.deliver(message);
  }
}

export class FaultyEnd implements Transport {
  readonly supports = SUPPORTS;
  readonly faults: Faults;
  readonly #random: () => number;
  readonly #publish: (message: Buffer) => void;
  readonly #prefixes = new Map<string, Buffer>();
  #handlers: TransportHandlers | undefined;
  #state: 'idle' | 'up' | 'down' | 'closed' = 'idle';
  /** What is on its way in each direction, cut off when the link breaks. */
  #outgoing: Buffer[] = [];
  #incoming: Buffer[] = [];
  #link = 0;

  constructor(random: () => number, publish: (message: Buffer) => void, faults: Partial<Faults>) {
    this.#random = random;
    this.#publish = publish;
    this.faults = { lossOut: 0, lossIn: 0, isStalled: false, queueLimit: 60, latencyMs: 1, ...faults };
  }

  readonly factory: TransportFactory = () => this;

  get unconfirmedBytes(): number {
    return 0;
  }

  open(handlers: TransportHandlers): void {
    this.#handlers = handlers;
    this.connect();
  }

  /** Makes the link again, a moment later. */
  connect(): void {
    setTimeout(() => {
      if (this.#state === 'closed' || this.#state === 'up') return;
      this.#state = 'up';
      this.#handlers?.onStatus('up');
      this.#handlers?.onDrain();
    }, this.faults.latencyMs);
  }

  /** Breaks the link: what is on its way is lost. */
  disconnect(): void {
    if (this.#state !== 'up') return;
    this.#state = 'down';
    this.#link += 1;
    this.#outgoing = [];
    this.#incoming = [];
    this.#handlers?.onStatus('down', new Error('the link was broken'));
  }

  subscribe(prefix: Uint8Array): void {
    const bytes = Buffer.from(prefix);
    const link = this.#link;
    // It takes force when it has reached the other side.
    setTimeout(
      () => {
        if (this.#state !== 'closed') this.#prefixes.set(bytes.toString('latin1'), bytes);
      },
      this.#state === 'up' && link === this.#link ? this.faults.latencyMs : 0,
    );
  }

  unsubscribe(prefix: Uint8Array): void {
    const key = Buffer.from(prefix).toString('latin1');
    setTimeout(() => this.#prefixes.delete(key), this.faults.latencyMs);
  }

  send(message: Uint8Array): boolean {
    if (this.#state !== 'up' || this.#random() < this.faults.lossOut) return true;
    // A copy, as on a wire: the sender's flags may change later, on the same bytes.
    if (this.#outgoing.push(Buffer.from(message)) === 1) {
      const link = this.#link;
      setTimeout(() => {
        if (link !== this.#link) return;
        const messages = this.#outgoing;
        this.#outgoing = [];
        for (const next of messages) this.#publish(next);
      }, this.faults.latencyMs);
    }
    return true;
  }

  flush(): void {}

  /** @internal A message has reached the middle of the bus. */
  deliver(message: Buffer): void {
    if (this.#state !== 'up' || !this.#matches(message)) return;
    if (this.#random() < this.faults.lossIn) return;
    if (this.#incoming.length >= this.faults.queueLimit) return;
    if (this.#incoming.push(message) === 1) setTimeout(() => this.#handOn(), this.faults.latencyMs);
  }

  /** Hands on what waits. */
  resume(): void {
    this.faults.isStalled = false;
    this.#handOn();
  }

  async close(): Promise<number> {
    // What was sent arrives.
    await new Promise((resolve) => setTimeout(resolve, this.faults.latencyMs));
    this.#state = 'closed';
    this.#handlers = undefined;
    return 0;
  }

  #handOn(): void {
    if (this.faults.isStalled) return;
    while (this.#incoming.length > 0) {
      const message = this.#incoming.shift() as Buffer;
      if (this.#state !== 'up') continue;
      const bytes = Buffer.from(message);
      this.#handlers?.onMessage(bytes);
      // They were valid during the call: whoever has kept them keeps garbage.
      bytes.fill(0xaa);
    }
  }

  #matches(message: Buffer): boolean {
    for (const prefix of this.#prefixes.values()) {
      if (message.subarray(0, prefix.length).equals(prefix)) return true;
    }
    return false;
  }
}
