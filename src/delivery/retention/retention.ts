/** Retained values of one emitter: those it holds for others, and those it looks for (docs/protocol.md, section 3.9). */
import {
  buildMessage,
  emptyHeader,
  formatPublisherId,
  fromElapsed,
  type Header,
  MessageKind,
  type PublisherId,
  readHeader,
  toElapsed,
} from '../../wire/batch.js';
import { encodeTopics } from '../../wire/recovery.js';
import { inboxTopic, retainedTopic, TOPIC_END } from '../../wire/topic.js';
import type { Content } from '../post.js';
import { RetainedSearch } from './search.js';
import { RetainedStore } from './store.js';

/** A retained value that is to be given to who began to listen. */
export interface FoundValue {
  /** Topic, header and payload. */
  readonly message: Buffer;
  readonly header: Readonly<Header>;
  readonly topicLength: number;
}

export interface RetentionContext {
  readonly namespace: string;
  readonly maxBytes: number;
  /** A clock in milliseconds that only goes forward. */
  now(): number;
  latencyMs(): number;
  /** Since when the name that `message` begins with has been listened to, by that clock; infinite if that is not proven. */
  inForceSince(message: Buffer): number;
  inForce(): Promise<void>;
  subscribe(topic: Buffer): void;
  /** Sends on a topic. */
  publish(topic: Buffer, content: Content, body?: Uint8Array): void;
  /** Lets go out what was emitted so far, as far as the link takes it. */
  flush(): void;
  /** Sends to all emitters. */
  post(receiver: 'all', content: Content): void;
  /** Sends the messages of an answer to a question about so many topics, as the link takes them. */
  answer(asker: PublisherId, question: number, topics: number, answer: () => Generator<Buffer, void>): void;
  onFound(topic: string, found: FoundValue | undefined): void;
  onForgotten(count: number): void;
}

export class Retention {
  readonly #publisher: PublisherId;
  readonly #context: RetentionContext;
  readonly #topic: Buffer;
  readonly #store: RetainedStore;
  readonly #search: RetainedSearch;
  #isLinkReady = false;
  /** Whether it has held a value, and so hears questions. */
  #isHolder = false;

  constructor(publisher: PublisherId, context: RetentionContext) {
    this.#publisher = publisher;
    this.#context = context;
    this.#topic = retainedTopic(context.namespace);
    this.#store = new RetainedStore(context.maxBytes, (count) => context.onForgotten(count));
    this.#search = new RetainedSearch({
      now: () => context.now(),
      inForceSince: (message) => context.inForceSince(message),
      latencyMs: () => context.latencyMs(),
      inForce: () => context.inForce(),
      ask: (question, topics) => {
        const content = { kind: MessageKind.retainedQuery, sequence: question };
        context.publish(this.#topic, content, encodeTopics(topics));
      },
      onFound: (topic, message) =>
        context.onFound(topic, message === undefined ? undefined : readFound(message)),
    });
  }

  /** Holds a value from now on: it is that of `topic`, packed, emitted at `time`; `isSent` as of {@link Retained}. */
  retain(topic: Buffer, flags: number, time: number, payload: Uint8Array, isSent: () => boolean): void {
    const content = { kind: MessageKind.retained, flags, publisher: this.#publisher, time };
    const message = buildMessage(topic, content, payload);
    const wasEmpty = this.#store.size === 0;
    this.#store.set(topic.toString('latin1'), { message, at: this.#context.now(), isSent });
    if (!wasEmpty || this.#store.size === 0) return;
    if (!this.#isHolder) this.#context.subscribe(this.#topic);
    this.#isHolder = true;
    if (this.#isLinkReady) this.#context.post('all', { kind: MessageKind.holder });
  }

  /** Looks for the newest value of `topic`; {@link RetentionContext.onFound} tells the outcome, once. */
  seek(topic: Buffer): void {
    const own = this.#store.get(topic.toString('latin1'));
    const found = own === undefined ? undefined : readFound(own.message);
    this.#search.begin(topic, found && { time: found.header.time, message: found.message });
  }

  /** Undoes {@link seek}. */
  seekNoMore(key: string): void {
    this.#search.end(key);
  }

  /** `asker` wants values of `topics`. */
  answer(asker: PublisherId, question: number, topics: readonly Buffer[]): void {
    if (asker === this.#publisher || this.#store.size === 0) return;
    // Once each: what is asked for again and again is no more than that.
    const keys = new Set(topics.map((topic) => topic.toString('latin1')));
    this.#context.answer(asker, question, keys.size, () => this.#answer(asker, question, keys));
  }

  *#answer(asker: PublisherId, question: number, keys: ReadonlySet<string>): Generator<Buffer, void> {
    const topic = inboxTopic(formatPublisherId(asker));
    const publisher = this.#publisher;
    this.#context.flush();
    for (const key of keys) {
      const retained = this.#store.get(key);
      // An event that waits to be sent comes by itself, and this would overtake it.
      if (retained === undefined || !retained.isSent()) continue;
      const elapsed = toElapsed(this.#context.now() - retained.at);
      const content = { kind: MessageKind.retained, publisher, sequence: question, elapsed };
      yield buildMessage(topic, content, retained.message);
    }
    yield buildMessage(topic, { kind: MessageKind.holder, publisher });
  }

  /** A value came, or word that there are any. Returns what is wrong with it, if something is. */
  receive(
    { kind, sequence: question, elapsed }: Readonly<Header>,
    body: Buffer,
    isToAll: boolean,
  ): string | undefined {
    if (isToAll) this.#search.holderCame();
    else this.#search.heardOfHolder();
    if (kind === MessageKind.holder) return undefined;
    const message = Buffer.from(body);
    const found = readFound(message);
    if (found === undefined) return 'is a malformed retained value';
    const key = message.toString('latin1', 0, found.topicLength);
    this.#search.found(key, question, fromElapsed(elapsed), found.header.time, message);
    return undefined;
  }

  /** The link is proven; called again as long as it is. */
  linkReady(): void {
    if (this.#isLinkReady) return;
    this.#isLinkReady = true;
    // Those who connect later ask; those who were there may have missed the first word.
    if (this.#store.size > 0) this.#context.post('all', { kind: MessageKind.holder });
    this.#search.linkReady();
  }

  linkLost(): void {
    this.#isLinkReady = false;
    this.#search.linkLost();
  }

  stop(): void {
    this.#search.stop();
  }
}

function readFound(message: Buffer): FoundValue | undefined {
  const topicLength = message.indexOf(TOPIC_END) + 1;
  const header = emptyHeader();
  if (topicLength === 0 || readHeader(message, topicLength, header) !== undefined) return undefined;
  if (header.kind !== MessageKind.retained || header.count !== 1) return undefined;
  return { message, header, topicLength };
}
