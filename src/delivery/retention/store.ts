/**
 * Retained values: the last event of a name that was emitted to be kept, for whoever begins to listen later. Bounded in bytes;
 * those not renewed for longest are forgotten first.
 */
export class RetainedStore {
  readonly #maxBytes: number;
  readonly #onForgotten: (count: number) => void;
  /** Whole messages by topic, one character to a byte; in the order in which they were set. */
  readonly #messages = new Map<string, Buffer>();
  #bytes = 0;

  /** `onForgotten` is told how many values had to make room for another. */
  constructor(maxBytes: number, onForgotten: (count: number) => void) {
    this.#maxBytes = maxBytes;
    this.#onForgotten = onForgotten;
  }

  get size(): number {
    return this.#messages.size;
  }

  get(topic: string): Buffer | undefined {
    return this.#messages.get(topic);
  }

  set(topic: string, message: Buffer): void {
    this.#delete(topic);
    this.#messages.set(topic, message);
    this.#bytes += message.length;
    let forgotten = 0;
    for (const oldest of this.#messages.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#delete(oldest);
      forgotten += 1;
    }
    if (forgotten > 0) this.#onForgotten(forgotten);
  }

  #delete(topic: string): void {
    const message = this.#messages.get(topic);
    if (message === undefined) return;
    this.#messages.delete(topic);
    this.#bytes -= message.length;
  }
}
