/**
 * The inbox: turns messages into events, for the names somebody here listens to.
 *
 * The forwarder matches by prefix and trusts everyone; here names match exactly, one's own messages are dropped
 * (no echo), what is missing is told, and bytes that do not follow docs/protocol.md are told and never thrown. The next
 * message works.
 */
import { DistributedError } from '../errors.js';
import {
  emptyHeader,
  FLAG_ACKNOWLEDGE,
  formatPublisherId,
  HEADER_BYTES,
  type Header,
  MessageKind,
  type PublisherId,
  readHeader,
} from '../wire/batch.js';
import { unpackPayloads } from '../wire/payload.js';
import { decodeTopic, MAX_TOPIC_BYTES, TOPIC_END } from '../wire/topic.js';
import { Continuity } from './continuity.js';

/** Names known only because `onAny` listens: decoded once, and forgotten in bulk when they become too many. */
const MAX_DECODED_NAMES = 4096;

export interface InboxHandlers {
  /** Events of one batch, in order. */
  onEvents(name: PropertyKey, values: readonly unknown[]): void;
  onError(error: DistributedError): void;
  /** `publisher` asks to be told that its batch `sequence` was delivered. */
  onDelivered(publisher: PublisherId, sequence: number): void;
}

/** A name that is listened to, and the epoch in which that began. */
interface Interest {
  readonly name: PropertyKey;
  readonly since: number;
}

export class Inbox {
  readonly #self: PublisherId;
  readonly #handlers: InboxHandlers;
  /** Names listened to, by topic; topics as Latin-1 strings, which map one byte to one character. */
  readonly #interests = new Map<string, Interest>();
  readonly #decoded = new Map<string, Interest>();
  readonly #continuity = new Continuity();
  /** Counts changes of what is listened to. */
  #epoch = 0;
  /** The epoch in which listening to all names began; never, while there is none. */
  #allSince = Number.POSITIVE_INFINITY;
  readonly #header = emptyHeader();

  constructor(self: PublisherId, handlers: InboxHandlers) {
    this.#self = self;
    this.#handlers = handlers;
  }

  listen(topic: Buffer, name: PropertyKey): void {
    this.#epoch += 1;
    this.#interests.set(topic.toString('latin1'), { name, since: this.#epoch });
  }

  unlisten(topic: Buffer): void {
    this.#interests.delete(topic.toString('latin1'));
  }

  listenToAll(all: boolean): void {
    this.#epoch += 1;
    this.#allSince = all ? this.#epoch : Number.POSITIVE_INFINITY;
    this.#decoded.clear();
  }

  /** A message whose topic is an event's. Its bytes are kept: payloads may refer to them. */
  receive(message: Buffer): void {
    const end = message.indexOf(TOPIC_END) + 1;
    if (end === 0 || end > MAX_TOPIC_BYTES) {
      if (this.#listensToAll) this.#foreign('has a topic that is too long or without an end', undefined);
      return;
    }
    const interest = this.#interestIn(message, end);
    if (interest === undefined) return;
    const { name } = interest;
    const header = this.#header;
    let fault = readHeader(message, end, header);
    if (fault === undefined && header.publisher === this.#self) return;
    if (header.kind !== MessageKind.batch) fault ??= `is of unknown kind ${header.kind}`;
    if (fault === undefined) {
      this.#tellLoss(header, interest);
      this.#deliver(message, end, name, header);
    } else {
      this.#foreign(fault, name);
    }
  }

  /** Tells what is missing right before a batch. */
  #tellLoss(header: Readonly<Header>, { name, since }: Interest): void {
    const missed = this.#continuity.follow(header, name, Math.min(since, this.#allSince), this.#epoch);
    if (missed === 0) return;
    const publisherId = formatPublisherId(header.publisher);
    const what = missed === 1 ? '1 event' : `${missed} events`;
    this.#handlers.onError(
      new DistributedError(
        'loss',
        'DEMITTER_LOSS',
        `${what} '${String(name)}' of ${publisherId} were lost on the way`,
        {
          eventName: name,
          missed,
          publisherId,
        },
      ),
    );
  }

  #deliver(message: Buffer, topicEnd: number, name: PropertyKey, header: Readonly<Header>): void {
    const payloadAt = topicEnd + HEADER_BYTES;
    let values: unknown[];
    try {
      values = unpackPayloads(message, payloadAt, header.count);
    } catch (cause) {
      // A count of more events than there are bytes is not to be believed.
      const missed = header.count <= message.length - payloadAt ? header.count : undefined;
      this.#handlers.onError(
        new DistributedError(
          'deserialization',
          'DEMITTER_DESERIALIZATION',
          `Events '${String(name)}' arrived that cannot be decoded: ${(cause as Error).message}`,
          { eventName: name, publisherId: formatPublisherId(header.publisher), missed, cause },
        ),
      );
      return;
    }
    const { flags, publisher, sequence } = header;
    this.#handlers.onEvents(name, values);
    if ((flags & FLAG_ACKNOWLEDGE) !== 0) this.#handlers.onDelivered(publisher, sequence);
  }

  get #listensToAll(): boolean {
    return this.#allSince !== Number.POSITIVE_INFINITY;
  }

  /** Who listens to the name behind a topic; `undefined` if nobody here does. */
  #interestIn(message: Buffer, topicEnd: number): Interest | undefined {
    const key = message.toString('latin1', 0, topicEnd);
    const known = this.#interests.get(key);
    if (known !== undefined || !this.#listensToAll) return known;
    const seen = this.#decoded.get(key);
    if (seen !== undefined) return seen;
    const name = decodeTopic(message.subarray(0, topicEnd));
    if (name === undefined) {
      this.#foreign('has a topic that stands for no event name', undefined);
      return undefined;
    }
    if (this.#decoded.size >= MAX_DECODED_NAMES) this.#decoded.clear();
    const interest = { name, since: this.#allSince };
    this.#decoded.set(key, interest);
    return interest;
  }

  #foreign(fault: string, name: PropertyKey | undefined): void {
    this.#handlers.onError(
      new DistributedError(
        'protocol',
        'DEMITTER_PROTOCOL',
        `A message arrived that is not Demitter's${name === undefined ? '' : `, as event '${String(name)}'`}: it ${fault}`,
        { eventName: name },
      ),
    );
  }
}
