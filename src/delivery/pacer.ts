/**
 * Pacing: a publisher in full flood goes as fast as its receivers take it, or the forwarder would have to drop what
 * they cannot take: its limits count messages, and no limit replaces pacing from end to end.
 *
 * Now and then a batch asks to be acknowledged. Receivers answer when they have delivered it, which is how the
 * publisher learns who listens to what. While an acknowledgement is missing and the window behind it is full, nothing
 * is sent. Who keeps the others waiting for too long is not waited for any more until it has caught up.
 */
import type { PublisherId } from '../wire/batch.js';

/**
 * What may be sent beyond the oldest batch that is not acknowledged: a small part of what the forwarder keeps for one
 * subscriber (16,384 messages), so that several publishers can flood the same one.
 */
const WINDOW_MESSAGES = 1024;
const WINDOW_BYTES = 4 * 1024 * 1024;

/** How often a batch asks for it: often enough that the window never closes on receivers of about the same speed. */
const MARK_MESSAGES = WINDOW_MESSAGES / 8;
const MARK_BYTES = WINDOW_BYTES / 8;

/** How far behind, in windows, a receiver may be at its first answer to be waited for from then on. */
const JOIN_WINDOWS = 8;

/** The same for one that was too slow before: it must have caught up while nobody waited for it. */
const REJOIN_WINDOWS = 1;

/** Sending more slowly than `MARK_MESSAGES` in this time needs no pacing. */
const SLOW_MARK_MS = 250;

/**
 * How old a batch may become before everybody has acknowledged it, while others wait: who takes longer for a window is
 * not of the publisher's order of speed. Also how long the first flood on a link waits for somebody to answer at all.
 */
const PATIENCE_MS = 500;

/** Receivers known of one name, and laggards known in all. Those beyond are not waited for. */
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
  readonly time: number;
}

/** A point in the stream: what had been sent in all. */
interface Point {
  messages: number;
  bytes: number;
}

/**
 * - `idle`: nobody was asked on this link.
 * - `discovering`: somebody was asked and nobody has answered: the window holds for who may be there.
 * - `discovered`: the window holds for those who have answered.
 */
type Phase = 'idle' | 'discovering' | 'discovered';

export class Pacer {
  readonly #now: () => number;
  readonly #onOpen: () => void;
  /** Oldest first; those everybody has answered are kept as long as an answer to them counts. */
  #marks: Mark[] = [];
  /** The oldest mark that somebody has not answered. */
  #oldest: Mark | undefined;
  #phase: Phase = 'idle';
  /** Who was too slow to be waited for. */
  readonly #laggards = new Set<PublisherId>();
  #messages = 0;
  #bytes = 0;
  /** Names with receivers and names without are asked each in their turn, or many of these would hide those. */
  readonly #askedKnown: Point = { messages: 0, bytes: 0 };
  readonly #askedUnknown: Point = { messages: 0, bytes: 0 };
  /** Whether it is a flood is judged after every few messages, by how long they took. */
  #isFlood = false;
  readonly #judged = { messages: 0, bytes: 0, time: Number.NEGATIVE_INFINITY };
  #patience: NodeJS.Timeout | undefined;

  /** `now` is a clock in milliseconds that only goes forward. `onOpen` is called when sending may go on. */
  constructor(now: () => number, onOpen: () => void) {
    this.#now = now;
    this.#onOpen = onOpen;
  }

  /** Whether the next batch may be sent. */
  get isOpen(): boolean {
    const awaited = this.#awaited;
    return awaited === undefined || !this.#isBeyond(awaited, 1);
  }

