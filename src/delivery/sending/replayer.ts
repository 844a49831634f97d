/**
 * The replayer: gives receivers again, from the history, what they missed (docs/protocol.md, section 6).
 *
 * Receivers set the pace: an answer is a chunk, and they ask for the next one when they have it. All answers go over
 * the link that the batches themselves go over, so that an answer arrives after everything that it says was sent.
 * Requesters are served in turn, a slice each, and what is sent for the first time keeps its share of the link.
 *
 * A question of some bytes may be answered by a mebibyte, and anybody may ask, under any id. So answers have a budget, of each
 * requester and in all: more than whoever catches up needs, and less than what would keep a publisher busy.
 */
import {
  buildMessage,
  formatPublisherId,
  MessageKind,
  type PublisherId,
  toElapsed,
} from '../../wire/batch.js';
import { encodeReplayed, encodeTails, type Request, type Tail } from '../../wire/recovery.js';
import { inboxTopic } from '../../wire/topic.js';
import { type BudgetLimits, TokenBucket } from '../token-bucket.js';
import type { History } from './history.js';
import { hasSentAll, type Publication, type Publications } from './publications.js';
import { TopicFilter } from './topic-filter.js';

/** An answer's limits: the forwarder's mark counts messages, and the requester may ask many at once. */
const MAX_REPLAYS = 1024;
const MAX_REPLAY_BYTES = 1024 * 1024;

/** Batches looked through for one answer, so that a long history of other names does not hold up the event loop. */
const MAX_SCAN = 65_536;

/** What one requester gets before the next one's turn, and before the event loop's. */
const SLICE_BYTES = 64 * 1024;

/**
 * The limit of a body of tails, and what a topic takes in it beside its own bytes. With its header, the message is no
 * larger than what every transport takes, however small events and batches may be.
 */
const MAX_TAILS_BYTES = 63 * 1024;
const TAIL_BYTES = 22;

/** Questions beyond it are not answered, in number and in topics: who asked asks again. */
const MAX_WAITING = 1024;
const MAX_WAITING_TOPICS = 131_072;

/** Answers that are under way at a time: others only wait, and take no memory of their own. */
const MAX_STARTED = 16;

/**
 * Bytes of answers: of one requester, which may need the whole of a history twice, and in all; those under invented ids count
 * among the latter. What is looked through for an answer counts, too: a batch, and a name.
 */
const OF_ONE: BudgetLimits = { burst: 256 * 1024 * 1024, perSecond: 32 * 1024 * 1024 };
const OF_ALL: BudgetLimits = { burst: 1024 * 1024 * 1024, perSecond: 64 * 1024 * 1024 };
const SCANNED_BYTES = 16;
const PUBLICATION_BYTES = 32;
const QUESTION_BYTES = 256;

/** Requesters whose budget is known: the one that asked longest ago is forgotten first. */
const MAX_REQUESTERS = 4096;

/** An inquiry is on its way for a while, and so was the last that was received before the outage. */
const INQUIRY_SLACK_MS = 1000;

/** The part of a transport that an answer needs. */
export interface ReplayLink {
  send(message: Buffer): boolean;
  flush(): void;
}

/** The messages of an answer, made one by one as the link takes them. */
export type Answer = Generator<Buffer, void>;

interface Question {
  /** Of the request; a copy of it has the same. */
  readonly number?: number;
  readonly requester: PublisherId;
  readonly topics: number;
  answer(): Answer;
}

interface Started {
  readonly number: number | undefined;
  readonly requester: PublisherId;
  readonly answer: Answer;
}

export class Replayer {
  readonly #publisher: PublisherId;
  readonly #history: History;
  readonly #publications: Publications;
  readonly #link: ReplayLink;
  readonly #now: () => number;
  /** By kind and requester; who is first is served next. */
  readonly #questions = new Map<string, Question>();
  readonly #started = new Map<string, Started>();
  #waitingTopics = 0;
  readonly #budget: TokenBucket;
  readonly #budgets = new Map<PublisherId, TokenBucket>();
  #pause: NodeJS.Timeout | undefined;
  #state: 'down' | 'open' | 'full' = 'down';
  #turn: NodeJS.Immediate | undefined;

  /** `now` is the clock of the history and the publications. */
  constructor(
    publisher: PublisherId,
    history: History,
    publications: Publications,
    link: ReplayLink,
    now: () => number,
  ) {
    this.#publisher = publisher;
    this.#history = history;
    this.#publications = publications;
    this.#link = link;
    this.#now = now;
    this.#budget = new TokenBucket(OF_ALL, now);
  }

