/**
 * Marks the ends of bursts: nothing follows a burst's last batch that would show a receiver that it missed it, so a
 * *tail* follows, which says how far the name has come. Once when the name has been idle for a moment, and twice more
 * later, as the tail may share the fate of what it follows: the last time for a receiver that was behind for seconds and
 * may not ask.
 */
import { buildMessage, FLAG_ANSWERS, MessageKind, type PublisherId, toElapsed } from '../../wire/batch.js';
import { hasSentAll, type Publication, type Publications } from './publications.js';

/** How long a name is idle before its end is marked, and how long from there to each repetition. */
const IDLE_MS = 100;
const REPEATS_MS = [1000, 10_000];

/** Tails of very many names are spread: so many at a time, and so many of what an outage may have cost. */
const MAX_TAILS_PER_TICK = 100;
const MAX_TAILS_AFTER_OUTAGE = 1000;
const TICK_MS = 20;

const NEVER = Number.POSITIVE_INFINITY;

/** The part of a transport that a tail needs. */
export interface TailLink {
  send(message: Buffer): boolean;
  flush(): void;
}

/** A publication that waits for its tail. */
interface Waiting {
  readonly publication: Publication;
  /** The last batch that had been sent when it began to wait. */
  readonly sequence: number;
  readonly dueAt: number;
}

export class TailMarker {
  readonly #publisher: PublisherId;
  readonly #publications: Publications;
  readonly #link: TailLink;
  readonly #now: () => number;
  readonly #flags: number;
  /** Publications to be marked when they are idle, and for each repetition those to be marked again; as they are due. */
  #soon = new Queue();
  #again = REPEATS_MS.map(() => new Queue());
  /** How many of the former, from the first on, wait because of an outage. */
  #urgent = 0;
  #isLinkUp = true;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = NEVER;

  /** `now` is a clock in milliseconds that only goes forward; `answers`, whether receivers can ask for what they missed. */
  constructor(
    publisher: PublisherId,
    publications: Publications,
    link: TailLink,
    now: () => number,
    answers = true,
  ) {
    this.#publisher = publisher;
    this.#publications = publications;
    this.#link = link;
    this.#now = now;
    this.#flags = answers ? FLAG_ANSWERS : 0;
  }

  /** A batch of `publication` was sent. */
  sent(publication: Publication): void {
    if (publication.awaitsTail) return;
    const dueAt = publication.sentAt + IDLE_MS;
    this.#await(publication, dueAt);
    if (dueAt < this.#timerAt) this.#startTimer();
  }

  /** The link is down: nothing is marked until {@link markRecent}. */
  pause(): void {
    this.#isLinkUp = false;
    this.#stopTimer();
  }

  /** On a new link: marks what was sent at most `withinMs` ago, as it may have been lost with the old one. */
  markRecent(withinMs: number): void {
    this.#isLinkUp = true;
    const now = this.#now();
    const waiting = [...this.#soon].map(({ publication }) => publication);
    const recent = new Set(waiting);
    for (const publication of this.#publications) {
      if (publication.sentSequence > 0 && now - publication.sentAt <= withinMs) recent.add(publication);
    }
    this.#soon = new Queue();
    for (const publication of recent) this.#await(publication, now);
    this.#urgent = recent.size;
    this.#tick();
  }

  /** Before the link is closed: marks at once whatever waits for it. */
  markAll(): void {
    const now = this.#now();
    // Not those that wait for the last repetition: they were marked twice.
    const [again] = this.#again as [Queue];
    const waiting = new Set([...this.#soon, ...again].map(({ publication }) => publication));
    if (this.#isLinkUp) for (const publication of waiting) this.#send(publication, now);
    this.#link.flush();
    this.stop();
  }

  /** Forgets everything and releases the timer. */
  stop(): void {
    for (const { publication } of this.#soon) publication.awaitsTail = false;
    this.#soon = new Queue();
    this.#again = REPEATS_MS.map(() => new Queue());
    this.#urgent = 0;
    this.#stopTimer();
  }

  #await(publication: Publication, dueAt: number): void {
    publication.awaitsTail = true;
    this.#soon.push({ publication, sequence: publication.sentSequence, dueAt });
  }

  #startTimer(): void {
    this.#stopTimer();
    const dueAt = Math.min(this.#soon.dueAt, ...this.#again.map((queue) => queue.dueAt));
    if (!this.#isLinkUp || dueAt === NEVER) return;
    const now = this.#now();
    this.#timerAt = Math.max(dueAt, now + TICK_MS);
    this.#timer = setTimeout(() => this.#tick(), this.#timerAt - now);
    this.#timer.unref();
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = NEVER;
  }

  #tick(): void {
    const now = this.#now();
    let tails = 0;
    let isWelcome = true;
    // First, with half of what may be sent: or they would pile up where very many names are idle.
    for (const [repeat, queue] of this.#again.entries()) {
      while (queue.dueAt <= now && tails < MAX_TAILS_PER_TICK / 2 && isWelcome) {
        const { publication, sequence } = queue.shift();
        if (publication.sentSequence !== sequence) continue;
        isWelcome = this.#send(publication, now);
        tails += 1;
        this.#repeat(publication, now, repeat + 1);
      }
    }
    while (this.#soon.dueAt <= now && tails < this.#mostTails && isWelcome) {
      const { publication, sequence } = this.#soon.shift();
      this.#urgent = Math.max(0, this.#urgent - 1);
      if (publication.sentSequence !== sequence && now - publication.sentAt < IDLE_MS) {
        this.#await(publication, now + IDLE_MS);
        continue;
      }
      publication.awaitsTail = false;
      isWelcome = this.#send(publication, now);
      tails += 1;
      this.#repeat(publication, now, 0);
    }
    if (tails > 0) this.#link.flush();
    this.#startTimer();
  }

  #repeat(publication: Publication, now: number, repeat: number): void {
    const dueAt = now + (REPEATS_MS[repeat] ?? NEVER);
    this.#again[repeat]?.push({ publication, sequence: publication.sentSequence, dueAt });
  }

  get #mostTails(): number {
    return this.#urgent > 0 ? MAX_TAILS_AFTER_OUTAGE : MAX_TAILS_PER_TICK;
  }

  /** Returns whether the link takes more. */
  #send(publication: Publication, now: number): boolean {
    // What is numbered and not sent yet will mark the end itself.
    if (!hasSentAll(publication)) return true;
    return this.#link.send(
      buildMessage(publication.topic, {
        kind: MessageKind.tail,
        flags: this.#flags,
        publisher: this.#publisher,
        sequence: publication.sequence,
        position: publication.position,
        elapsed: toElapsed(now - publication.finishedAt),
      }),
    );
  }
}

/** First in, first out. */
class Queue {
  #items: Waiting[] = [];
  #head = 0;

  /** When the first one is due; never, if there is none. */
  get dueAt(): number {
    return this.#items[this.#head]?.dueAt ?? NEVER;
  }

  push(item: Waiting): void {
    this.#items.push(item);
  }

  /** Of a queue that is not empty. */
  shift(): Waiting {
    const item = this.#items[this.#head] as Waiting;
    this.#head += 1;
    // Half of it is past: the cost of moving the rest is paid for by what was taken.
    if (this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  *[Symbol.iterator](): Generator<Waiting> {
    for (let i = this.#head; i < this.#items.length; i += 1) yield this.#items[i] as Waiting;
  }
}
