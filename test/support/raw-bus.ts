/**
 * A bus within this process on which a stranger is: it hands on any bytes to every emitter, at once, and counts what they
 * send.
 */
import { createDistributedEmitter, type DistributedEmitter } from '../../src/emitter.js';
import type { DistributedError } from '../../src/errors.js';
import type { AnyEvents } from '../../src/event-map.js';
import type { DistributedEmitterOptions } from '../../src/options.js';
import { createMemoryTransport, MemoryHub } from '../../src/transport/memory.js';
import type { Transport } from '../../src/transport/transport.js';

const MAX_MESSAGE_BYTES = 2 ** 30;

export class RawBus implements AsyncDisposable {
  readonly #hub = new MemoryHub();
  readonly #transport: Transport;
  readonly #emitters: DistributedEmitter[] = [];
  #isInjecting = false;
  /** What emitters sent. */
  sentMessages = 0;
  sentBytes = 0;
  /** Called with each message that an emitter sends. */
  onSent: (message: Buffer) => void = () => {};

  private constructor() {
    this.#transport = createMemoryTransport(this.#hub)({
      xsubAddress: '',
      xpubAddress: '',
      maxMessageBytes: MAX_MESSAGE_BYTES,
    });
    this.#transport.subscribe(Buffer.alloc(0));
  }

  static async start(): Promise<RawBus> {
    const bus = new RawBus();
    await new Promise<void>((resolve) => {
      bus.#transport.open({
        onStatus: () => resolve(),
        onDrain: () => {},
        onMessage: (message) => {
          if (bus.#isInjecting) return;
          bus.sentMessages += 1;
          bus.sentBytes += message.length;
          bus.onSent(message);
        },
      });
    });
    return bus;
  }

  /** A connected emitter, and the errors that it tells. */
  async emitter(
    options: DistributedEmitterOptions = {},
  ): Promise<{ readonly emitter: DistributedEmitter<AnyEvents>; readonly errors: DistributedError[] }> {
    const emitter = await createDistributedEmitter({
      ...options,
      transport: createMemoryTransport(this.#hub),
    });
    const errors: DistributedError[] = [];
    emitter.on('distributed:error', (error) => void errors.push(error));
    this.#emitters.push(emitter);
    return { emitter, errors };
  }

  /** Every emitter that subscribed to it gets the message within the call. Throws what they throw. */
  inject(message: Uint8Array): void {
    this.#isInjecting = true;
    try {
      this.#hub.publish(message);
    } finally {
      this.#isInjecting = false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#emitters.map((emitter) => emitter.close()));
    await this.#transport.close(0);
  }
}
