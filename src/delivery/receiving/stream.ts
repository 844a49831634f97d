/**
 * A stream: what one publisher sends, as far as it is listened to here, in the order in which it was sent.
 *
 * A batch says which batch of its topic came before it, so that a gap shows with the next batch of the topic, or with a
 * tail, which says how far the topic has come. Then everything of this publisher is held, since the order across names
 * is kept, until it has replayed what is missing; what it cannot replay is told. To notice a loss before a batch of
 * another topic overtakes it, a hole in the sequence is asked about too, if it is larger than those that turned out to
 * be other topics' batches.
 *
 * Numbers that go backwards are believed if nothing explains them, and where a replay would, the publisher is asked how
 * far it really is: whoever forges a number, or damages one, must not make the true ones look old for ever. Rules:
 * docs/protocol.md, section 3.3.
 */
import { FLAG_ANSWERS, fromElapsed, type Header, MessageKind, type PublisherId } from '../../wire/batch.js';
import type { Replayed, Request } from '../../wire/recovery.js';
import { keptCopy } from '../kept-copy.js';
import { Coverage } from './coverage.js';
import { FirstContact } from './first-contact.js';
import type { Interest, Interests } from './interests.js';
import { NameProgress, type Progress } from './progress.js';
import type { Recovery } from './recovery.js';
import { Settled } from './settled.js';

/** A batch or a tail that came in. */
export interface Arrival {
  readonly header: Readonly<Header>;
  readonly interest: Interest;
  /** Begins with the interest's topic. */
  readonly message: Buffer;
}

/** What a stream needs of its surroundings. */
export interface StreamContext {
  readonly interests: Interests;
  /** A clock in milliseconds that only goes forward. */
  readonly now: () => number;
  /** Whether publishers can be asked for what is missing. */
  readonly canAsk: boolean;
  /** A clock in seconds, or slower. */
  readonly tick: number;
  /** When the last outage ended of which it may not be known yet what it cost, and when that began. */
  readonly lastOutage: { readonly began: number; readonly ended: number };
  /** Before this, something may have been forgotten. */
  readonly rememberedSince: number;
  /** Since when the name is listened to and everything about it remembered; infinite if that is not proven. */
  listenedSince(interest: Interest): number;
  deliver(arrival: Arrival): void;
  /** `missed` is unknown if the first of them is not the first one that was listened to. */
  tellLoss(publisher: PublisherId, interest: Interest, missed: number | undefined): void;
  /** A message was no batch of the publisher it names. */
  tellForged(publisher: PublisherId, name: PropertyKey): void;
  /** Whether one publisher more can be asked for what is missing. */
  readonly mayRecover: boolean;
  recover(publisher: PublisherId, request: Request, onGiveUp: () => void): Recovery;
  /** Whether so many bytes more may be held. Tails find room where batches do not: nothing else tells what they tell. */
  hasRoomFor(bytes: number, isTail: boolean): boolean;
  /** So many bytes more are held; less if negative. */
  held(bytes: number): void;
  /** So many names more are remembered; less if negative. */
  remembered(names: number): void;
}

/** An arrival that waits for what should have come before it. */
interface Held extends Arrival {
  message: Buffer;
  /** Whether the bytes are a copy: the transport's are valid during its call. */
  isCopied: boolean;
  /** When it came; for a replay, when the batch was sent. */
  readonly at: number;
  /** The interests' epoch when it came. */
  readonly epoch: number;
  /** When what is listened to had changed last when it came. */
  readonly changedAt: number;
  /**
   * What has been asked for on its behalf: what is missing of its topic, and then of all topics; of them, at the first
   * contact with a publisher, what is recent.
   */
  asked: 'nothing' | 'older' | 'recent' | 'all';
  /** For how long the question of the first contact may be on its way: by so much more it reaches back. */
  flightMs: number;
}

/** For how long after an outage a publisher that was not known before may have sent something in it. */
const SUSPICION_MS = 10_000;

/**
 * What is asked for by age ages on the way, and longer if the publisher is busy. The answer says how old it is, and is
 * judged by that; only where nothing is known to be missing, less is asked for, and again if the answer took longer to
 * begin.
 */
const GAP_SLACK_MS = 10_000;
const FLIGHT_MS = 20;

