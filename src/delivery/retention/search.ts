/**
 * Looks for retained values of names that begin to be listened to: asks all who hold any, and takes the newest of what they
 * answer within a moment.
 *
 * Only holders hear the question. An emitter that has heard of none asks once on each link, and no more: who does not use
 * retained values pays one small message for them.
 */

/** How long answers are waited for at least, and in round trips. */
const MIN_WINDOW_MS = 100;
const WINDOW_ROUND_TRIPS = 4;

/** For so long after a link was made, holders that lost theirs with it may come back: they say so, and are asked. */
const RETURN_MS = 2000;

/** Answers that come later than this after their window are not believed. */
const LATE_MS = 10_000;

/** Of topics in one question, with the length of each: a holder refuses twice as many. */
const MAX_QUESTION_BYTES = 16 * 1024;

/** Holders that come at the same time are asked together: the questions that somebody can cause by coming are few. */
const HOLDER_GAP_MS = 50;

const NEVER = Number.POSITIVE_INFINITY;

export interface SearchContext {
  /** A clock in milliseconds that only goes forward. */
  now(): number;
  /** Since when the name that `message` begins with has been listened to, by that clock; infinite if that is not proven. */
  inForceSince(message: Buffer): number;
  /** The last round trip, in milliseconds; 0 if it is not known. */
  latencyMs(): number;
  /** Resolves when every subscription made until now is in force; rejects if that will not be. */
  inForce(): Promise<void>;
  /** Asks all holders for values of `topics`; the question has a number. */
  ask(question: number, topics: readonly Buffer[]): void;
  /** The search for `topic` has ended: with this message, if any. */
  onFound(topic: string, message: Buffer | undefined): void;
}

/** `wanted` until it is asked for. */
interface Sought {
  readonly topic: Buffer;
  readonly beganAt: number;
  state: 'wanted' | 'asked';
  best: { readonly time: number; readonly message: Buffer } | undefined;
}

export class RetainedSearch {
  readonly #context: SearchContext;
  readonly #sought = new Map<string, Sought>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #isLinkReady = false;
  #readyAt = 0;
  #questions = 0;
  /** When each question was asked whose answers are waited for. */
  readonly #askedAt = new Map<number, number>();
  /** Whether there are holders, as far as is known on this link: none, if none answered the first question in time. */
  #holders: 'unknown' | 'none' | 'some' = 'unknown';
  #askScheduled = false;
  /** When what holders that came were asked for was last decided, and whether it will be again. */
  #holderCameAt = Number.NEGATIVE_INFINITY;
  #isHolderWaiting = false;

  constructor(context: SearchContext) {
    this.#context = context;
  }

  /** Looks for a value of `topic`, whose message is the newest of those found and of `own`. */
  begin(topic: Buffer, own?: { readonly time: number; readonly message: Buffer }): void {
    const key = topic.toString('latin1');
    if (this.#sought.has(key)) return;
    this.#sought.set(key, {
      topic,
      beganAt: this.#context.now(),
      state: 'wanted',
      best: own,
    });
    // Without a link, one's own is all there is to be had.
    if (this.#isLinkReady || own !== undefined) this.#scheduleAsking();
  }

  /** Nobody wants it any more. */
  end(key: string): void {
    this.#sought.delete(key);
  }

  /** Somebody holds values. */
  heardOfHolder(): void {
    this.#holders = 'some';
  }