  /** The mark whose answer the window hangs on. */
  get #awaited(): Mark | undefined {
    return this.#phase === 'discovering' ? this.#marks[0] : this.#oldest;
  }

  /**
   * Counts a batch that is about to be sent to `receivers`.
   *
   * @returns whether it is to ask for an acknowledgement.
   */
  count(sequence: number, bytes: number, receivers: Receivers, now: number): boolean {
    this.#messages += 1;
    this.#bytes += bytes;
    this.#judge(now);
    const asks = this.#isDue(receivers.size > 0 ? this.#askedKnown : this.#askedUnknown);
    if (asks) {
      if (this.#phase === 'idle') this.#phase = 'discovering';
      const missing = new Set(receivers);
      this.#marks.push({
        sequence,
        receivers,
        missing,
        messages: this.#messages,
        bytes: this.#bytes,
        time: now,
      });
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
      if (mark.sequence !== sequence) continue;
      this.#phase = 'discovered';
      this.#join(receiver, mark);
    }
    this.#update();
    if (!wasOpen && this.isOpen) this.#open();
  }

  #join(receiver: PublisherId, mark: Mark): void {
    const windows = this.#laggards.has(receiver) ? REJOIN_WINDOWS : JOIN_WINDOWS;
    if (this.#isBeyond(mark, windows) || mark.receivers.size >= MAX_RECEIVERS) return;
    this.#laggards.delete(receiver);
    mark.receivers.add(receiver);
  }

  /** On a new link: forgets who is waited for, as they may be gone, or what they were to acknowledge is. */
  reset(): void {
    const wasOpen = this.isOpen;
    for (const mark of this.#marks) mark.receivers.clear();
    this.#marks = [];
    this.#oldest = undefined;
    this.#laggards.clear();
    this.#phase = 'idle';
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

  #isBeyond(mark: Mark, windows: number): boolean {
    return (
      this.#messages - mark.messages >= windows * WINDOW_MESSAGES ||
      this.#bytes - mark.bytes >= windows * WINDOW_BYTES
    );
  }

  #judge(now: number): void {
    const judged = this.#judged;
    if (!this.#isMarkBeyond(judged)) return;
    this.#isFlood = now - judged.time <= SLOW_MARK_MS;
    judged.messages = this.#messages;
    judged.bytes = this.#bytes;
    judged.time = now;
  }

  #isMarkBeyond(point: Point): boolean {
    return this.#messages - point.messages >= MARK_MESSAGES || this.#bytes - point.bytes >= MARK_BYTES;
  }

  #isDue(last: Point): boolean {
    if (!this.#isFlood || !this.#isMarkBeyond(last)) return false;
    last.messages = this.#messages;
    last.bytes = this.#bytes;
    return true;
  }

  /** After any change: finds the oldest mark that is not answered, and forgets those before it that nobody needs. */
  #update(): void {
    this.#oldest = this.#marks.find(({ missing }) => missing.size > 0);
    if (this.#phase === 'discovering') return;
    for (let mark = this.#marks[0]; mark !== this.#oldest && mark !== undefined; mark = this.#marks[0]) {
      if (!this.#isBeyond(mark, JOIN_WINDOWS)) break;
      this.#marks.shift();
    }
  }

  #startPatience(): void {
    const awaited = this.#awaited;
    if (awaited === undefined || this.#patience !== undefined) return;
    const left = Math.max(0, awaited.time + PATIENCE_MS - this.#now());
    this.#patience = setTimeout(() => {
      // A turn of the loop first: if this process stood still itself, the answers are waiting in its socket.
      setImmediate(() => {
        this.#patience = undefined;
        this.#goOnWithout();
      });
    }, left);
  }

  /** Stops waiting for those who keep everybody else. */
  #goOnWithout(): void {
    const awaited = this.#awaited;
    if (awaited === undefined || this.isOpen) return;
    if (this.#now() - awaited.time >= PATIENCE_MS) {
      if (this.#phase === 'discovering') this.#phase = 'discovered';
      else this.#dropLaggards(awaited);
      this.#update();
    }
    if (this.isOpen) this.#open();
    else this.#startPatience();
  }

  #dropLaggards({ missing: laggards }: Mark): void {
    for (const laggard of [...laggards]) {
      if (this.#laggards.size < MAX_RECEIVERS) this.#laggards.add(laggard);
      for (const { missing, receivers } of this.#marks) {
        missing.delete(laggard);
        receivers.delete(laggard);
      }
    }
  }
}
