/** The event that is being handled: whose it is, and what came with it. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Headers } from './wire/attributes.js';

/** What `emitter.context()` tells of the event that is being handled. */
export interface EventContext {
  readonly eventName: PropertyKey;
  /** The channel it was emitted in; `undefined` outside of channels. */
  readonly channel: string | undefined;
  /** Who emitted it, as in `emitter.id`. */
  readonly publisherId: string;
  /**
   * The number of the batch it came in, among all of its publisher's: it only goes up. `undefined` for one that was
   * emitted here, and for volatile ones.
   */
  readonly sequence: number | undefined;
  /** When it was sent, in milliseconds since 1970 with a fraction, by its publisher's clock. */
  readonly sentAt: number;
  /** Whether it was emitted before this listener began to listen, and retained for it. */
  readonly retained: boolean;
  /** What it was emitted with; empty if nothing. */
  readonly headers: Headers;
}

export class Contexts {
  readonly #storage = new AsyncLocalStorage<EventContext>();

  get current(): EventContext | undefined {
    return this.#storage.getStore();
  }

  run<T>(context: EventContext, call: () => T): T {
    return this.#storage.run(context, call);
  }
}
