/**
 * Pacing: a publisher in full flood goes as fast as its receivers take it, or the forwarder would have to drop what
 * they cannot take: its limits count messages, and no limit replaces pacing from end to end.
 *
 * Now and then a batch asks to be acknowledged. Receivers answer when they have delivered it, which is how the
 * publisher learns who listens to what. While an acknowledgement is missing and the window behind it is full, nothing
 * is sent. Who keeps the others waiting for too long is not waited for any more until it has caught up.
 */
import type { PublisherId } from '../../wire/batch.js';
import { TokenBucket } from '../token-bucket.js';
import type { Audience } from './audience.js';
import { type Mark, Marks } from './marks.js';

/**
 * What may be sent beyond the oldest batch that is not acknowledged: a small part of what the forwarder keeps for one
 * subscriber (16,384 messages), so that several publishers can flood the same one.
 */
const WINDOW_MESSAGES = 4096;
const WINDOW_BYTES = 4 * 1024 * 1024;

/**
 * How often a batch asks for it: of all names together; and of one name, so that a receiver of that name alone is paced
 * by what it gets. The former at irregular distances, or names in rotation would fall through.
 */
const MARK_MESSAGES = WINDOW_MESSAGES / 16;
const MARK_BYTES = WINDOW_BYTES / 8;

/**
 * How often one of the names is asked that were not asked before. Often enough that a mark among very many names soon
 * finds one that somebody is known to listen to; and seldom enough where each name comes once.
 */
const NEW_MESSAGES = MARK_MESSAGES / 8;
const NEW_BYTES = MARK_BYTES / 8;

/** How often a name's own mark is left out as others asked its receivers. It also finds new receivers of the name. */
const MAX_LEFT_OUT = 3;

/** Questions that are remembered. Every batch in the window may be one, and so may those that its answers let go. */
const MAX_MARKS = WINDOW_MESSAGES * 2;

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

/**
 * Milliseconds of waiting for somebody who did not answer in time. Anybody can answer for receivers that do not exist:
 * beyond this, nobody is waited for longer than {@link RECHECK_MS}, and who is slow catches up by himself.
 */
const WAITING = { burst: 20_000, perSecond: 100 };

/** Receivers that are waited for, and laggards that are known. Those beyond are not waited for. */
const MAX_RECEIVERS = 4096;

/** A point in all that is sent. */
interface Point {
  readonly messages: number;
  readonly bytes: number;
}

/** Who is waited for. */
interface Receiver {
  /** The highest sequence it has acknowledged, or the last one sent when it came to be waited for. */
  acknowledged: number;
  /** Until when it need not be asked again. */
  askedUntil: Point;
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
  readonly #hears: boolean;
  readonly #marks = new Marks(MAX_MARKS, (receiver, sequence) => this.#isMissing(receiver, sequence));
  #phase: Phase = 'idle';
  /** Who is waited for on this link, and who was too slow for that. */
  readonly #active = new Map<PublisherId, Receiver>();
  readonly #laggards = new Set<PublisherId>();
  /** The last sequence counted, and what has been sent in all. */
  #sequence = 0;
  #messages = 0;
  #bytes = 0;
  /** From where on the next batch asks that somebody is known to listen to. */
  #nextMark: Point = { messages: MARK_MESSAGES, bytes: MARK_BYTES };
  /** From where on one asks that nobody is known to listen to: of a new name, and of one that was asked before. */
  #askNewAt: Point = { messages: 0, bytes: 0 };
  #askAgainAt: Point = { messages: 0, bytes: 0 };
  /** The last sequence that somebody who is waited for now need not have heard: names asked up to there count as new. */
  #newUntil = 0;
  /** Whether it is a flood is judged after every few messages, by how long they took. */
  #isFlood = false;
  #judgeAt = { messages: MARK_MESSAGES, bytes: MARK_BYTES, since: Number.NEGATIVE_INFINITY };
  /** When somebody who is waited for asked for what it missed. */
  #heardAt = Number.NEGATIVE_INFINITY;
  readonly #waiting: TokenBucket;
  #patience: { readonly timer?: NodeJS.Timeout; readonly turn?: NodeJS.Immediate } | undefined;