  /** A holder has come, or come back: it was not asked for what has not been found. */
  holderCame(): void {
    this.heardOfHolder();
    if (this.#isHolderWaiting) return;
    const waitMs = this.#holderCameAt + HOLDER_GAP_MS - this.#context.now();
    if (waitMs <= 0) {
      this.#askHolders();
      return;
    }
    this.#isHolderWaiting = true;
    this.#later(waitMs, () => this.#askHolders());
  }

  #askHolders(): void {
    this.#isHolderWaiting = false;
    this.#holderCameAt = this.#context.now();
    for (const sought of this.#sought.values()) if (sought.best === undefined) sought.state = 'wanted';
    if (this.#isLinkReady && this.#wanted().length > 0) this.#scheduleAsking();
  }

  /** A holder answered a question with a value that was emitted `ageMs` ago then, at `time` by its clock. */
  found(key: string, question: number, ageMs: number, time: number, message: Buffer): void {
    const sought = this.#sought.get(key);
    if (sought === undefined || (sought.best !== undefined && sought.best.time >= time)) return;
    // The answer was made after the question. What was surely emitted since this listens comes by itself, after an outage
    // as well, and in its turn. Without an outage, it has come before the answer.
    const askedAt = this.#askedAt.get(question) ?? NEVER;
    if (askedAt - ageMs > Math.max(sought.beganAt, this.#context.inForceSince(message))) return;
    sought.best = { time, message };
  }

  /** The link works: asks for what is wanted, and whether there are any holders. */
  linkReady(): void {
    this.#isLinkReady = true;
    this.#readyAt = this.#context.now();
    this.#ask();
  }

  /** The link broke: answers may have been lost. */
  linkLost(): void {
    this.#isLinkReady = false;
    this.#holders = 'unknown';
    this.#stopTimers();
    this.#askedAt.clear();
    for (const sought of this.#sought.values()) sought.state = 'wanted';
  }

  stop(): void {
    this.#stopTimers();
    this.#isLinkReady = false;
    this.#sought.clear();
  }

  /** Once for all that one turn of the event loop begins. */
  #scheduleAsking(): void {
    if (this.#askScheduled) return;
    this.#askScheduled = true;
    setImmediate(() => void this.#askWhenInForce());
  }

  async #askWhenInForce(): Promise<void> {
    this.#askScheduled = false;
    if (!this.#isLinkReady) {
      this.#conclude(this.#wanted().filter(({ best }) => best !== undefined));
      return;
    }
    if (this.#holders === 'none') {
      this.#conclude(this.#wanted());
      return;
    }
    try {
      // Or a newer value could be emitted between the answer and the time from which on it would arrive by itself.
      await this.#context.inForce();
    } catch {
      return;
    }
    if (this.#isLinkReady) this.#ask();
  }

  #ask(): void {
    const wanted = this.#wanted();
    for (const sought of wanted) sought.state = 'asked';
    for (const part of inParts(wanted)) this.#askFor(part);
  }

  #askFor(wanted: readonly Sought[]): void {
    this.#questions += 1;
    const question = this.#questions;
    this.#askedAt.set(question, this.#context.now());
    this.#context.ask(
      question,
      wanted.map(({ topic }) => topic),
    );
    this.#later(Math.max(MIN_WINDOW_MS, WINDOW_ROUND_TRIPS * this.#context.latencyMs()), () => {
      this.#later(LATE_MS, () => this.#askedAt.delete(question));
      const returnMs = this.#readyAt + RETURN_MS - this.#context.now();
      if (returnMs <= 0) {
        this.#conclude(wanted);
        return;
      }
      this.#conclude(wanted.filter(({ best }) => best !== undefined));
      this.#later(returnMs, () => {
        if (this.#holders === 'unknown') this.#holders = 'none';
        this.#conclude(wanted.filter(({ state }) => state === 'asked'));
      });
    });
  }

  #later(ms: number, then: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      then();
    }, ms);
    timer.unref();
    this.#timers.add(timer);
  }

  #wanted(): Sought[] {
    return [...this.#sought.values()].filter(({ state }) => state === 'wanted');
  }

  #conclude(list: readonly Sought[]): void {
    for (const sought of list) {
      const key = sought.topic.toString('latin1');
      // Not one that nobody wants any more, or that another search has begun for since.
      if (this.#sought.get(key) !== sought) continue;
      this.#sought.delete(key);
      this.#context.onFound(key, sought.best?.message);
    }
  }

  #stopTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#isHolderWaiting = false;
  }
}

/** At least one, as an empty question is one after holders. */
function inParts(wanted: readonly Sought[]): Sought[][] {
  let part: Sought[] = [];
  const parts = [part];
  let bytes = 0;
  for (const sought of wanted) {
    bytes += sought.topic.length + 2;
    if (bytes > MAX_QUESTION_BYTES && part.length > 0) {
      part = [];
      parts.push(part);
      bytes = sought.topic.length + 2;
    }
    part.push(sought);
  }
  return parts;
}
