/**
 * A recovery: one publisher is asked for the batches that are missing, until it has given them or says that it cannot.
 *
 * It answers in chunks, and each chunk is asked for by itself, so that the receiver sets the pace. A question that is
 * not answered is repeated. It is given up after `recoveryTimeout` without an answer; time in which the link was down or
 * congested does not count.
 */
import type { Replayed, Request } from '../../wire/recovery.js';

/** When a question is repeated: after this, and then after twice the time, up to the other. */
const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 4000;

/** After so many answers with a replay missing at the same place, it will not come: it is too large, say. */
const MAX_FRUITLESS = 10;

export interface RecoveryContext {
  /** A clock in milliseconds that only goes forward. */
  readonly now: () => number;
  readonly timeoutMs: number;
  /** A number that no other question has. */
  nextNumber(): number;
  ask(number: number, request: Request): void;
  /** For how long, in milliseconds and in all, the link was known to work. */
  provenMs(): number;
  /** It is over, for whatever reason. */
  onEnd(): void;
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
  /** Whether the answer to the present question has ended. */
  #isAnswered = false;
  /** Answers in a row that brought nothing. */
  #fruitless = 0;
  #isIncomplete = false;
  /** `provenMs` when the publisher was asked first, or answered last. */
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
    this.#waitingSince = context.provenMs();
    this.ask();
  }

  /** Asks for what is still missing; again, if an earlier question or a part of its answer may have been lost. */
  ask(): void {
    // Unless a part of the answer came it is the same question: the way may be longer than this waits.
    if (this.#number === 0 || this.#replays > 0 || this.#isAnswered)
      this.#number = this.#context.nextNumber();
    this.#through = Math.max(this.#through, this.#lastReplay);
    this.#replays = 0;
    this.#isAnswered = false;
    const { after } = this.#request;
    // What was young enough at the beginning has aged since; and behind the first part of an answer, nothing is too old.
    const agedMs = this.#through > after ? Number.POSITIVE_INFINITY : this.#context.now() - this.#startedAt;
    const maxAgeMs = this.#request.maxAgeMs + agedMs;
    this.#context.ask(this.#number, { ...this.#request, after: this.#through, maxAgeMs });
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
    this.#timer = setTimeout(() => this.#waitedInVain(), this.#retryMs);
    this.#timer.unref();
  }

  /** A replay of the batch `sequence` came. Returns whether it is the next one; another must not be used. */
  replay(number: number, index: number, sequence: number): boolean {
    if (number !== this.#number || !this.#isNext(index) || !this.#isAskedFor(sequence)) return false;
    this.#replays = index + 1;
    this.#lastReplay = sequence;
    this.#waitingSince = this.#context.provenMs();
    this.#timer?.refresh();
    clearImmediate(this.#turn);
    return true;
  }

  /** The end of an answer came. Returns whether everything was answered. */
  replayed(number: number, { through, gone, last, replays }: Replayed): boolean {
    const { before } = this.#request;
    // An answer that cannot be is no answer: numbers that are too high would make true ones look old.
    if (number !== this.#number || through > last || (before > 0 && through >= before)) return false;
    this.#waitingSince = this.#context.provenMs();
    this.#retryMs = FIRST_RETRY_MS;
    this.#isAnswered = true;
    const isWhole = replays === this.#replays || this.#hasHole;
    this.#fruitless = this.#replays > 0 || isWhole ? 0 : this.#fruitless + 1;
    if (gone > 0 || (isWhole && replays !== this.#replays)) this.#isIncomplete = true;
    const isStuck = isWhole && through <= this.#through;
    if (isWhole) this.#through = Math.max(this.#through, through);
    const end = before === 0 ? last : Math.min(before - 1, last);
    const isDone = isWhole && (this.#through >= end || isStuck);
    if (isDone) this.stop();
    else this.ask();
    return isDone;
  }

  /** One replay does not come, however often it is asked for: the others have to do. */
  get #hasHole(): boolean {
    return this.#fruitless >= MAX_FRUITLESS;
  }

  #isNext(index: number): boolean {
    return index === this.#replays || (this.#hasHole && index > this.#replays);
  }

  /** Replays come in order, within the range. */
  #isAskedFor(sequence: number): boolean {
    const { before } = this.#request;
    return sequence > Math.max(this.#through, this.#lastReplay) && (before === 0 || sequence < before);
  }

  /** Whether something of what was asked for cannot be had again. */
  get isIncomplete(): boolean {
    return this.#isIncomplete;
  }

  /** Questions may have been lost: asks again. */
  restart(): void {
    this.#retryMs = FIRST_RETRY_MS;
    this.ask();
  }

  stop(): void {
    if (this.#number === 0) return;
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
    this.#number = 0;
    this.#context.onEnd();
  }

  #waitedInVain(): void {
    // A turn of the loop first: if this process stood still itself, the answer may be waiting in its socket.
    this.#turn = setImmediate(() => {
      const { timeoutMs, provenMs } = this.#context;
      if (provenMs() - this.#waitingSince >= timeoutMs) {
        this.stop();
        this.#onGiveUp();
        return;
      }
      this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
      this.ask();
    });
  }
}