  /** Answers request `number` of `requester`, instead of an earlier one of the same that is not answered yet; a copy, once. */
  request(requester: PublisherId, number: number, request: Request): void {
    this.answer(`request ${requester}`, {
      number,
      requester,
      topics: request.topics.length,
      answer: () => this.#answerRequest(requester, number, request),
    });
  }

  /** Tells `requester` of the names among `topics` (none: all) that something was sent under in the last `withinMs`. */
  inquiry(requester: PublisherId, topics: readonly Buffer[], withinMs: number): void {
    // By when it came: it may wait for its turn.
    const since = this.#now() - withinMs - INQUIRY_SLACK_MS;
    this.answer(`inquiry ${requester}`, {
      requester,
      topics: topics.length,
      answer: () => this.#answerInquiry(requester, topics, since),
    });
  }

  /** The link takes more: it is up, or has drained. */
  resume(): void {
    this.#state = 'open';
    this.#schedule();
  }

  /** The link is down: who still needs an answer will ask again. */
  clear(): void {
    this.#state = 'down';
    this.#questions.clear();
    this.#started.clear();
    this.#waitingTopics = 0;
    clearImmediate(this.#turn);
    clearTimeout(this.#pause);
    this.#turn = undefined;
    this.#pause = undefined;
  }

  /** Answers `question` in its turn, instead of an earlier one of the same `key` that is not answered yet. */
  answer(key: string, question: Question): void {
    if (this.#state === 'down') return;
    // Its answer goes on. Begun anew, by age, it could be another one, of which the requester takes the rest for the rest of this.
    if (question.number !== undefined && this.#started.get(key)?.number === question.number) return;
    const budget = this.#budgetOf(question.requester);
    if (budget.waitMs > 0) return;
    const earlier = this.#questions.get(key);
    const isNew = earlier === undefined && !this.#started.delete(key);
    if (isNew && this.#questions.size >= MAX_WAITING) return;
    const topics = this.#waitingTopics + question.topics - (earlier?.topics ?? 0);
    if (topics > MAX_WAITING_TOPICS) return;
    this.#waitingTopics = topics;
    this.#questions.set(key, question);
    this.#spend(question.requester, QUESTION_BYTES);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#turn !== undefined || this.#pause !== undefined || this.#state !== 'open') return;
    if (this.#questions.size === 0 && this.#started.size === 0) return;
    const { waitMs } = this.#budget;
    if (waitMs > 0) {
      this.#pause = setTimeout(() => {
        this.#pause = undefined;
        this.#schedule();
      }, waitMs);
      this.#pause.unref();
      return;
    }
    this.#turn = setImmediate(() => {
      this.#turn = undefined;
      this.#serveNext();
    });
  }

  #serveNext(): void {
    for (const [key, { number, requester, topics, answer }] of this.#questions) {
      if (this.#started.size >= MAX_STARTED) break;
      this.#questions.delete(key);
      this.#waitingTopics -= topics;
      this.#started.set(key, { number, requester, answer: answer() });
    }
    for (const [key, started] of this.#started) {
      this.#started.delete(key);
      const isDone = this.#sendSlice(started);
      if (!isDone && this.#state !== 'down') this.#started.set(key, started);
      break;
    }
    this.#link.flush();
    this.#schedule();
  }

  #budgetOf(requester: PublisherId): TokenBucket {
    const budget = this.#budgets.get(requester) ?? new TokenBucket(OF_ONE, this.#now);
    this.#budgets.delete(requester);
    this.#budgets.set(requester, budget);
    if (this.#budgets.size > MAX_REQUESTERS)
      for (const [oldest] of this.#budgets) {
        this.#budgets.delete(oldest);
        break;
      }
    return budget;
  }

  #spend(requester: PublisherId, bytes: number): void {
    this.#budget.spend(bytes);
    this.#budgets.get(requester)?.spend(bytes);
  }

  /**
   * A whole slice even if the link is full before its end: a publisher that keeps the link full itself would leave no
   * room for an answer otherwise.
   *
   * @returns whether it was the last one.
   */
  #sendSlice({ requester, answer }: Started): boolean {
    let bytes = 0;
    let isDone = false;
    while (bytes < SLICE_BYTES && this.#state !== 'down' && !isDone) {
      const { done, value: message } = answer.next();
      if (done) isDone = true;
      else {
        bytes += message.length;
        if (!this.#link.send(message) && this.#state === 'open') this.#state = 'full';
      }
    }
    this.#spend(requester, bytes);
    return isDone;
  }

  *#answerRequest(requester: PublisherId, number: number, request: Request): Answer {
    const { after, before, maxAgeMs, topics } = request;
    const topic = inboxTopic(formatPublisherId(requester));
    const filter = new TopicFilter(topics);
    const history = this.#history;
    history.expire();
    const since = this.#now() - maxAgeMs;
    const { last } = history;
    const end = before === 0 ? last : Math.min(before - 1, last);
    let gone = history.goneFinishedAt >= since ? this.#goneBetween(after, end) : 0;
    let next = Math.max(after + 1, history.firstSince(since));
    let replays = 0;
    let replayBytes = 0;
    const from = next;
    for (const stop = next + MAX_SCAN; next <= end && next < stop; next += 1) {
      if (next < history.first) {
        // While the link was full.
        gone = this.#goneBetween(after, end);
        next = gone;
        continue;
      }
      if (!filter.mayHave(history.topicHash(next))) continue;
      const message = history.message(next);
      if (!filter.has(message)) continue;
      if (replays === MAX_REPLAYS || replayBytes >= MAX_REPLAY_BYTES) break;
      yield this.#replay(topic, number, replays, next, message);
      replays += 1;
      replayBytes += message.length;
    }
    this.#spend(requester, (Math.min(next, end) - Math.min(from, end)) * SCANNED_BYTES);
    const through = next > end ? end : next - 1;
    if (gone > 0) {
      const isOver = ({ sentSequence, finishedAt }: Publication): boolean =>
        sentSequence > after && sentSequence <= gone && finishedAt >= since;
      yield* this.#tails(requester, filter, isOver);
    }
    yield buildMessage(
      topic,
      { kind: MessageKind.replayed, publisher: this.#publisher, sequence: number },
      encodeReplayed({ through, gone, last, replays }),
    );
  }

  /** The highest sequence beyond `after`, up to `end`, that is not in the history any more; 0 if all are. */
  #goneBetween(after: number, end: number): number {
    const gone = Math.min(this.#history.first - 1, end);
    return gone > after ? gone : 0;
  }

  #replay(topic: Buffer, number: number, index: number, sequence: number, message: Buffer): Buffer {
    const header = {
      kind: MessageKind.replay,
      publisher: this.#publisher,
      sequence: number,
      previous: index,
      elapsed: toElapsed(this.#now() - this.#history.finishedAt(sequence)),
    };
    return buildMessage(topic, header, message);
  }

  *#answerInquiry(requester: PublisherId, topics: readonly Buffer[], since: number): Answer {
    const isRecent = ({ sentAt }: Publication): boolean => sentAt >= since;
    yield* this.#tails(requester, new TopicFilter(topics), isRecent);
  }

  /** `tails` messages for the publications of `filter` that are `wanted`; none if there are no such. */
  *#tails(
    requester: PublisherId,
    filter: TopicFilter,
    wanted: (publication: Publication) => boolean,
  ): Answer {
    const topic = inboxTopic(formatPublisherId(requester));
    const publications: Publication[] = [];
    this.#spend(requester, this.#publications.size * PUBLICATION_BYTES);
    for (const publication of this.#publications) {
      // Of one that is numbered further than it was sent, a batch follows that tells more.
      if (!filter.mayHave(publication.topicHash) || !hasSentAll(publication)) continue;
      if (wanted(publication) && filter.has(publication.topic)) publications.push(publication);
    }
    let tails: Tail[] = [];
    let bytes = 0;
    for (const publication of publications) {
      if (!hasSentAll(publication)) continue;
      if (bytes + publication.topic.length + TAIL_BYTES > MAX_TAILS_BYTES) {
        yield this.#tailsMessage(topic, tails);
        tails = [];
        bytes = 0;
      }
      const { sequence, position, finishedAt } = publication;
      tails.push({
        topic: publication.topic,
        sequence,
        position,
        elapsed: toElapsed(this.#now() - finishedAt),
      });
      bytes += publication.topic.length + TAIL_BYTES;
    }
    if (tails.length > 0) yield this.#tailsMessage(topic, tails);
  }

  #tailsMessage(topic: Buffer, tails: readonly Tail[]): Buffer {
    return buildMessage(topic, { kind: MessageKind.tails, publisher: this.#publisher }, encodeTails(tails));
  }
}
