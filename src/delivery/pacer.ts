/**
 * Pacing: a publisher in full flood goes as fast as its receivers take it, or the forwarder would have to drop what
 * they cannot take: its limits count messages, and no limit replaces pacing from end to end.
 *
 * Now and then a batch asks to be acknowledged. Receivers answer when they have delivered it, which is how the
 * publisher learns who listens to what. While an acknowledgement is missing and the window behind it is full, nothing
 * is sent. Who keeps the others waiting for too long is not waited for any more until it has caught up.
 */
import type { PublisherId } from '../wire/batch.js';

/** What may be sent beyond the oldest batch that is not acknowledged. */
const WINDOW_MESSAGES = 2048;
const WINDOW_BYTES = 4 * 1024 * 1024;

/** How often a batch asks for it: often enough that the window never closes on receivers of about the same speed. */
const MARK_MESSAGES = WINDOW_MESSAGES / 8;
const MARK_BYTES = WINDOW_BYTES / 8;

/** Sending more slowly than `MARK_MESSAGES` in this time needs no pacing. */
const SLOW_MARK_MS = 250;

/** How long one receiver may keep all the others waiting. */
const PATIENCE_MS = 250;

/** Receivers known of one name. Those beyond are not waited for. */
const MAX_RECEIVERS = 4096;

/** Those who acknowledged batches of one name, and are waited for. */
export type Receivers = Set<PublisherId>;

interface Mark {
  readonly sequence: number;
  readonly receivers: Receivers;
  /** Who has not answered yet. */
  readonly missing: Set<PublisherId>;
  /** What had been sent in all when the mark was. */
  readonly messages: number;
  readonly bytes: number;
}

export class Pacer {
  readonly #onOpen: () => void;
  /** Oldest first; those everybody has answered are kept while they are within the window. */
  #marks: Mark[] = [];
  /** The oldest mark that somebody has not answered. */
  #oldest: Mark | undefined;
  #messages = 0;
  #bytes = 0;
  #markedAt = { messages: 0, bytes: 0, time: Number.NEGATIVE_INFINITY };
  #patience: NodeJS.Timeout | undefined;

  /** `onOpen` is called when sending may go on. */
  constructor(onOpen: () => void) {
    this.#onOpen = onOpen;
  }

  /** Whether the next batch may be sent. */
  get isOpen(): boolean {
    return this.#oldest === undefined || !this.#isBeyondWindow(this.#oldest);
  }

  /**
   * Counts a batch that is about to be sent to `receivers`.
   *
   * @returns whether it is to ask for an acknowledgement.
   */
  count(sequence: number, bytes: number, receivers: Receivers, now: number): boolean {
    this.#messages += 1;
    this.#bytes += bytes;
    const asks = this.#isDue(now);
    if (asks) {
      const missing = new Set(receivers);
      this.#marks.push({ sequence, receivers, missing, messages: this.#messages, bytes: this.#bytes });
      this.#update();
    }
    if (!this.isOpen) this.#startPatience();
    return asks;
  }

  /** `receiver` has delivered the batch with `sequence`, and so all before it. */
  acknowledge(receiver: PublisherId, sequence: number): void {
    const wasOpen = this.isOpen;
    for (const mark of this.#marks) {
      if (mark.sequence > sequence) break;
      mark.missing.delete(receiver);
      // Close enough to be waited for, from now on or again.
      if (mark.sequence === sequence && !this.#isBeyondWindow(mark) && mark.receivers.size < MAX_RECEIVERS) {
        mark.receivers.add(receiver);
      }
    }
    this.#update();
    if (!wasOpen && this.isOpen) this.#open();
  }

  /** Forgets who is waited for: they may be gone, or what they were to acknowledge is. */
  reset(): void {
    const wasOpen = this.isOpen;
    for (const mark of this.#marks) mark.receivers.clear();
    this.#marks = [];
    this.#oldest = undefined;
    if (!wasOpen) this.#open();
  }

  /** Releases the timer. */
  stop(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
  }

  #open(): void {
    this.stop();
    this.#onOpen();
  }

  #isBeyondWindow(mark: Mark): boolean {
    return this.#messages - mark.messages >= WINDOW_MESSAGES || this.#bytes - mark.bytes >= WINDOW_BYTES;
  }

  #isDue(now: number): boolean {
    const last = this.#markedAt;
    if (this.#messages - last.messages < MARK_MESSAGES && this.#bytes - last.bytes < MARK_BYTES) return false;
    this.#markedAt = { messages: this.#messages, bytes: this.#bytes, time: now };
    return now - last.time <= SLOW_MARK_MS;
  }

  /** After any change: finds the oldest mark that is not answered, and forgets those before it that nobody asks for. */
  #update(): void {
    this.#oldest = this.#marks.find(({ missing }) => missing.size > 0);
    for (let mark = this.#marks[0]; mark !== this.#oldest && mark !== undefined; mark = this.#marks[0]) {
      if (!this.#isBeyondWindow(mark)) break;
      this.#marks.shift();
    }
  }

  #startPatience(): void {
    this.#patience ??= setTimeout(() => {
      // A turn of the loop first: if this process stood still itself, the answers are waiting in its socket.
      setImmediate(() => {
        this.#patience = undefined;
        this.#dropLaggards();
      });
    }, PATIENCE_MS);
  }

  #dropLaggards(): void {
    if (this.#oldest === undefined || this.isOpen) return;
    for (const laggard of [...this.#oldest.missing]) {
      for (const { missing, receivers } of this.#marks) {
        missing.delete(laggard);
        receivers.delete(laggard);
      }
    }
    this.#update();
    if (this.isOpen) this.#open();
    else this.#startPatience();
  }
}
