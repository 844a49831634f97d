/**
 * Pacing: a publisher in full flood goes as fast as its receivers take it, or the forwarder would have to drop what
 * they cannot take: its limits count messages, and no limit replaces pacing from end to end.
 *
 * Now and then a batch asks to be acknowledged. Receivers answer when they have delivered it, which is how the
 * publisher learns who listens to what. While an acknowledgement is missing and the window behind it is full, nothing
 * is sent. Who keeps the others waiting for too long is not waited for any more until it has caught up.
 */
import type { PublisherId } from '../../wire/batch.js';

/**
 * What may be sent beyond the oldest batch that is not acknowledged: a small part of what the forwarder keeps for one
 * subscriber (16,384 messages), so that several publishers can flood the same one.
 */
const WINDOW_MESSAGES = 2048;
const WINDOW_BYTES = 4 * 1024 * 1024;

/**
 * How often a batch asks for it: of one name, so that a receiver of that name alone is paced by what it gets; and of all
 * names together, for many that come seldom. The latter at irregular distances, or names in rotation would fall through.
 */
const MARK_MESSAGES = WINDOW_MESSAGES / 8;
const MARK_BYTES = WINDOW_BYTES / 8;

/** Questions that are remembered, answered or not: an answer to an older one says nothing. */
const MAX_MARKS = 512;

/** How far behind, in windows, one that was too slow may be to be waited for again: it must have caught up alone. */
const REJOIN_WINDOWS = 1;

/** Sending more slowly than `MARK_MESSAGES` in this time needs no pacing. */
const SLOW_MARK_MS = 250;

/**
 * How old a batch may become before everybody has acknowledged it, while others wait: who takes longer for a window is
 * not of the publisher's order of speed. Also how long the first flood on a link waits for somebody to answer at all.
 */
const PATIENCE_MS = 500;

/** The same where nobody else is kept waiting: all of them are behind, as on a busy machine, or the only one. */
const LONE_PATIENCE_MS = 2000;
const RECHECK_MS = 50;

/** Receivers that are waited for, and laggards that are known. Those beyond are not waited for. */
const MAX_RECEIVERS = 4096;

/** What the pacer keeps of one name. */
export interface Audience {
  /** Those who acknowledged batches of it; who is not waited for any more is taken out when it is met. */
  readonly receivers: Set<PublisherId>;
  /** Sent since a batch of this name last asked. */
  messages: number;
  bytes: number;
}

export function emptyAudience(): Audience {
  return { receivers: new Set(), messages: 0, bytes: 0 };
}

interface Mark {
  readonly sequence: number;
  readonly audience: Audience;
  /** Who has not answered yet. */
  readonly missing: Set<PublisherId>;
  /** What had been sent in all when the mark was. */
  readonly messages: number;
  readonly bytes: number;
  readonly time: number;
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
  /** Oldest first. */
  #marks: Mark[] = [];
  /** The oldest mark that somebody has not answered. */
  #oldest: Mark | undefined;
  #phase: Phase = 'idle';
  /** Who is waited for on this link, and who was too slow for that. */
  readonly #active = new Set<PublisherId>();
  readonly #laggards = new Set<PublisherId>();
  /** The last sequence counted, and what has been sent in all. */
  #sequence = 0;
  #messages = 0;
  #bytes = 0;
  /** What will have been sent when a batch of any name asks next. */
  #nextMark = { messages: MARK_MESSAGES, bytes: MARK_BYTES };
  /** Whether it is a flood is judged after every few messages, by how long they took. */
  #isFlood = false;
  #judgeAt = { messages: MARK_MESSAGES, bytes: MARK_BYTES, since: Number.NEGATIVE_INFINITY };
  /** When somebody who is waited for asked for what it missed. */
  #heardAt = Number.NEGATIVE_INFINITY;
  #patience: { readonly timer?: NodeJS.Timeout; readonly turn?: NodeJS.Immediate } | undefined;

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
   * Counts a batch that is about to be sent to `audience`.
   *
   * @returns whether it is to ask for an acknowledgement.
   */
  count(sequence: number, bytes: number, audience: Audience, now: number): boolean {
    this.#sequence = sequence;
    this.#messages += 1;
    this.#bytes += bytes;
    audience.messages += 1;
    audience.bytes += bytes;
    this.#judge(now);
    const asks = this.#isFlood && this.#isDue(audience);
    if (asks) this.#mark(audience, now);
    if (!this.isOpen) this.#startPatience();
    return asks;
  }

