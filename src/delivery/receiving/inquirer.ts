/**
 * After an outage: finds out whose events were missed, although nothing follows that would show it.
 *
 * Publishers that were heard of lately are asked one by one how far they have come, and once more a little later, as
 * the answer may be lost too. Publishers that are not known yet are asked by a message to all emitters. Where very many
 * come back at once, because the forwarder was restarted, that would be a message from everybody to everybody: then a
 * few are enough, as the publishers have lost their link too and tell by themselves what they had sent.
 */
import type { PublisherId } from '../../wire/batch.js';

/** When those that are known are asked once more, and all emitters once: at random, so that a few come first. */
const MIN_DELAY_MS = 700;
const MAX_DELAY_MS = 2000;

/** So many others that ask all emitters at the same time mean that all have lost their link. */
const MAX_OTHERS = 8;

export interface InquirerContext {
  /** A clock in milliseconds that only goes forward. */
  readonly now: () => number;
  /** From 0 up to, but not including, 1. */
  readonly random: () => number;
  /** Those that were heard of lately. */
  publishers(): Iterable<PublisherId>;
  /** Asks `publisher`, or everybody, what was sent in the last `withinMs`. */
  inquire(publisher: PublisherId | 'all', withinMs: number): void;
}

export class Inquirer {
  readonly #context: InquirerContext;
  /** When the outage began that is asked about. */
  #began: number | undefined;
  #others = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(context: InquirerContext) {
    this.#context = context;
  }

  /** For `withinMs`, until now, anything may have been lost without a trace. */
  outage(withinMs: number): void {
    const { now, random } = this.#context;
    const began = Math.min(this.#began ?? Number.POSITIVE_INFINITY, now() - withinMs);
    this.#began = began;
    this.#inquireKnown(began);
    if (this.#timer !== undefined) return;
    this.#others = 0;
    const delayMs = MIN_DELAY_MS + random() * (MAX_DELAY_MS - MIN_DELAY_MS);
    this.#timer = setTimeout(() => this.#inquireAgain(), delayMs);
    this.#timer.unref();
  }

  /** Somebody else asks all emitters. */
  heard(): void {
    this.#others += 1;
  }

  /** The link is gone: what was still to be asked is asked after it is back. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #inquireAgain(): void {
    this.#timer = undefined;
    const began = this.#began ?? this.#context.now();
    this.#began = undefined;
    this.#inquireKnown(began);
    if (this.#others < MAX_OTHERS) this.#context.inquire('all', this.#context.now() - began);
  }

  #inquireKnown(began: number): void {
    const withinMs = this.#context.now() - began;
    for (const publisher of this.#context.publishers()) this.#context.inquire(publisher, withinMs);
  }
}
