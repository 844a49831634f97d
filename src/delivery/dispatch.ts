/**
 * Dispatch: hands each message that comes in to the part of delivery whose business it is, by the kind of its topic, and
 * what came to this emitter itself by the kind of the message.
 */
import {
  emptyHeader,
  fromElapsed,
  HEADER_BYTES,
  type Header,
  MessageKind,
  type PublisherId,
  readHeader,
} from '../wire/batch.js';
import { decodeRequest, decodeTopics } from '../wire/recovery.js';
import { encodeNamespace, isSpaceKind, NAMESPACE_KIND } from '../wire/space.js';
import { retainedTopic, TopicKind } from '../wire/topic.js';
import type { Heartbeat } from './heartbeat.js';
import type { Liveness } from './liveness.js';
import type { Presence } from './presence/presence.js';
import type { Inbox } from './receiving/inbox.js';
import type { Inquirer } from './receiving/inquirer.js';
import type { Retention } from './retention/retention.js';
import type { Sending } from './sending/sending.js';

/** Who gets what. */
export interface Destinations {
  readonly sending: Sending;
  readonly inbox: Inbox;
  readonly inquirer: Inquirer;
  readonly liveness: Liveness;
  readonly heartbeat: Heartbeat;
  readonly presence: Presence;
  readonly retention: Retention;
}

/** Topics that an emitter subscribes to for itself. */
export interface OwnTopics {
  /** Of this emitter alone. */
  readonly inbox: Buffer;
  /** Of all emitters of the namespace. */
  readonly all: Buffer;
}

export class Dispatch {
  readonly #publisher: PublisherId;
  readonly #to: Destinations;
  readonly #topics: OwnTopics;
  readonly #retainedTopic: Buffer;
  /** Where in a topic of the namespace the kind is. */
  readonly #kindAt: number;
  readonly #tellForeign: (fault: string) => void;

  /** `tellForeign` is told what is wrong with a message that is not as docs/protocol.md has it. */
  constructor(
    publisher: PublisherId,
    namespace: string,
    topics: OwnTopics,
    destinations: Destinations,
    tellForeign: (fault: string) => void,
  ) {
    this.#publisher = publisher;
    this.#to = destinations;
    this.#topics = topics;
    this.#retainedTopic = retainedTopic(namespace);
    this.#kindAt = encodeNamespace(namespace).length;
    this.#tellForeign = tellForeign;
  }

  /** A message came; its bytes are only valid during the call, unless they are `yours`. */
  receive(message: Buffer, yours: boolean): void {
    const to = this.#to;
    to.heartbeat.heard();
    const first = message[0];
    const kind = first === NAMESPACE_KIND ? message[this.#kindAt] : first;
    if (isSpaceKind(kind)) to.inbox.receive(message, yours);
    else if (kind === TopicKind.probe) to.liveness.receive(message);
    else if (kind === TopicKind.inbox) this.#receivePost(message, this.#topics.inbox);
    else if (kind === TopicKind.all) this.#receivePost(message, this.#topics.all);
    else if (kind === TopicKind.retained) this.#receivePost(message, this.#retainedTopic);
    else if (kind === TopicKind.presence) this.#tell(to.presence.receive(message));
  }

  /** A message of another emitter's delivery, or of this one's heartbeat. */
  #receivePost(message: Buffer, topic: Buffer): void {
    const { length } = topic;
    const header = emptyHeader();
    if (!message.subarray(0, length).equals(topic)) return;
    this.#tell(
      readHeader(message, length, header) ??
        this.#obey(header, message.subarray(length + HEADER_BYTES), topic === this.#topics.all),
    );
  }

  #tell(fault: string | undefined): void {
    if (fault !== undefined) this.#tellForeign(fault);
  }

  /** Returns what is wrong with the message, if something is. */
  #obey(header: Readonly<Header>, body: Buffer, isToAll: boolean): string | undefined {
    const { kind, publisher, sequence } = header;
    const { sending, inbox, inquirer, heartbeat, presence, retention } = this.#to;
    const isOwn = publisher === this.#publisher;
    switch (kind) {
      case MessageKind.acknowledgement:
        sending.outbox.acknowledge(publisher, sequence);
        return undefined;
      case MessageKind.probe:
        if (isOwn) heartbeat.receive(sequence);
        return undefined;
      case MessageKind.request: {
        // A copy: it is answered later, and the transport's bytes are valid during its call.
        const request = decodeRequest(Buffer.from(body));
        if (request === undefined) return 'is a malformed request';
        sending.replay(publisher, sequence, request);
        return undefined;
      }
      case MessageKind.inquiry: {
        const topics = decodeTopics(Buffer.from(body));
        if (topics === undefined) return 'is a malformed inquiry';
        if (isToAll) inquirer.heard();
        if (!isOwn) sending.tellTails(publisher, topics, fromElapsed(header.elapsed));
        return undefined;
      }
      case MessageKind.retainedQuery: {
        const topics = decodeTopics(Buffer.from(body));
        if (topics === undefined) return 'is a malformed question for retained values';
        retention.answer(publisher, sequence, topics);
        return undefined;
      }
      case MessageKind.retained:
      case MessageKind.holder:
        return isOwn ? undefined : retention.receive(header, body, isToAll);
      case MessageKind.rollCall:
        presence.asked();
        return undefined;
      default:
        return inbox.receiveAnswer(header, body);
    }
  }
}
