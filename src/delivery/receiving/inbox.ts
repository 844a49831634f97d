/**
 * The inbox: turns messages into events, for the names somebody here listens to.
 *
 * The forwarder matches by prefix and trusts everyone; here names match exactly, one's own messages are dropped
 * (no echo), and bytes that do not follow docs/protocol.md are told and never thrown: the next message works. Order,
 * and what is missing, is each publisher's stream's business.
 */
import type { DistributedError } from '../../errors.js';
import { type Attributes, separateAttributes } from '../../wire/attributes.js';
import {
  emptyHeader,
  FLAG_ACKNOWLEDGE,
  FLAG_ANSWERS,
  FLAG_ATTRIBUTES,
  fromElapsed,
  HEADER_BYTES,
  type Header,
  MessageKind,
  type PublisherId,
  readHeader,
} from '../../wire/batch.js';
import { unpackPayloads } from '../../wire/payload.js';
import { decodeReplayed, decodeTails, type Request } from '../../wire/recovery.js';
import { TOPIC_END } from '../../wire/topic.js';
import { foreignMessageError, undecodableError } from '../failures.js';
import { type Interest, Interests } from './interests.js';
import type { Arrival } from './stream.js';
import { Streams, type StreamsOptions } from './streams.js';

export interface InboxOptions extends StreamsOptions {
  /** The largest event that is taken, in bytes of msgpack. */
  readonly maxEventBytes: number;
}

const KINDS_ON_TOPICS: ReadonlySet<number> = new Set([
  MessageKind.batch,
  MessageKind.tail,
  MessageKind.volatile,
]);

export interface InboxHandlers {
  /** Events of one batch, in order; `attributes` are theirs, if they have any. `header` is only valid during the call. */
  onEvents(
    interest: Interest,
    values: readonly unknown[],
    header: Readonly<Header>,
    attributes: readonly Attributes[] | undefined,
  ): void;
  onError(error: DistributedError): void;
  /** `publisher` asks to be told that its batch `sequence` was delivered. */
  onDelivered(publisher: PublisherId, sequence: number): void;
  /** `publisher` is to be asked for batches. */
  onMissing(publisher: PublisherId, number: number, request: Request): void;
  /** For how long, in milliseconds and in all, the link was known to work. */
  provenMs(): number;
}

export class Inbox {
  readonly interests = new Interests();
  readonly #self: PublisherId;
  readonly #maxEventBytes: number;
  readonly #handlers: InboxHandlers;
  readonly #streams: Streams;
  readonly #header = emptyHeader();
  /** The message that is being received, if its bytes are ours for good. */
  #yours: Buffer | undefined;

