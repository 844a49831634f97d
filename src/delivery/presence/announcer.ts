/**
 * Taking part: an emitter says that it is there. In full when its link is proven and when somebody asks; with a beat at
 * each interval; and goodbye at the end. One that hears nobody ask says it in full at each interval.
 */
import { MessageKind } from '../../wire/batch.js';

/** However many ask, the answer comes at most so often… */
const ANSWER_GAP_MS = 100;
/** …and after a moment, at random: a thousand emitters are asked at once, and should not answer at once. */
const ANSWER_SPREAD_MS = 50;

export interface AnnouncerContext {
  /** A clock in milliseconds that only goes forward. */
  readonly now: () => number;
  /** From 0 up to, but not including, 1. */
  readonly random: () => number;
  readonly intervalMs: number;
  /** Whether it can be asked. */
  readonly hears: boolean;
  /** The body of this emitter's announcement. */
  announcement(): Uint8Array;
  /** Tells those who watch. */
  tell(kind: number, body?: Uint8Array): void;
}

export class Announcer {
  readonly #context: AnnouncerContext;
  /** `away`: no link, or it takes no part. */
  #state: 'away' | 'present' = 'away';
  #beats: NodeJS.Timeout | undefined;
  #answer: NodeJS.Timeout | undefined;
  #announcedAt = Number.NEGATIVE_INFINITY;

  constructor(context: AnnouncerContext) {
    this.#context = context;
  }

  /** The link is proven: from here on, others know. */
  start(): void {
    if (this.#state === 'present') return;
    this.#state = 'present';
    this.#announce();
    this.#beats = setInterval(() => this.#beat(), this.#context.intervalMs);
    this.#beats.unref();
  }

  /** The link is gone: nobody can be told. */
  stop(): void {
    clearInterval(this.#beats);
    clearTimeout(this.#answer);
    this.#answer = undefined;
    this.#state = 'away';
  }

  /** Says goodbye. */
  leave(): void {
    if (this.#state === 'away') return;
    this.stop();
    this.#context.tell(MessageKind.farewell);
  }

  /** Somebody wants to know who is there. */
  asked(): void {
    if (this.#state === 'away' || this.#answer !== undefined) return;
    const { now, random } = this.#context;
    const delayMs = Math.max(random() * ANSWER_SPREAD_MS, this.#announcedAt + ANSWER_GAP_MS - now());
    this.#answer = setTimeout(() => this.#announce(), delayMs);
    this.#answer.unref();
  }

  #beat(): void {
    if (this.#context.hears) this.#context.tell(MessageKind.beat);
    else this.#announce();
  }

  #announce(): void {
    clearTimeout(this.#answer);
    this.#answer = undefined;
    this.#announcedAt = this.#context.now();
    this.#context.tell(MessageKind.announcement, this.#context.announcement());
  }
}
