/**
 * What the peer has read. A PING travels among the messages, and its PONG says that the peer has come as far as to it:
 * that the kernel took the bytes proves nothing, as it throws them away when the peer dies or the connection is reset.
 *
 * Each PING carries its number as context (RFC 37, "Connection Heartbeating"), and it is remembered how much had been
 * sent before it.
 */

/** A peer that answers no PING must not cost ever more memory. */
const MAX_PINGS = 1024;

const CONTEXT_BYTES = 6;

interface Ping {
  number: number;
  /** What had been sent before it, in all. */
  sentBytes: number;
}

/** Waits for the answer to a PING. */
interface Waiter {
  readonly number: number;
  readonly onAnswered: () => void;
}

export class Confirmations {
  /** On their way, oldest first: of several with nothing between them only the first. */
  #pings: Ping[] = [];
  #waiters: Waiter[] = [];
  #lastNumber = 0;
  #pongs = 0;
  #sentBytes = 0;
  #confirmedBytes = 0;

  /** Bytes of messages, the last ones, that the peer may not have read. */
  get unconfirmedBytes(): number {
    return this.#sentBytes - this.#confirmedBytes;
  }

  sent(bytes: number): void {
    this.#sentBytes += bytes;
  }

  /**
   * Call for each PING; `onAnswered` is called when the peer has come as far as to it.
   *
   * @returns its context.
   */
  ping(onAnswered?: () => void): Buffer {
    this.#lastNumber += 1;
    if (onAnswered !== undefined) this.#waiters.push({ number: this.#lastNumber, onAnswered });
    const last = this.#pings.at(-1);
    if (this.#sentBytes > (last?.sentBytes ?? this.#confirmedBytes)) {
      const ping = { number: this.#lastNumber, sentBytes: this.#sentBytes };
      if (last === undefined || this.#pings.length < MAX_PINGS) this.#pings.push(ping);
      // The later one stands for both: what is known too late is no lie.
      else Object.assign(last, ping);
    }
    const context = Buffer.alloc(CONTEXT_BYTES);
    context.writeUIntBE(this.#lastNumber, 0, CONTEXT_BYTES);
    return context;
  }

  /**
   * The peer has answered. It may leave out some answers, but not change their order. libzmq before 4.3 gives no
   * context back: then the n-th PONG answers the n-th PING or a later one.
   */
  pong(context: Buffer): void {
    this.#pongs += 1;
    const number = context.length === CONTEXT_BYTES ? context.readUIntBE(0, CONTEXT_BYTES) : this.#pongs;
    if (number > this.#lastNumber) return;
    let read = 0;
    for (const ping of this.#pings) {
      if (ping.number > number) break;
      this.#confirmedBytes = ping.sentBytes;
      read += 1;
    }
    if (read > 0) this.#pings = this.#pings.slice(read);
    if (this.#waiters.length > 0) this.#answer(number);
  }

  #answer(number: number): void {
    const waiters = this.#waiters;
    this.#waiters = waiters.filter((waiter) => waiter.number > number);
    for (const waiter of waiters) if (waiter.number <= number) waiter.onAnswered();
  }

  /** No more than the last `bytes` can be on their way. */
  expectAtMost(bytes: number): void {
    this.#confirmedBytes = Math.max(this.#confirmedBytes, this.#sentBytes - bytes);
  }
}
