/**
 * The streams of all publishers that are heard of, and the bounds of what is remembered of them.
 *
 * Names that nothing was heard of are forgotten first. What was sent before does not count as missed then.
 */
import type { DistributedError } from '../../errors.js';
import type { Header, PublisherId } from '../../wire/batch.js';
import type { Request } from '../../wire/recovery.js';
import { forgeryError, lossError } from '../failures.js';
import { TokenBucket } from '../token-bucket.js';
import type { Interest, Interests } from './interests.js';
import { Recovery } from './recovery.js';
import { type Arrival, FORGETTING_SLACK_MS, Stream, type StreamContext } from './stream.js';

/** Pairs of publisher and name that are remembered, and how many are left when some had to be forgotten. */
const MAX_REMEMBERED = 250_000;
const ENOUGH_FORGOTTEN = 200_000;

/** Who has sent no more than that is forgotten before others: anybody can invent publishers that send something once. */
const FEW_ARRIVALS = 8;

/** A publisher by itself takes as much memory as so many names. */
const NAMES_PER_PUBLISHER = 16;

/** Bytes of arrivals that wait for what is missing before them, in all. */
const MAX_HELD_BYTES = 32 * 1024 * 1024;

/**
 * Publishers that are asked for what is missing at a time: whoever invents publishers makes us hold and ask for nothing. What
 * is missing of those beyond is told at once.
 */
const MAX_RECOVERIES = 4096;

/** Bytes of questions: who invents publishers must not make us ask at length. Those beyond are asked when they are repeated. */
const QUESTIONS = { burst: 32 * 1024 * 1024, perSecond: 1024 * 1024 };

/** What a question has beside its topics. */
const QUESTION_BYTES = 128;

/** Whoever was heard of so lately is asked after an outage: as long as a history goes back by default. */
const RECENT_TICKS = 60;

const INFINITE = Number.POSITIVE_INFINITY;

export interface StreamsOptions {
  /** A clock in milliseconds that only goes forward. */
  readonly now: () => number;
  /** How long a publisher has to answer when it is asked for what is missing. */
  readonly recoveryTimeoutMs: number;
  /** Whether publishers can be asked for what is missing; if not, it is told at once. Default: true. */
  readonly canAsk?: boolean;
}

export interface StreamsHandlers {
  deliver(arrival: Arrival): void;
  onError(error: DistributedError): void;
  /** Asks `publisher` for batches. */
  ask(publisher: PublisherId, number: number, request: Request): void;
  /** For how long, in milliseconds and in all, the link was known to work. */
  provenMs(): number;
}

export class Streams implements StreamContext {
  readonly interests: Interests;
  readonly now: () => number;
  readonly canAsk: boolean;
  /** Counted up once a second while the link works: a clock that is cheap to read. */
  tick = 0;
  rememberedSince = Number.NEGATIVE_INFINITY;
  lastOutage = { began: Number.NEGATIVE_INFINITY, ended: Number.NEGATIVE_INFINITY };
  readonly #options: StreamsOptions;
  readonly #handlers: StreamsHandlers;
  readonly #byPublisher = new Map<PublisherId, Stream>();
  /** What came last was of this one, and what comes next most often is, too. */
  #latest: Stream | undefined;
  #remembered = 0;
  #heldBytes = 0;
  #questions = 0;
  readonly #questionBytes: TokenBucket;
  #recoveries = 0;

  constructor(interests: Interests, options: StreamsOptions, handlers: StreamsHandlers) {
    this.interests = interests;
    this.now = options.now;
    this.canAsk = options.canAsk ?? true;
    this.#options = options;
    this.#handlers = handlers;
    this.#questionBytes = new TokenBucket(QUESTIONS, options.now);
  }

  take(header: Readonly<Header>, interest: Interest, message: Buffer): void {
    let stream = this.#latest;
    if (stream?.publisher !== header.publisher) {
      stream = this.#byPublisher.get(header.publisher) ?? this.#meet(header.publisher);
      this.#latest = stream;
    }
    stream.take(header, interest, message);
  }

