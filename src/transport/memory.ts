/**
 * The bus within one process: for tests, and for programs that want the API before they need a forwarder.
 *
 * It keeps the contract as a network would: nothing is delivered or reported inside the call that causes it, every
 * receiver gets bytes of its own, and a sender that floods is told to wait. Events do not leave the thread: emitters
 * in worker threads have a bus of their own.
 */
import { DemitterError } from '../errors.js';
import type {
  Transport,
  TransportContext,
  TransportFactory,
  TransportHandlers,
  TransportSupport,
} from './transport.js';

/** Unsent bytes of one sender over which `send` asks to wait. */
const HIGH_WATER_MARK = 256 * 1024;

const SUPPORTS: TransportSupport = { processes: false, reconnects: false };

/** Makes the transports of one hub: `createMemoryTransport(new MemoryHub())` gives a bus that nobody else is on. */
export function createMemoryTransport(hub: MemoryHub = defaultHub()): TransportFactory {
  return (context) => new MemoryTransport(hub, context);
}

let processWide: MemoryHub | undefined;

/** The one bus that `transport: 'memory'` means everywhere in this thread. */
function defaultHub(): MemoryHub {
  processWide ??= new MemoryHub();
  return processWide;
}

/** What the transports of one bus share: who is there, and a turn of the event loop to deliver in. */
export class MemoryHub {
  readonly #members = new Set<MemoryTransport>();
  #queue: (() => void)[] = [];

  /** @internal */
  join(member: MemoryTransport): void {
    this.#members.add(member);
  }

  /** @internal */
  leave(member: MemoryTransport): void {
    this.#members.delete(member);
  }

  /** @internal Runs `task` in a later turn, after every task given before it. */
  defer(task: () => void): void {
    if (this.#queue.push(task) === 1) setImmediate(() => this.#run());
  }

  /** @internal */
  publish(message: Uint8Array): void {
    // A copy of the list: a handler may open or close transports while it is told.
    for (const member of [...this.#members]) member.deliver(message);
  }

  #run(): void {
    const tasks = this.#queue;
    this.#queue = [];
    let done = 0;
    try {
      for (const task of tasks) {
        done++;
        task();
      }
    } finally {
      // A handler that threw must not take its neighbours' messages with it.
      if (done < tasks.length) {
        const scheduled = this.#queue.length > 0;
        this.#queue = [...tasks.slice(done), ...this.#queue];
        if (!scheduled) setImmediate(() => this.#run());
      }
    }
  }
}

type State = 'idle' | 'opening' | 'up' | 'closed';

class MemoryTransport implements Transport {
  readonly supports = SUPPORTS;
  readonly #hub: MemoryHub;
  readonly #maxMessageBytes: number;
  readonly #prefixes = new PrefixSet();
  #state: State = 'idle';
  #handlers: TransportHandlers | undefined;
  #outgoing: Uint8Array[] = [];
  #bufferedBytes = 0;
  #flow: 'free' | 'waiting' = 'free';
  #drops: 'none' | 'told' = 'none';

  constructor(hub: MemoryHub, context: TransportContext) {
    this.#hub = hub;
    this.#maxMessageBytes = context.maxMessageBytes;
  }

  /** What has not been handed to the others: they have it when it has. */
  get unconfirmedBytes(): number {
    return this.#bufferedBytes;
  }

  open(handlers: TransportHandlers): void {
    if (this.#state === 'closed') return;
    if (this.#state !== 'idle') throw new Error('A transport can be opened only once');
    this.#state = 'opening';
    this.#handlers = handlers;
    this.#hub.defer(() => {
      if (this.#state !== 'opening') return;
      this.#state = 'up';
      this.#hub.join(this);
      handlers.onStatus('up');
    });
  }

  subscribe(prefix: Uint8Array): void {
    if (this.#state !== 'closed') this.#prefixes.add(prefix);
  }

  unsubscribe(prefix: Uint8Array): void {
    this.#prefixes.delete(prefix);
  }

  send(message: Uint8Array): boolean {
    if (message.length > this.#maxMessageBytes) {
      throw new RangeError(
        `A message of ${message.length} bytes is over the limit of ${this.#maxMessageBytes}`,
      );
    }
    if (this.#state !== 'up') return true;
    this.#outgoing.push(message);
    this.#bufferedBytes += message.length;
    if (this.#bufferedBytes < HIGH_WATER_MARK) return true;
    this.#flow = 'waiting';
    this.flush();
    return false;
  }

  flush(): void {
    if (this.#outgoing.length === 0) return;
    const messages = this.#outgoing;
    this.#outgoing = [];
    for (const message of messages) {
      this.#hub.defer(() => {
        try {
          this.#hub.publish(message);
        } finally {
          // Not before: what is not counted may be overwritten, and a receiver's listener may send.
          this.#bufferedBytes -= message.length;
        }
        this.#drain();
      });
    }
  }

  /** @internal */
  deliver(message: Uint8Array): void {
    if (this.#state !== 'up' || !this.#prefixes.matches(message)) return;
    if (message.length <= this.#maxMessageBytes) this.#handlers?.onMessage(Buffer.from(message), true);
    else this.#drop(message.length);
  }

  async close(_timeoutMs: number): Promise<number> {
    this.flush();
    this.#hub.leave(this);
    this.#state = 'closed';
    this.#prefixes.clear();
    // Resolves in a later turn, after everything sent so far has reached the others.
    await new Promise<void>((resolve) => this.#hub.defer(resolve));
    return 0;
  }

  #drop(size: number): void {
    if (this.#drops === 'told') return;
    this.#drops = 'told';
    const text = `A message of ${size} bytes was dropped: the limit is ${this.#maxMessageBytes}`;
    this.#handlers?.onDropped?.(new DemitterError('DEMITTER_PROTOCOL', text));
  }

  #drain(): void {
    if (this.#flow === 'free' || this.#bufferedBytes > HIGH_WATER_MARK / 2) return;
    this.#flow = 'free';
    if (this.#state === 'up') this.#handlers?.onDrain();
  }
}

/** Byte prefixes, grouped by length: one look-up per length that occurs, however many prefixes there are. */
class PrefixSet {
  readonly #byLength = new Map<number, Set<string>>();

  add(prefix: Uint8Array): void {
    const group = this.#byLength.get(prefix.length);
    if (group) group.add(keyOf(prefix, prefix.length));
    else this.#byLength.set(prefix.length, new Set([keyOf(prefix, prefix.length)]));
  }

  delete(prefix: Uint8Array): void {
    const group = this.#byLength.get(prefix.length);
    if (group?.delete(keyOf(prefix, prefix.length)) && group.size === 0) this.#byLength.delete(prefix.length);
  }

  clear(): void {
    this.#byLength.clear();
  }

  matches(message: Uint8Array): boolean {
    for (const [length, group] of this.#byLength) {
      if (length <= message.length && group.has(keyOf(message, length))) return true;
    }
    return false;
  }
}

/** `latin1` maps every byte to one character, so equal keys mean equal bytes. */
function keyOf(bytes: Uint8Array, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('latin1');
}
