/**
 * Messages of delivery itself: from one emitter to another's inbox, to its own, or to many emitters. What is posted in
 * one turn of the event loop leaves in one write. While the link is down they are lost; whoever needs an answer asks
 * again.
 */
import { buildMessage, formatPublisherId, type Header, type PublisherId } from '../wire/batch.js';
import { inboxTopic } from '../wire/topic.js';

/** The part of a transport that this needs. */
export interface PostLink {
  send(message: Buffer): boolean;
  flush(): void;
}

export type Content = Pick<Header, 'kind'> & Partial<Header>;

export class Post {
  readonly #self: PublisherId;
  readonly #link: PostLink;
  readonly #allTopic: Buffer;
  #flushScheduled = false;
  /** Of whom something was last posted to: who floods is answered again and again. */
  #latest: { readonly receiver: PublisherId; readonly topic: Buffer } | undefined;

  /** `allTopic` is the one on which all emitters are spoken to. */
  constructor(self: PublisherId, link: PostLink, allTopic: Buffer) {
    this.#self = self;
    this.#link = link;
    this.#allTopic = allTopic;
  }

  send(receiver: PublisherId | 'all', content: Content, body?: Uint8Array): void {
    this.publish(receiver === 'all' ? this.#allTopic : this.#topicOf(receiver), content, body);
  }

  /** Sends to whoever subscribed to `topic`. */
  publish(topic: Buffer, content: Content, body?: Uint8Array): void {
    this.#link.send(buildMessage(topic, { publisher: this.#self, ...content }, body));
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(() => {
      this.#flushScheduled = false;
      this.#link.flush();
    });
  }

  #topicOf(receiver: PublisherId): Buffer {
    if (this.#latest?.receiver !== receiver)
      this.#latest = { receiver, topic: inboxTopic(formatPublisherId(receiver)) };
    return this.#latest.topic;
  }
}