  /** Those that something was heard of in the last {@link RECENT_TICKS} ticks. */
  *recentPublishers(): Generator<PublisherId> {
    for (const [publisher, { heardAt }] of this.#byPublisher) {
      if (this.tick - heardAt <= RECENT_TICKS) yield publisher;
    }
  }

  of(publisher: PublisherId): Stream | undefined {
    return this.#byPublisher.get(publisher);
  }

  /** For `withinMs`, until now, anything may have been lost without a trace. */
  suspect(withinMs: number): void {
    const ended = this.now();
    this.lastOutage = { began: ended - withinMs, ended };
    for (const stream of this.#byPublisher.values()) stream.suspect();
  }

  stop(): void {
    for (const stream of this.#byPublisher.values()) stream.stop();
  }

  /** @internal */
  listenedSince(interest: Interest): number {
    return Math.max(this.interests.inForceSince(interest), this.rememberedSince);
  }

  /** @internal */
  deliver(arrival: Arrival): void {
    this.#handlers.deliver(arrival);
  }

  /** @internal */
  tellLoss(publisher: PublisherId, { name, space }: Interest, missed: number | undefined): void {
    this.#handlers.onError(lossError(publisher, name, space.channel, missed));
  }

  /** @internal */
  tellForged(publisher: PublisherId, name: PropertyKey): void {
    this.#handlers.onError(forgeryError(publisher, name));
  }

  /** @internal */
  get mayRecover(): boolean {
    return this.canAsk && this.#recoveries < MAX_RECOVERIES;
  }

  /** @internal */
  recover(publisher: PublisherId, request: Request, onGiveUp: () => void): Recovery {
    const context = {
      now: this.now,
      timeoutMs: this.#options.recoveryTimeoutMs,
      nextNumber: () => {
        this.#questions += 1;
        return this.#questions;
      },
      ask: (number: number, asked: Request) => this.#ask(publisher, number, asked),
      provenMs: () => this.#handlers.provenMs(),
      onEnd: () => {
        this.#recoveries -= 1;
      },
    };
    this.#recoveries += 1;
    return new Recovery(request, context, onGiveUp);
  }

  /** @internal */
  hasRoomFor(bytes: number, isTail: boolean): boolean {
    return this.#heldBytes + bytes <= (isTail ? 2 : 1) * MAX_HELD_BYTES;
  }

  /** @internal */
  held(bytes: number): void {
    this.#heldBytes += bytes;
  }

  /** @internal */
  remembered(names: number): void {
    this.#remembered += names;
    if (this.#remembered > MAX_REMEMBERED && names > 0) this.#forgetSome();
  }

  #ask(publisher: PublisherId, number: number, request: Request): void {
    if (this.#questionBytes.waitMs > 0) return;
    let bytes = QUESTION_BYTES;
    for (const topic of request.topics) bytes += topic.length;
    this.#questionBytes.spend(bytes);
    this.#handlers.ask(publisher, number, request);
  }

  #meet(publisher: PublisherId): Stream {
    this.remembered(NAMES_PER_PUBLISHER);
    const stream = new Stream(publisher, this);
    this.#byPublisher.set(publisher, stream);
    return stream;
  }

  /** Forgets what was not heard of since the last time, and if that is too little, whatever comes first. */
  #forgetSome(): void {
    // What comes next may seem to have been sent a little earlier or later than what was forgotten.
    this.rememberedSince = this.now() + FORGETTING_SLACK_MS;
    this.#latest = undefined;
    for (const maxArrivals of [FEW_ARRIVALS, FEW_ARRIVALS, INFINITE, INFINITE]) this.#forgetIdle(maxArrivals);
  }

  #forgetIdle(maxArrivals: number): void {
    for (const [publisher, stream] of this.#byPublisher) {
      if (this.#remembered <= ENOUGH_FORGOTTEN) return;
      if (stream.arrivals > maxArrivals) continue;
      stream.forgetIdle();
      if (stream.size > 0 || stream.isRecovering) continue;
      this.#byPublisher.delete(publisher);
      this.#remembered -= NAMES_PER_PUBLISHER;
    }
  }
}
