/**
 * Retained values: the last event of a name that was emitted to be kept, for whoever begins to listen later. Bounded in bytes;
 * those not renewed for longest are forgotten first.
 */
export interface Retained {
  readonly message: Buffer;
  /** When it was emitted, in milliseconds of a clock that only goes forward. */
  readonly at: number;
  /** Whether all events of the name have been sent. */
  isSent(): boolean;
}

export class RetainedStore {
  readonly #maxBytes: number;
  readonly #onForgotten: (count: number) => void;
  /** Whole messages by topic, one character to a byte; in the order in which they were set. */
  readonly #messages = new Map<string, Retained>();
  #bytes = 0;

  /** `onForgotten` is told how many values had to make room for another. */
  constructor(maxBytes: number, onForgotten: (count: number) => void) {
    this.#maxBytes = maxBytes;
    this.#onForgotten = onForgotten;
  }

  get size(): number {
    return this.#messages.size;
  }

  get(topic: string): Retained | undefined {
    return this.#messages.get(topic);
  }

  set(topic: string, retained: Retained): void {
    this.#delete(topic);
    if (retained.message.length > this.#maxBytes) {
      // The others would have to go, and it with them.
      this.#onForgotten(1);
      return;
    }
    this.#messages.set(topic, retained);
    this.#bytes += retained.message.length;
    let forgotten = 0;
    for (const oldest of this.#messages.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#delete(oldest);
      forgotten += 1;
    }
    if (forgotten > 0) this.#onForgotten(forgotten);
  }

  #delete(topic: string): void {
    const retained = this.#messages.get(topic);
    if (retained === undefined) return;
    this.#messages.delete(topic);
    this.#bytes -= retained.message.length;
  }
}