  /**
   * `now` is a clock in milliseconds that only goes forward. `onOpen` is called when sending may go on. Who does not hear
   * (`hears`) what receivers answer asks and waits for nobody.
   */
  constructor(now: () => number, onOpen: () => void, hears = true) {
    this.#now = now;
    this.#onOpen = onOpen;
    this.#hears = hears;
    this.#waiting = new TokenBucket(WAITING, now);
  }

  /** Whether the next batch may be sent. */
  get isOpen(): boolean {
    const awaited = this.#awaited;
    return awaited === undefined || !this.#isBeyond(awaited, 1);
  }

  /** The mark whose answer the window hangs on. */
  get #awaited(): Mark | undefined {
    return this.#phase === 'discovering' ? this.#marks.first : this.#marks.oldest;
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
    const asks = this.#isFlood && this.#isToAsk(audience);
    if (asks) this.#mark(audience, now);
    if (!this.isOpen) this.#startPatience();
    return asks;
  }

  /** `receiver` has delivered the batch with `sequence`, and so all before it. */
  acknowledge(receiver: PublisherId, sequence: number): void {
    if (sequence > this.#sequence) return;
    const wasOpen = this.isOpen;
    const known = this.#active.get(receiver);
    if (known !== undefined) known.acknowledged = Math.max(known.acknowledged, sequence);
    const mark = this.#marks.of(sequence);
    if (mark !== undefined) {
      this.#phase = 'discovered';
      this.#join(receiver, mark);
    }
    this.#marks.update();
    if (!wasOpen && this.isOpen) this.#open();
  }

  /** `receiver` asks for what it missed: it is behind, but it is there. */
  heard(receiver: PublisherId): void {
    if (this.#active.has(receiver)) this.#heardAt = this.#now();
  }

  /** On a new link: forgets who is waited for, as they may be gone, or what they were to acknowledge is. */
  reset(): void {
    const wasOpen = this.isOpen;
    this.#marks.clear();
    this.#newUntil = this.#sequence;
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
    if (this.#phase === 'idle') {
      this.#phase = 'discovering';
      this.#askAgainAt = this.#ahead(MARK_MESSAGES, MARK_BYTES);
    }
    if (audience.receivers.size > 0) this.#settle(audience);
    else if (this.#isNew(audience)) this.#askNewAt = this.#ahead(NEW_MESSAGES, NEW_BYTES);
    else this.#askAgainAt = this.#ahead(MARK_MESSAGES, MARK_BYTES);
    audience.messages = 0;
    audience.bytes = 0;
    audience.asked = this.#sequence;
    audience.leftOut = 0;
    this.#marks.push({
      sequence: this.#sequence,
      audience,
      messages: this.#messages,
      bytes: this.#bytes,
      time: now,
    });
  }

  /** Somebody is asked who is known to listen: that is what a mark was due for. */
  #settle({ receivers }: Audience): void {
    this.#nextMark = this.#ahead(MARK_MESSAGES, MARK_BYTES);
    const askedUntil = { messages: this.#messages + MARK_MESSAGES, bytes: this.#bytes + MARK_BYTES };
    for (const receiver of receivers) (this.#active.get(receiver) as Receiver).askedUntil = askedUntil;
  }

  /**
   * A mark that is due stays so until a name comes that somebody is known to listen to: one that waits for nobody would
   * not hold anything up. Names that nobody is known to listen to are asked beside, but seldom.
   */
  #isToAsk(audience: Audience): boolean {
    const { receivers } = audience;
    const isDue = this.#isPast(this.#nextMark);
    const isOwnDue = audience.messages >= MARK_MESSAGES || audience.bytes >= MARK_BYTES;
    if (isDue || isOwnDue) {
      for (const receiver of receivers) if (!this.#active.has(receiver)) receivers.delete(receiver);
    }
    if (receivers.size > 0) return isDue || (isOwnDue && !this.#leavesOut(audience));
    if (isOwnDue) return true;
    return this.#isNew(audience) ? this.#isPast(this.#askNewAt) : isDue && this.#isPast(this.#askAgainAt);
  }

  /** Leaves a name's own mark out if all its receivers were asked a moment ago, by whatever name. */
  #leavesOut(audience: Audience): boolean {
    if (audience.leftOut === MAX_LEFT_OUT) return false;
    for (const receiver of audience.receivers) {
      if (this.#isPast((this.#active.get(receiver) as Receiver).askedUntil)) return false;
    }
    audience.messages = 0;
    audience.bytes = 0;
    audience.leftOut += 1;
    return true;
  }

  /** Whether it was never asked, or not since somebody came who may listen to it. */
  #isNew({ asked }: Audience): boolean {
    return asked <= this.#newUntil;
  }

  #isPast({ messages, bytes }: Point): boolean {
    return this.#messages >= messages || this.#bytes >= bytes;
  }

  /** A point from half of `messages` to one and a half ahead: a multiplication spreads the sequences well enough. */
  #ahead(messages: number, bytes: number): Point {
    const distance = messages / 2 + ((Math.imul(this.#sequence, 0x9e37_79b1) >>> 16) % messages);
    return { messages: this.#messages + distance, bytes: this.#bytes + bytes };
  }

  #judge(now: number): void {
    const { messages, bytes, since } = this.#judgeAt;
    if (this.#messages < messages && this.#bytes < bytes) return;
    this.#isFlood = this.#hears && now - since <= SLOW_MARK_MS;
    this.#judgeAt = {
      messages: this.#messages + MARK_MESSAGES,
      bytes: this.#bytes + MARK_BYTES,
      since: now,
    };
  }

  #join(receiver: PublisherId, mark: Mark): void {
    if (this.#laggards.has(receiver) && this.#isBeyond(mark, REJOIN_WINDOWS)) return;
    this.#laggards.delete(receiver);
    if (!this.#active.has(receiver)) {
      if (this.#active.size >= MAX_RECEIVERS) return;
      // From now on: it was not waited for when what is on its way was sent.
      this.#active.set(receiver, { acknowledged: this.#sequence, askedUntil: mark });
      this.#newUntil = this.#sequence;
    }
    mark.audience.receivers.add(receiver);
  }

  #isMissing(receiver: PublisherId, sequence: number): boolean {
    const known = this.#active.get(receiver);
    return known !== undefined && known.acknowledged < sequence;
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

  #startPatience(): void {
    const awaited = this.#awaited;
    if (awaited === undefined || this.#patience !== undefined) return;
    // Whoever is behind alone may be joined by others that are waiting for it.
    const began = this.#now();
    const left = Math.max(RECHECK_MS, this.#waiting.waitMs > 0 ? 0 : awaited.time + PATIENCE_MS - began);
    const timer = setTimeout(() => {
      // A turn of the loop first: if this process stood still itself, the answers are waiting in its socket.
      const turn = setImmediate(() => {
        this.#patience = undefined;
        // Time in which this process stood still is not spent on anybody.
        this.#waiting.spend(Math.min(this.#now() - began, left + RECHECK_MS));
        this.#goOnWithout();
      });
      this.#patience = { turn };
    }, left);
    this.#patience = { timer };
  }

  /** Whether the mark has been waited for long enough. Nobody is left behind who catches up and keeps nobody waiting. */
  #isOverdue(mark: Mark): boolean {
    const isLone = this.#phase === 'discovered' && this.#marks.missing(mark).length >= this.#active.size;
    if (this.#waiting.waitMs > 0) return this.#now() - mark.time >= RECHECK_MS;
    if (!isLone) return this.#now() - mark.time >= PATIENCE_MS;
    return this.#now() - Math.max(mark.time, this.#heardAt) >= LONE_PATIENCE_MS;
  }

  /** Stops waiting for those who keep everybody else. */
  #goOnWithout(): void {
    if (this.isOpen) return;
    // Each may be missed by somebody else. With nothing left to wait, none of them is to be waited for after the others.
    const isImpatient = this.#waiting.waitMs > 0;
    for (
      let mark = this.#awaited;
      mark !== undefined && (isImpatient || !this.isOpen);
      mark = this.#awaited
    ) {
      if (!this.#isOverdue(mark)) break;
      if (this.#phase === 'discovering') this.#phase = 'discovered';
      else this.#dropLaggards(mark);
      this.#marks.update();
    }
    if (this.isOpen) this.#open();
    else this.#startPatience();
  }

  #dropLaggards(mark: Mark): void {
    for (const laggard of this.#marks.missing(mark)) {
      this.#active.delete(laggard);
      if (this.#laggards.size < MAX_RECEIVERS) this.#laggards.add(laggard);
    }
  }
}