  /** `receiver` has delivered the batch with `sequence`, and so all before it. */
  acknowledge(receiver: PublisherId, sequence: number): void {
    if (sequence > this.#sequence) return;
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

  /** `receiver` asks for what it missed: it is behind, but it is there. */
  heard(receiver: PublisherId): void {
    if (this.#active.has(receiver)) this.#heardAt = this.#now();
  }

  /** On a new link: forgets who is waited for, as they may be gone, or what they were to acknowledge is. */
  reset(): void {
    const wasOpen = this.isOpen;
    this.#marks = [];
    this.#oldest = undefined;
    this.#active.clear();
    this.#laggards.clear();
    this.#phase = 'idle';
    if (!wasOpen) this.#open();
  }

  /** Releases the timer. */
  stop(): void {
    clearTimeout(this.#patience?.timer);
    clearImmediate(this.#patience?.turn);
    this.#patience = undefined;
  }

  #mark(audience: Audience, now: number): void {
    if (this.#phase === 'idle') this.#phase = 'discovering';
    const { receivers } = audience;
    for (const receiver of receivers) if (!this.#active.has(receiver)) receivers.delete(receiver);
    this.#marks.push({
      sequence: this.#sequence,
      audience,
      missing: new Set(receivers),
      messages: this.#messages,
      bytes: this.#bytes,
      time: now,
    });
    this.#update();
    audience.messages = 0;
    audience.bytes = 0;
    // From half the distance to one and a half: a multiplication spreads the sequences well enough.
    const distance = MARK_MESSAGES / 2 + ((Math.imul(this.#sequence, 0x9e37_79b1) >>> 16) % MARK_MESSAGES);
    this.#nextMark = { messages: this.#messages + distance, bytes: this.#bytes + MARK_BYTES };
  }

  #isDue(audience: Audience): boolean {
    return (
      audience.messages >= MARK_MESSAGES ||
      audience.bytes >= MARK_BYTES ||
      this.#messages >= this.#nextMark.messages ||
      this.#bytes >= this.#nextMark.bytes
    );
  }

  #judge(now: number): void {
    const { messages, bytes, since } = this.#judgeAt;
    if (this.#messages < messages && this.#bytes < bytes) return;
    this.#isFlood = now - since <= SLOW_MARK_MS;
    this.#judgeAt = {
      messages: this.#messages + MARK_MESSAGES,
      bytes: this.#bytes + MARK_BYTES,
      since: now,
    };
  }

  #join(receiver: PublisherId, mark: Mark): void {
    if (this.#laggards.has(receiver) && this.#isBeyond(mark, REJOIN_WINDOWS)) return;
    this.#laggards.delete(receiver);
    if (this.#active.size < MAX_RECEIVERS) this.#active.add(receiver);
    if (this.#active.has(receiver)) mark.audience.receivers.add(receiver);
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

  /** After any change: finds the oldest mark that is not answered, and forgets what is too old to matter. */
  #update(): void {
    this.#oldest = this.#marks.find(({ missing }) => missing.size > 0);
    while (this.#marks.length > MAX_MARKS && this.#marks[0] !== this.#awaited) this.#marks.shift();
  }

  #startPatience(): void {
    const awaited = this.#awaited;
    if (awaited === undefined || this.#patience !== undefined) return;
    // Whoever is behind alone may be joined by others that are waiting for it.
    const left = Math.max(RECHECK_MS, awaited.time + PATIENCE_MS - this.#now());
    const timer = setTimeout(() => {
      // A turn of the loop first: if this process stood still itself, the answers are waiting in its socket.
      const turn = setImmediate(() => {
        this.#patience = undefined;
        this.#goOnWithout();
      });
      this.#patience = { turn };
    }, left);
    this.#patience = { timer };
  }

  /** Whether the mark has been waited for long enough. Nobody is left behind who catches up and keeps nobody waiting. */
  #isOverdue({ missing, time }: Mark): boolean {
    const isLone = this.#phase === 'discovered' && missing.size >= this.#active.size;
    if (!isLone) return this.#now() - time >= PATIENCE_MS;
    return this.#now() - Math.max(time, this.#heardAt) >= LONE_PATIENCE_MS;
  }

  /** Stops waiting for those who keep everybody else. */
  #goOnWithout(): void {
    const awaited = this.#awaited;
    if (awaited === undefined || this.isOpen) return;
    if (this.#isOverdue(awaited)) {
      if (this.#phase === 'discovering') this.#phase = 'discovered';
      else this.#dropLaggards(awaited);
      this.#update();
    }
    if (this.isOpen) this.#open();
    else this.#startPatience();
  }

  #dropLaggards({ missing: laggards }: Mark): void {
    for (const laggard of [...laggards]) {
      this.#active.delete(laggard);
      if (this.#laggards.size < MAX_RECEIVERS) this.#laggards.add(laggard);
      for (const { missing } of this.#marks) missing.delete(laggard);
    }
  }
}