/** Duplicates are a reason to ask how far their publisher is, this often at most. */
const CHECK_INTERVAL_MS = 1000;

/** For so long after something was forgotten, a first contact shows no loss: what comes may have been sent before. */
export const FORGETTING_SLACK_MS = 1000;

/** What holding one arrival costs beside its bytes. */
const HELD_OVERHEAD = 512;

export class Stream {
  readonly publisher: PublisherId;
  readonly #context: StreamContext;
  readonly #names: NameProgress;
  readonly #coverage = new Coverage();
  /** Up to here, batches may have come by a replay and come again. */
  #replayedThrough = 0;
  #recovery: Recovery | undefined;
  /** Whether the recovery has brought anything that is listened to. */
  #hasGained = false;
  /** The interests' epoch when it began, and from where on nothing was missing then. */
  #epoch = 0;
  #trustedFrom = 0;
  /** Whether the recovery asks for nothing but how far the publisher is. */
  #isCheck = false;
  #checkedAt = Number.NEGATIVE_INFINITY;
  readonly #firstContact = new FirstContact();
  readonly #settled: Settled;
  /** Before this, everything was forgotten. */
  #rememberedSince = Number.NEGATIVE_INFINITY;
  /** In the order in which they came; the first one is what the recovery is for, if it is no check. */
  #held: Held[] = [];
  /** The latest of those for which there was no room, without its body. */
  #overflow: Held | undefined;

  /** The tick in which something came last. */
  heardAt = 0;
  /** How many batches and tails came so far. */
  arrivals = 0;

  constructor(publisher: PublisherId, context: StreamContext) {
    this.publisher = publisher;
    this.#context = context;
    this.#settled = new Settled(context.interests);
    this.#names = new NameProgress(context.interests, (names) => context.remembered(names));
  }

  /** Names of which something is remembered. */
  get size(): number {
    return this.#names.size;
  }

  get isRecovering(): boolean {
    return this.#recovery !== undefined;
  }

