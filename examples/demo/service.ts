/**
 * A service of the demo: an emitter, and a report to the demo of everything that is emitted and received.
 *
 * The report goes over Node's channel from child to parent, so that the demo can print and check it. The events go
 * from service to service through the forwarder, and nowhere else.
 */
import { createDistributedEmitter, type DistributedEmitter } from 'demitter';
import type { EventName, ShopEvents } from './events.js';

/** What a service tells the demo. */
export type Report =
  | { readonly type: 'ready'; readonly listensTo: readonly EventName[] }
  | {
      readonly type: 'sent' | 'received';
      readonly event: EventName;
      readonly data: ShopEvents[EventName];
      /** When, in milliseconds since 1970, to the microsecond. */
      readonly at: number;
    }
  | { readonly type: 'finished' };

export class Service {
  readonly #emitter: DistributedEmitter<ShopEvents>;
  readonly #listensTo: EventName[] = [];

  private constructor(emitter: DistributedEmitter<ShopEvents>) {
    this.#emitter = emitter;
  }

  /** XSUB_ADDRESS and XPUB_ADDRESS say where the forwarder is; the library reads them itself. */
  static async create(): Promise<Service> {
    const emitter = await createDistributedEmitter<ShopEvents>();
    // Nothing may go wrong in this demo: an error ends this process, and the demo with it.
    emitter.on('distributed:error', (error) => {
      console.error(error);
      process.exitCode = 1;
      if (process.connected) process.disconnect();
    });
    // Told to stop, or the demo is gone. What this service was about to do is of no use then.
    const stop = async (): Promise<void> => {
      await emitter.close();
      process.exit();
    };
    process.once('disconnect', stop);
    if (!process.connected) await stop();
    return new Service(emitter);
  }

  on<Name extends EventName>(event: Name, listener: (data: ShopEvents[Name]) => unknown): void {
    this.#listensTo.push(event);
    this.#emitter.on(event, (data) => {
      report({ type: 'received', event, data, at: now() });
      return listener(data);
    });
  }

  async emit<Name extends EventName>(event: Name, data: ShopEvents[Name]): Promise<void> {
    report({ type: 'sent', event, data, at: now() });
    await this.#emitter.emit(event, data);
  }

  /** Resolves when every service is ready, and the demo says so. */
  async start(): Promise<void> {
    const go = new Promise((resolve) => process.once('message', resolve));
    await this.#emitter.ready();
    report({ type: 'ready', listensTo: this.#listensTo });
    await go;
  }

  /** The last of this service's own work was done. */
  finish(): void {
    report({ type: 'finished' });
  }
}

/** A clock that all processes of this machine share. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

function report(message: Report): void {
  if (process.connected) process.send?.(message);
}
