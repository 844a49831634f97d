/**
 * A recovery: one publisher is asked for the batches that are missing, until it has given them or says that it cannot.
 *
 * It answers in chunks, and each chunk is asked for by itself, so that the receiver sets the pace. A question that is
 * not answered is repeated. It is given up after `recoveryTimeout` without an answer, and only when something that was
 * sent after that time has come back: while the link is down or congested, the time does not count.
 */
import type { Replayed, Request } from '../wire/recovery.js';

const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 500;

export interface RecoveryContext {
  /** A clock in milliseconds that only goes forward. */
  readonly now: () => number;
  readonly timeoutMs: number;
  /** A number that no other question has. */
  nextNumber(): number;
  ask(number: number, request: Request): void;
  /** Whether something that was sent at `time` or later has come back to us since. */
  hasHeardSince(time: number): boolean;
}

export class Recovery {
  readonly #request: Request;
  readonly #context: RecoveryContext;
  readonly #onGiveUp: () => void;
  readonly #startedAt: number;
  /** Of the present question. */
  #number = 0;
  /** Everything up to here has been answered. */
  #through: number;
  /** Replays that came in answer to the present question, and the last of them. */
  #replays = 0;
  #lastReplay = 0;
  /** When the publisher was asked first, or answered last. */
  #waitingSince: number;
  #retryMs = FIRST_RETRY_MS;
  #timer: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;

  constructor(request: Request, context: RecoveryContext, onGiveUp: () => void) {
    this.#request = request;
    this.#context = context;
    this.#onGiveUp = onGiveUp;
    this.#through = request.after;
    this.#startedAt = context.now();
    this.#waitingSince = this.#startedAt;
    this.ask();
  }

  /** Asks for what is still missing; again, if an earlier question or a part of its answer may have been lost. */
  ask(): void {
    this.#through = Math.max(this.#through, this.#lastReplay);
    this.#number = this.#context.nextNumber();
    this.#replays = 0;
    // What was young enough at the beginning has aged since.
    const maxAgeMs = this.#request.maxAgeMs + this.#context.now() - this.#startedAt;
    this.#context.ask(this.#number, { ...this.#request, after: this.#through, maxAgeMs });
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
    this.#timer = setTimeout(() => this.#waitedInVain(), this.#retryMs);
    this.#timer.unref();
  }

  /** A replay of the batch `sequence` came. Returns whether it is the next one; another must not be used. */
  replay(number: number, index: number, sequence: number): boolean {
    if (number !== this.#number || index !== this.#replays || !this.#isAskedFor(sequence)) return false;
    this.#replays += 1;
    this.#lastReplay = sequence;
    this.#waitingSince = this.#context.now();
    this.#timer?.refresh();
    clearImmediate(this.#turn);
    return true;
  }

  /** The end of an answer came. Returns whether everything was answered. */
  replayed(number: number, { through, last, replays }: Replayed): boolean {
    const { before } = this.#request;
    // An answer that cannot be is no answer: numbers that are too high would make true ones look old.
    if (number !== this.#number || through > last || (before > 0 && through >= before)) return false;
    this.#waitingSince = this.#context.now();
    this.#retryMs = FIRST_RETRY_MS;
    const isWhole = replays === this.#replays;
    const isStuck = isWhole && through <= this.#through;
    if (isWhole) this.#through = Math.max(this.#through, through);
    const end = before === 0 ? last : Math.min(before - 1, last);
    const isDone = isWhole && (this.#through >= end || isStuck);
    if (isDone) this.stop();
    else this.ask();
    return isDone;
  }

  /** Replays come in order, within the range. */
  #isAskedFor(sequence: number): boolean {
    const { before } = this.#request;
    return sequence > Math.max(this.#through, this.#lastReplay) && (before === 0 || sequence < before);
  }

  /** The link was away: asks again, and does not count the time. */
  restart(): void {
    this.#waitingSince = this.#context.now();
    this.#retryMs = FIRST_RETRY_MS;
    this.ask();
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
    this.#number = 0;
  }

  #waitedInVain(): void {
    // A turn of the loop first: if this process stood still itself, the answer may be waiting in its socket.
    this.#turn = setImmediate(() => {
      const { timeoutMs, hasHeardSince } = this.#context;
      if (hasHeardSince(this.#waitingSince + timeoutMs)) {
        this.stop();
        this.#onGiveUp();
        return;
      }
      this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
      this.ask();
    });
  }
}