  constructor(self: PublisherId, options: InboxOptions, handlers: InboxHandlers) {
    this.#self = self;
    this.#maxEventBytes = options.maxEventBytes;
    this.#handlers = handlers;
    this.#streams = new Streams(this.interests, options, {
      deliver: (arrival) => this.#deliver(arrival),
      onError: (error) => handlers.onError(error),
      ask: (publisher, number, request) => handlers.onMissing(publisher, number, request),
      provenMs: () => handlers.provenMs(),
    });
  }

  /** A message whose topic is an event's. Events may share its bytes if they are `yours`. */
  receive(message: Buffer, yours = false): void {
    const interest = this.#interestIn(message);
    if (interest === undefined) return;
    const header = this.#header;
    let fault = readHeader(message, interest.topic.length, header);
    if (fault === undefined && header.publisher === this.#self) return;
    if (!KINDS_ON_TOPICS.has(header.kind)) fault ??= `is of unknown kind ${header.kind}`;
    if (fault !== undefined) {
      this.#tellForeign(fault, interest.name);
      return;
    }
    this.#yours = yours ? message : undefined;
    // It is in no order with anything, and was never promised.
    if (header.kind === MessageKind.volatile) this.#unpack({ header, interest, message });
    else this.#streams.take(header, interest, message);
    this.#yours = undefined;
  }

  /**
   * A message came to this emitter alone, with `header` and `body`, that answers a question of ours.
   *
   * @returns what is wrong with it, if something is.
   */
  receiveAnswer(header: Readonly<Header>, body: Buffer): string | undefined {
    switch (header.kind) {
      case MessageKind.replay:
        return this.#receiveReplay(header, body);
      case MessageKind.replayed: {
        const answer = decodeReplayed(body);
        if (answer === undefined) return 'is a malformed end of replays';
        this.#streams.of(header.publisher)?.replayed(header.sequence, answer);
        return undefined;
      }
      case MessageKind.tails:
        return this.#receiveTails(header.publisher, body);
      default:
        return `is of unknown kind ${header.kind}`;
    }
  }

  /** A second has passed. */
  tick(): void {
    this.#streams.tick += 1;
  }

  /** Publishers of what is listened to that were heard of lately. */
  recentPublishers(): Iterable<PublisherId> {
    return this.#streams.recentPublishers();
  }

  /** For `withinMs`, until now, anything may have been lost without a trace. */
  suspect(withinMs: number): void {
    this.#streams.suspect(withinMs);
  }

  /** Gives up what is missing, and what waits for it. */
  stop(): void {
    this.#streams.stop();
  }

  #receiveReplay({ publisher, sequence: number, previous: index, elapsed }: Readonly<Header>, body: Buffer) {
    const stream = this.#streams.of(publisher);
    if (stream === undefined) return undefined;
    const end = body.indexOf(TOPIC_END) + 1;
    const header = emptyHeader();
    const fault = end === 0 ? 'has no topic' : readHeader(body, end, header);
    if (fault !== undefined) return `replays a message that ${fault}`;
    if (header.kind !== MessageKind.batch || header.publisher !== publisher)
      return 'replays what is no batch of its sender';
    const interest = this.#interestIn(body);
    if (interest === undefined) stream.skipReplay(number, index, header.sequence);
    else stream.replay(number, index, fromElapsed(elapsed), { header, interest, message: body });
    return undefined;
  }

  #receiveTails(publisher: PublisherId, body: Buffer): string | undefined {
    const tails = decodeTails(body);
    if (tails === undefined) return 'is a malformed list of tails';
    if (publisher === this.#self) return undefined;
    const kind = MessageKind.tail;
    const flags = FLAG_ANSWERS;
    for (const { topic, sequence, position, elapsed } of tails) {
      const interest = this.#interestIn(topic);
      if (interest === undefined) continue;
      if (interest.topic.length !== topic.length) return 'tells how far something has come that is no topic';
      const header = { kind, flags, count: 1, publisher, sequence, previous: 0, position, elapsed, time: 0 };
      this.#streams.take(header, interest, topic);
    }
    return undefined;
  }

  #deliver(arrival: Arrival): void {
    const { flags, publisher, sequence } = arrival.header;
    this.#unpack(arrival);
    // Also what could not be decoded: nobody is to wait for it.
    if ((flags & FLAG_ACKNOWLEDGE) !== 0) this.#handlers.onDelivered(publisher, sequence);
  }

  #unpack({ header, interest, message }: Arrival): void {
    const payloadAt = interest.topic.length + HEADER_BYTES;
    const { count, publisher } = header;
    let values: unknown[];
    let attributes: Attributes[] | undefined;
    try {
      values = unpackPayloads(message, payloadAt, count, this.#maxEventBytes, message === this.#yours);
      if ((header.flags & FLAG_ATTRIBUTES) !== 0) attributes = separateAttributes(values);
    } catch (cause) {
      const { name, space } = interest;
      // A count of more events than there are bytes is not to be believed.
      const missed = count <= message.length - payloadAt ? count : undefined;
      this.#handlers.onError(undecodableError(publisher, name, space.channel, missed, cause as Error));
      return;
    }
    this.#handlers.onEvents(interest, values, header, attributes);
  }

  /** Who listens to the name of a message; `undefined` if nobody here does. */
  #interestIn(message: Buffer): Interest | undefined {
    const interest = this.interests.of(message);
    if (typeof interest !== 'string') return interest;
    this.#tellForeign(interest, undefined);
    return undefined;
  }

  #tellForeign(fault: string, name: PropertyKey | undefined): void {
    this.#handlers.onError(foreignMessageError(fault, name));
  }
}