  /** A batch or a tail came. `header` is only valid during the call. */
  take(header: Readonly<Header>, interest: Interest, message: Buffer): void {
    this.heardAt = this.#context.tick;
    this.arrivals += 1;
    if (this.#settled.isOutdated) this.#settled.meet(this.#arrivedThrough);
    if (this.#recovery === undefined) {
      const progress = this.#names.of(interest);
      const hole = this.#coverage.holeBefore(header.sequence);
      if (header.kind === MessageKind.tail) {
        // What it announces has come, as a rule.
        if (progress !== undefined && header.sequence <= progress.sequence) return;
      } else if (
        header.previous === progress?.sequence &&
        hole >= 0 &&
        (this.#coverage.isUsual(hole) || !this.#context.canAsk)
      ) {
        this.#accept(progress, { header, interest, message });
        return;
      }
    }
    const arrival = this.#toHold({ header: { ...header }, interest, message });
    if (this.#recovery === undefined) this.#consider(arrival);
    else this.#hold(arrival);
  }

  #toHold(arrival: Arrival): Held {
    const { now, interests } = this.#context;
    return {
      ...arrival,
      isCopied: false,
      at: now(),
      epoch: interests.epoch,
      changedAt: interests.provenAt,
      asked: 'nothing',
      flightMs: FLIGHT_MS,
    };
  }

  /** A replay came: `header` and `message` are those of the batch that is replayed. */
  replay(number: number, index: number, ageMs: number, arrival: Arrival): void {
    const { header, interest } = arrival;
    if (this.#settled.isOutdated) this.#settled.meet(this.#arrivedThrough);
    if (this.#recovery?.replay(number, index, header.sequence) !== true) return;
    if (!this.#reachesFarEnough()) {
      this.#askFurtherBack();
      return;
    }
    this.#replayedThrough = Math.max(this.#replayedThrough, header.sequence);
    this.#hasGained = true;
    const progress = this.#names.of(interest);
    if (progress !== undefined && header.sequence <= progress.sequence) return;
    const listenedMs = this.#context.now() - this.#listenedSince(interest);
    const isFirst = progress === undefined || progress.isEarly;
    if (isFirst && (!(ageMs <= listenedMs) || this.#isSettled(header.sequence, interest))) {
      this.#names.advance(progress, interest, header, header.position + header.count, true);
      return;
    }
    const isBehind = header.previous > this.#completeThrough(progress, interest);
    const isOld = ageMs + fromElapsed(header.elapsed) >= listenedMs;
    const isGap = isBehind && !(isFirst && isOld);
    if (isGap && this.#mayAskOlder(progress, interest)) {
      this.#interrupt({ ...this.#toHold(arrival), at: this.#context.now() - ageMs });
      return;
    }
    if (isGap) this.#tellLoss(interest, progress, header.position);
    this.#accept(progress, arrival);
  }

  /** A replay came that is of no interest here, any more or at all. */
  skipReplay(number: number, index: number, sequence: number): void {
    if (this.#recovery?.replay(number, index, sequence) !== true) return;
    if (!this.#reachesFarEnough()) this.#askFurtherBack();
  }

  /** The end of an answer came. */
  replayed(number: number, answer: Replayed): void {
    const recovery = this.#recovery;
    if (this.#settled.isOutdated) this.#settled.meet(this.#arrivedThrough);
    if (recovery?.replayed(number, answer) !== true) return;
    if (!this.#reachesFarEnough()) {
      this.#askFurtherBack();
      return;
    }
    if (!this.#isCheck) this.#replayedThrough = Math.max(this.#replayedThrough, answer.through);
    const [arrival] = this.#held;
    if (this.#isCheck) {
      if (answer.last < this.#coverage.last) this.#forget();
    } else if (arrival !== undefined) {
      const { kind, sequence } = arrival.header;
      const isTail = kind === MessageKind.tail;
      if (sequence > answer.last) {
        this.#context.tellForged(this.publisher, arrival.interest.name);
        this.#release();
        this.#settled.reset();
      } else if (isOfAllTopics(arrival)) {
        if (arrival.asked === 'all') {
          if (!this.#hasGained) this.#coverage.getUsedTo(this.#coverage.holeBefore(sequence));
        } else if (recovery.isIncomplete) this.#settled.mark(sequence - 1, arrival.at);
        else this.#settled.mark(isTail ? sequence : sequence - 1, this.#firstContact.reachedBackTo);
        this.#coverage.cover(isTail ? answer.last : sequence - 1);
        if (recovery.isIncomplete) this.#coverage.doubt();
        // What is listened to since it was asked for was not part of the answer.
        if (this.#epoch !== this.#context.interests.epoch) this.#coverage.distrust();
      }
    }
    this.#goOn();
  }

  /** Something may have been lost without a trace: no hole is usual any more, and questions may not have arrived. */
  suspect(): void {
    this.#coverage.suspect();
    this.#recovery?.restart();
  }

  /** Forgets the names that were not heard of since it last did so. */
  forgetIdle(): void {
    this.#names.forgetIdle();
  }

  stop(): void {
    this.#recovery?.stop();
    this.#recovery = undefined;
    for (const arrival of this.#held) this.#context.held(-sizeOf(arrival));
    this.#held = [];
    this.#overflow = undefined;
  }

  /**
   * Notes that a part of the answer has come. Whether the question, if it is that of the first contact, asked for all that
   * was sent since this had last begun to listen to something: it was on its way no longer than until now.
   */
  #reachesFarEnough(): boolean {
    const [arrival] = this.#held;
    if (arrival?.asked !== 'recent' || this.#isCheck) return true;
    if (!this.#firstContact.answer(this.#context.now())) return true;
    return this.#firstContact.flightMs <= arrival.flightMs || arrival.flightMs >= GAP_SLACK_MS;
  }

  /** Asks again, so that the question may be on its way for as long as it was until now. */
  #askFurtherBack(): void {
    const arrival = this.#held[0] as Held;
    arrival.flightMs = 2 * this.#firstContact.flightMs;
    arrival.asked = 'nothing';
    this.#goOn();
  }

  /** Whether what was sent up to there is nothing that the name waits for, although nothing of it was delivered. */
  #isSettled(sequence: number, interest: Interest): boolean {
    return sequence <= this.#settled.through(this.#listenedSince(interest));
  }

  /** Up to where nothing of a name is missing. */
  #completeThrough(progress: Progress | undefined, interest: Interest): number {
    if (progress !== undefined && !progress.isEarly) return progress.sequence;
    return Math.max(progress?.sequence ?? 0, this.#settled.through(this.#listenedSince(interest)));
  }

  /** The highest number that has come, also of what is held. */
  get #arrivedThrough(): number {
    let through = Math.max(this.#coverage.last, this.#overflow?.header.sequence ?? 0);
    for (const { header } of this.#held) through = Math.max(through, header.sequence);
    return through;
  }

  /**
   * Whether something of a name may be missing before what was asked for: in what was taken for other names', or, at the
   * first contact, in what was sent before the time that was asked for.
   */
  #mayAskOlder(progress: Progress | undefined, interest: Interest): boolean {
    const [first] = this.#held;
    const last = this.#completeThrough(progress, interest);
    if (first?.asked === 'all') return last < this.#trustedFrom;
    if (first?.asked !== 'recent') return false;
    if (this.#coverage.last === 0) return first.flightMs < GAP_SLACK_MS;
    // From the first replay on, nothing was left out.
    return last < this.#coverage.trustedFrom;
  }

  /** What is missing before a replay is asked for first, and the rest of the recovery again after it. */
  #interrupt(arrival: Held): void {
    this.#recovery?.stop();
    this.#recovery = undefined;
    const later = this.#held;
    if (later[0] !== undefined) later[0].asked = 'nothing';
    this.#held = [];
    this.#consider(arrival);
    for (const held of later) this.#held.push(held);
    if (!this.isRecovering) this.#goOn();
  }

  /** Keeps it until what is missing has come. What there is no room for is asked for again in its turn. */
  #hold(arrival: Held): void {
    if (this.#context.hasRoomFor(sizeOf(arrival), isTail(arrival))) {
      this.#context.held(sizeOf(arrival));
      this.#held.push(copied(arrival));
    } else {
      this.#overflow = tailOf(arrival);
      this.#coverage.suspect();
    }
  }

  /** Delivers, or asks for what is missing before. */
  #consider(arrival: Held): void {
    const { header, interest } = arrival;
    const progress = this.#names.of(interest);
    const isTail = header.kind === MessageKind.tail;
    if (progress !== undefined && header.sequence <= progress.sequence) {
      if (isTail) return;
      if (this.#isDuplicate(header, progress)) this.#check();
      else this.#believe(progress, arrival);
      return;
    }
    // What came before it was proven to listen was sent before, and may have come all the same.
    const isLate = arrival.at >= this.#listenedSince(interest);
    if (progress === undefined && isLate && this.#isSettled(header.sequence, interest)) {
      if (isTail) return;
      if (header.sequence <= this.#replayedThrough) {
        this.#doubt(arrival);
        return;
      }
      // One of two numbers was forged: this one, or the one that was settled by.
      this.#settled.reset();
    }
    const isGap = this.#isGap(arrival, progress);
    const request = this.#missing(arrival, progress, isGap);
    if (request !== undefined) {
      if (!isTail && !this.#context.hasRoomFor(sizeOf(arrival), false)) {
        this.#consider(tailOf(arrival));
        return;
      }
      this.#epoch = this.#context.interests.epoch;
      this.#trustedFrom = this.#coverage.trustedFrom;
      this.#context.held(sizeOf(arrival));
      this.#held.unshift(copied(arrival));
      this.#hasGained = false;
      this.#recovery = this.#context.recover(this.publisher, request, () => this.#giveUp());
      return;
    }
    if (isGap) {
      this.#coverage.suspect();
      this.#tellLoss(interest, progress, header.position);
    }
    if (!isTail) this.#accept(progress, arrival);
    else {
      this.#names.advance(progress, interest, header, header.position);
    }
  }

  /** Whether something of the arrival's own topic is missing before it. */
  #isGap(arrival: Held, progress: Progress | undefined): boolean {
    const { header } = arrival;
    const reach = header.kind === MessageKind.tail ? header.sequence : header.previous;
    if (reach <= this.#completeThrough(progress, arrival.interest)) return false;
    if (progress !== undefined) return true;
    // Had it been listened to, it would have been delivered, and this would not be the first contact.
    if (reach > this.#coverage.deliveredFrom && reach <= this.#coverage.last) return false;
    // First contact: missed only if it was sent while this was listening.
    return reach > 0 && fromElapsed(header.elapsed) < this.#listenedMs(arrival);
  }

  /**
   * How long its name had been listened to when it came; negative if that was not proven. It was sent earlier, so that
   * what is missing may have been sent before this listened: the answer tells more closely how old it is.
   */
  #listenedMs({ interest, at }: Held): number {
    return at - this.#listenedSince(interest);
  }

  #listenedSince(interest: Interest): number {
    return Math.max(this.#context.listenedSince(interest), this.#rememberedSince);
  }

  get #topics(): readonly Buffer[] {
    return this.#context.interests.topics();
  }

  /** What to ask for before the arrival may be delivered. */
  #missing(arrival: Held, progress: Progress | undefined, isGap: boolean): Request | undefined {
    const { header, interest, asked } = arrival;
    if (isOfAllTopics(arrival) || (header.flags & FLAG_ANSWERS) === 0 || !this.#context.mayRecover)
      return undefined;
    if (this.#coverage.last === 0) return this.#missingAtFirst(arrival, isGap);
    const isTail = header.kind === MessageKind.tail;
    const before = isTail ? header.sequence + 1 : header.sequence;
    const after = this.#completeThrough(progress, interest);
    const trusted = Math.min(before, this.#coverage.trustedFrom + 1);
    if (isGap && asked === 'nothing' && after < trusted - 1) {
      arrival.asked = 'older';
      const maxAgeMs =
        progress === undefined
          ? this.#context.now() - this.#listenedSince(interest) + GAP_SLACK_MS
          : Number.POSITIVE_INFINITY;
      return { after, before: trusted, maxAgeMs, topics: [interest.topic] };
    }
    const hole = this.#coverage.holeBefore(before);
    if (hole <= 0 || (!isGap && (isTail || this.#coverage.isUsual(hole)))) return undefined;
    arrival.asked = 'all';
    const maxAgeMs = Number.POSITIVE_INFINITY;
    return { after: this.#coverage.last, before: isTail ? 0 : before, maxAgeMs, topics: this.#topics };
  }

  /** What to ask a publisher for that was not known before. */
  #missingAtFirst(arrival: Held, isGap: boolean): Request | undefined {
    const { header, at } = arrival;
    const { lastOutage } = this.#context;
    const rememberedSince = Math.max(this.#context.rememberedSince, this.#rememberedSince);
    const isTail = header.kind === MessageKind.tail;
    const isProven = this.#listenedMs(arrival) >= 0;
    if (!isGap && (header.sequence <= 1 || isTail || !isProven)) return undefined;
    arrival.asked = 'recent';
    // Since the last change of what is listened to: for names that are listened to for longer, a gap would show.
    const changedAt = Math.max(arrival.changedAt, rememberedSince);
    if (isGap) arrival.flightMs = GAP_SLACK_MS;
    const now = this.#context.now();
    const since = isGap ? this.#listenedSince(arrival.interest) : changedAt;
    let maxAgeMs = now - since + arrival.flightMs;
    if (at - lastOutage.ended < SUSPICION_MS) maxAgeMs = Math.max(maxAgeMs, now - lastOutage.began);
    this.#firstContact.ask(maxAgeMs, now);
    return {
      after: 0,
      before: isTail ? 0 : header.sequence,
      maxAgeMs,
      topics: this.#topics,
    };
  }

  /** Whether it came by a replay before: only then may numbers go backwards. */
  #isDuplicate({ sequence, position, count }: Readonly<Header>, progress: Progress): boolean {
    return sequence <= this.#replayedThrough && position + count <= progress.position;
  }

  /** A duplicate came, or numbers are believed that are too high: asks how far the publisher is. */
  #check(): void {
    const now = this.#context.now();
    if (now - this.#checkedAt < CHECK_INTERVAL_MS || !this.#context.mayRecover) return;
    this.#checkedAt = now;
    this.#isCheck = true;
    const after = Number.MAX_SAFE_INTEGER;
    const request = { after, before: 0, maxAgeMs: 0, topics: this.#topics };
    this.#recovery = this.#context.recover(this.publisher, request, () => this.#goOn());
  }

  /** A replay explains why it comes so late, unless the publisher says that numbers were forged: waits for that. */
  #doubt(arrival: Held): void {
    const isNew = arrival.asked === 'nothing';
    arrival.asked = 'all';
    if (isNew) this.#check();
    if (isNew && this.isRecovering) this.#hold(arrival);
  }

  /** What is believed of the publisher cannot be true: begins anew, and takes nothing before for missed. */
  #forget(): void {
    this.#coverage.reset();
    this.#settled.reset();
    this.#names.clear();
    this.#replayedThrough = 0;
    this.#rememberedSince = this.#context.now() + FORGETTING_SLACK_MS;
  }

  /** Numbers went backwards, and no replay explains it: they begin anew from here. */
  #believe(progress: Progress, arrival: Held): void {
    this.#coverage.reset();
    this.#settled.reset();
    this.#accept(progress, arrival);
  }

  #accept(progress: Progress | undefined, arrival: Arrival): void {
    const { header, interest } = arrival;
    if (this.#coverage.last === 0) this.#settled.mark(header.sequence - 1, this.#context.now());
    this.#coverage.take(header.sequence);
    this.#names.advance(progress, interest, header, header.position + header.count);
    this.#context.deliver(arrival);
  }

  #giveUp(): void {
    const [arrival] = this.#held;
    if (arrival !== undefined && isOfAllTopics(arrival)) {
      const { kind, sequence } = arrival.header;
      const covered = kind === MessageKind.tail ? sequence : sequence - 1;
      this.#coverage.cover(covered);
      this.#coverage.doubt();
      // What was told as lost must not come after all.
      this.#replayedThrough = Math.max(this.#replayedThrough, covered);
    }
    // Whoever does not answer once is not waited for again for what came meanwhile.
    for (const held of this.#held) held.asked = 'all';
    this.#goOn();
  }

  /** Considers what was held, until something else is missing. */
  #goOn(): void {
    this.#recovery?.stop();
    this.#recovery = undefined;
    this.#isCheck = false;
    const arrivals = this.#held;
    this.#held = [];
    let next = 0;
    while (next < arrivals.length && !this.isRecovering) {
      const arrival = arrivals[next] as Held;
      next += 1;
      this.#context.held(-sizeOf(arrival));
      this.#considerLater(arrival);
    }
    for (; next < arrivals.length; next += 1) this.#held.push(arrivals[next] as Held);
    const overflow = this.#overflow;
    if (overflow === undefined || this.isRecovering) return;
    this.#overflow = undefined;
    this.#considerLater(overflow);
  }

  /** Considers what was held, unless its name was left meanwhile. */
  #considerLater(arrival: Held): void {
    const { message, epoch } = arrival;
    const { interests } = this.#context;
    const interest = interests.of(message);
    if (typeof interest === 'object' && interests.isUnbroken(interest, epoch)) this.#consider(arrival);
  }

  #release(): void {
    const arrival = this.#held.shift();
    if (arrival !== undefined) this.#context.held(-sizeOf(arrival));
  }

  #tellLoss(interest: Interest, progress: Progress | undefined, position: number): void {
    const missed = progress === undefined ? 0 : position - progress.position;
    // Less than 1 if the publisher forgot the name in between, and numbers it from the beginning.
    this.#context.tellLoss(this.publisher, interest, missed > 0 ? missed : undefined);
  }
}

function sizeOf({ message }: Arrival): number {
  return message.length + HELD_OVERHEAD;
}

function copied(arrival: Held): Held {
  if (!arrival.isCopied) arrival.message = keptCopy(arrival.message);
  arrival.isCopied = true;
  return arrival;
}

function isOfAllTopics({ asked }: Held): boolean {
  return asked === 'recent' || asked === 'all';
}

function isTail({ header }: Arrival): boolean {
  return header.kind === MessageKind.tail;
}

/** What is left of a batch for which there is no room: that it was sent. */
function tailOf(arrival: Held): Held {
  const { header, interest, message } = arrival;
  const position = isTail(arrival) ? header.position : header.position + header.count;
  return {
    ...arrival,
    header: { ...header, kind: MessageKind.tail, position, elapsed: 0 },
    message: keptCopy(message.subarray(0, interest.topic.length)),
    isCopied: true,
    asked: 'nothing',
  };
}
