/**
 * Delivery: an emitter's remote half. It owns the transport and keeps, over any of them, what the README promises.
 *
 * Sending, inbox, liveness and heartbeat each do one thing; here they are joined to the link and to one status. The
 * emitter above sees names and values, the transport below sees bytes.
 */
import { DemitterError, DistributedError, isSecurityError } from '../errors.js';
import type { Hosting } from '../hosting.js';
import type { ResolvedOptions } from '../options.js';
import type { Peer, PeerLeave } from '../peer.js';
import { mayReceive, maySend, notPermittedError } from '../rights.js';
import { canFollow, type Status } from '../status.js';
import type { LinkStatus, Transport, TransportFactory } from '../transport/transport.js';
import { type Attributes, separateAttributes, toPair } from '../wire/attributes.js';
import {
  FLAG_ATTRIBUTES,
  formatPublisherId,
  HEADER_BYTES,
  type Header,
  MessageKind,
  type PublisherId,
  randomPublisherId,
  toElapsed,
} from '../wire/batch.js';
import { PayloadError, packPayload, unpackPayloads } from '../wire/payload.js';
import { encodeRequest, encodeTopics } from '../wire/recovery.js';
import type { Space } from '../wire/space.js';
import { allEmittersTopic, decodeTopic, encodeTopic, inboxTopic, MAX_TOPIC_BYTES } from '../wire/topic.js';
import { settledBefore } from './deadline.js';
import { Dispatch } from './dispatch.js';
import {
  cannotWatchError,
  closedError,
  connectTimeoutError,
  foreignMessageError,
  notConnectedError,
  outageError,
  overflowError,
  readyTimeoutError,
  retainedForgottenError,
  securityError,
  undecodableError,
  unsendableError,
} from './failures.js';
import { Heartbeat } from './heartbeat.js';
import { Liveness } from './liveness.js';
import { Post, type PostLink } from './post.js';
import { Presence, type WatchReason } from './presence/presence.js';
import { Inbox } from './receiving/inbox.js';
import { Inquirer } from './receiving/inquirer.js';
import type { Interest, NameFilter, PrefixInterest } from './receiving/interests.js';
import { Refusals } from './refusals.js';
import { type FoundValue, Retention } from './retention/retention.js';
import type { Acceptance } from './sending/outbox.js';
import { checkTopic, EventTooLargeError } from './sending/publications.js';
import { Sending } from './sending/sending.js';

/** A retained value that was found. */
export interface RetainedValue {
  readonly value: unknown;
  readonly header: Readonly<Header>;
  readonly attributes: Attributes | undefined;
}

export type { Interest, PrefixInterest } from './receiving/interests.js';

export interface DeliveryHandlers {
  /**
   * Events of another emitter, in the order in which it emitted them; `attributes` are theirs, if they have any. `header`
   * is only valid during the call.
   */
  onEvents(
    interest: Interest,
    values: readonly unknown[],
    header: Readonly<Header>,
    attributes: readonly Attributes[] | undefined,
  ): void;
  onError(error: DistributedError): void;
  onStatus(status: Status, previous: Status, cause: Error | undefined): void;
  /** The search for a retained value of the topic `key` has ended: with this one, if there is any. */
  onRetained(key: string, found: RetainedValue | undefined): void;
  onJoin(peer: Peer): void;
  onLeave(leave: PeerLeave): void;
}

export class Delivery {
  readonly id: string;
  readonly #inboxTopic: Buffer;
  readonly #options: ResolvedOptions;
  readonly #handlers: DeliveryHandlers;
  readonly #transport: Transport;
  readonly #sending: Sending;
  readonly #inbox: Inbox;
  readonly #post: Post;
  readonly #liveness: Liveness;
  readonly #heartbeat: Heartbeat;
  readonly #inquirer: Inquirer;
  readonly #presence: Presence;
  readonly #retention: Retention;
  readonly #dispatch: Dispatch;
  readonly #refusals: Refusals;
  readonly #hosting: Hosting | undefined;
  #status: Status = 'idle';
  /** Why events are not taken for sending, if they are not. */
  #refusal: 'forbidden' | 'closed' | undefined;
  #lastLinkError: Error | undefined;
  #closed: Promise<void> | undefined;

  /** `hosting`: who may run the forwarder here, if it is this emitter's business. */
  constructor(
    options: ResolvedOptions,
    createTransport: TransportFactory,
    handlers: DeliveryHandlers,
    hosting?: Hosting,
  ) {
    const publisher = randomPublisherId();
    this.id = formatPublisherId(publisher);
    this.#options = options;
    this.#handlers = handlers;
    this.#hosting = hosting;
    const { xsubAddress, xpubAddress, maxMessageBytes, rights } = options;
    const isOneWay = rights !== 'both';
    if (!maySend(rights)) this.#refusal = 'forbidden';
    this.#transport = createTransport({ xsubAddress, xpubAddress, maxMessageBytes, rights });
    const now = (): number => performance.now();
    this.#sending = new Sending(publisher, options, this.#transport, {
      now,
      latencyMs: () => this.#heartbeat.latency ?? 0,
      unprovenMs: () => this.#heartbeat.unprovenMs,
    });
    const allTopic = allEmittersTopic(options.namespace);
    this.#post = new Post(publisher, maySend(rights) ? this.#sending : NOWHERE, allTopic);
    this.#inbox = new Inbox(
      publisher,
      {
        now,
        recoveryTimeoutMs: options.recoveryTimeout,
        maxEventBytes: options.maxEventBytes,
        canAsk: !isOneWay,
      },
      {
        onEvents: (interest, values, header, attributes) =>
          handlers.onEvents(interest, values, header, attributes),
        onError: (error) => handlers.onError(error),
        onDelivered: (sender, sequence) =>
          this.#post.send(sender, { kind: MessageKind.acknowledgement, sequence }),
        onMissing: (sender, sequence, request) =>
          this.#post.send(sender, { kind: MessageKind.request, sequence }, encodeRequest(request)),
        provenMs: () => this.#heartbeat.provenMs,
      },
    );
    this.#inboxTopic = inboxTopic(this.id);
    // Nobody needs an answer of one that does not send, or gets one of one that does not hear.
    if (!isOneWay) for (const topic of [this.#inboxTopic, allTopic]) this.#transport.subscribe(topic);
    const ring = {
      send: (message: Buffer): boolean => this.#sending.send(message),
      flush: (): void => this.#transport.flush(),
      subscribe: (topic: Uint8Array): void => this.#transport.subscribe(topic),
      unsubscribe: (topic: Uint8Array): void => this.#transport.unsubscribe(topic),
      confirm: isOneWay ? (onConfirmed: () => void): void => this.#confirm(onConfirmed) : undefined,
    };
    this.#liveness = new Liveness(publisher, ring, (subscriptions) => {
      this.#inbox.interests.prove(subscriptions, now());
      this.#setStatus('ready');
      this.#heartbeat.start();
      this.#sending.proven();
      this.#presence.linkProven(subscriptions);
      if (!isOneWay) this.#retention.linkReady();
    });
    this.#heartbeat = new Heartbeat(now, {
      beat: (sequence) => {
        this.#inbox.tick();
        if (isOneWay) this.#confirm(() => this.#beatConfirmed(sequence));
        else this.#post.send(publisher, { kind: MessageKind.probe, sequence });
      },
      onOutage: (withinMs) => this.#sufferOutage(withinMs),
      onSilence: () => this.#proveAgain(),
      onBeatless: () => this.#subscribeToInboxAgain(),
      onReturn: (sentAt) => this.#presence.proved(sentAt),
    });
    this.#inquirer = new Inquirer({
      now,
      random: Math.random,
      publishers: () => this.#inbox.recentPublishers(),
      inquire: (receiver, withinMs) => this.#inquire(receiver, withinMs),
    });
    this.#retention = new Retention(publisher, {
      namespace: options.namespace,
      maxBytes: options.retainedBytes,
      now,
      inForceSince: (message) => {
        const { interests } = this.#inbox;
        const interest = interests.of(message);
        return typeof interest === 'object' ? interests.inForceSince(interest) : Number.POSITIVE_INFINITY;
      },
      latencyMs: () => this.#heartbeat.latency ?? 0,
      inForce: () => this.#liveness.confirmed(),
      subscribe: (topic) => void this.#subscribe(topic),
      publish: (topic, content, body) => this.#post.publish(topic, content, body),
      flush: () => this.#sending.outbox.flush(),
      post: (receiver, content) => this.#post.send(receiver, content),
      answer: (asker, question, topics, answer) => this.#sending.answer(asker, question, topics, answer),
      onFound: (key, found) => this.#foundRetained(key, found),
      // Not within the call of `emit`, as in #tellUnsendable.
      onForgotten: (count) =>
        void setImmediate(() => handlers.onError(retainedForgottenError(options, count))),
    });
    this.#presence = new Presence(publisher, options.presence, {
      now,
      timeOfDay: () => this.time / 1000,
      namespace: options.namespace,
      hears: mayReceive(rights),
      latencyMs: () => this.#heartbeat.latency ?? 0,
      subscribe: (topic) => this.#subscribe(topic),
      unsubscribe: (topic) => this.#unsubscribe(topic),
      // Nobody waits for it, so that its end without success is nobody's concern.
      prove: () => void this.#liveness.confirmed().catch(() => undefined),
      publish: (topic, content, body) => this.#post.publish(topic, content, body),
      post: (receiver, content) => this.#post.send(receiver, content),
      beat: () => this.#heartbeat.beatNow(),
      onJoin: (peer) => handlers.onJoin(peer),
      onLeave: (leave) => handlers.onLeave(leave),
    });
    this.#refusals = new Refusals(options, (error) => handlers.onError(error));
    const topics = { inbox: this.#inboxTopic, all: allTopic };
    const destinations = {
      sending: this.#sending,
      inbox: this.#inbox,
      inquirer: this.#inquirer,
      liveness: this.#liveness,
      heartbeat: this.#heartbeat,
      presence: this.#presence,
      retention: this.#retention,
    };
    this.#dispatch = new Dispatch(publisher, options.namespace, topics, destinations, (fault) =>
      handlers.onError(foreignMessageError(fault)),
    );
  }

  get status(): Status {
    return this.#status;
  }

  /** The last round trip through the forwarder, in milliseconds. */
  get latency(): number | undefined {
    return this.#heartbeat.latency;
  }

  /** The time of day that goes with what is sent now: microseconds since 1970. */
  get time(): number {
    return this.#sending.time;
  }

  get #isClosing(): boolean {
    return this.#status === 'closing' || this.#status === 'closed';
  }

  /** Starts to make the link. Allowed once, from `idle`. */
  open(): void {
    this.#setStatus('connecting');
    // A forwarder of one's own is there for the first attempt, which saves the pause until the second.
    if (this.#hosting === undefined) this.#openTransport();
    else void this.#hosting.open().then(() => this.#openTransport());
  }

  #openTransport(): void {
    this.#transport.open({
      onMessage: (message, yours = false) => this.#dispatch.receive(message, yours),
      onStatus: (link, cause) => this.#onLink(link, cause),
      onDrain: () => this.#sending.drained(),
      onSecurityFailure: (cause) => {
        this.#lastLinkError = cause;
        this.#handlers.onError(securityError(cause));
      },
      onDropped: (cause) =>
        this.#handlers.onError(
          new DistributedError('protocol', 'DEMITTER_PROTOCOL', cause.message, { cause }),
        ),
    });
  }

  /**
   * Takes an event for sending. Never throws: what cannot be sent is told by `onError`.
   *
   * @returns a promise that resolves when there is room for more, or `undefined` if that is now.
   */
  publish(
    name: PropertyKey,
    value: unknown,
    space: Space,
    attributes?: Attributes,
  ): Promise<void> | undefined {
    const refusal = this.#refusal;
    if (refusal !== undefined) {
      if (encodeTopic(name) !== undefined) this.#refusals.add(refusal, name);
      return undefined;
    }
    try {
      const acceptance = this.#sending.outbox.push(name, value, space, attributes);
      if (acceptance === 'local') return undefined;
      if (acceptance === 'overflow') this.#refusals.add('overflow', name);
    } catch (cause) {
      this.#tellUnsendable(name, cause, 'sent');
    }
    // Without a link to wait for, waiting would be for ever.
    return this.#status === 'idle' ? undefined : this.#sending.outbox.room();
  }

  /**
   * As {@link publish}, for what somebody waits for.
   *
   * @throws DemitterError `DEMITTER_SERIALIZATION`, `DEMITTER_EVENT_TOO_LARGE`, `DEMITTER_OVERFLOW` or `DEMITTER_CLOSED`: it
   *   was not sent.
   */
  send(name: PropertyKey, value: unknown, space: Space, attributes?: Attributes): void {
    if (this.#isClosing) throw closedError();
    let acceptance: Acceptance;
    try {
      acceptance = this.#sending.outbox.push(name, value, space, attributes);
    } catch (cause) {
      throw isUnsendable(cause) ? unsendableError(name, cause, 'sent') : cause;
    }
    if (acceptance === 'overflow') throw overflowError(this.#options);
  }

  /**
   * Sends an event now or never, as {@link Outbox.pushVolatile}. Never throws: what cannot be sent is told by `onError`.
   *
   * @returns whether it was dropped.
   */
  publishVolatile(name: PropertyKey, value: unknown, space: Space, attributes?: Attributes): boolean {
    if (this.#refusal === 'forbidden') {
      const travels = encodeTopic(name) !== undefined;
      if (travels) this.#refusals.add('forbidden', name);
      return travels;
    }
    try {
      if (this.#status === 'ready')
        return this.#sending.outbox.pushVolatile(name, value, space, attributes) === 'dropped';
      return encodeTopic(name) !== undefined;
    } catch (cause) {
      this.#tellUnsendable(name, cause, 'sent');
      return false;
    }
  }

  /**
   * Keeps a value for those who begin to listen to `name` later; it is sent by {@link publish} as well. Never throws: what
   * cannot be kept cannot be sent either, which is told there.
   */
  retain(name: PropertyKey, value: unknown, space: Space, attributes?: Attributes): void {
    const topic = encodeTopic(name, space);
    if (topic === undefined || this.#refusal !== undefined) return;
    if (!mayReceive(this.#options.rights)) {
      this.#refusals.add('unretained', name);
      return;
    }
    try {
      const payload = packPayload(attributes === undefined ? value : toPair(attributes, value));
      if (payload.length > this.#options.maxEventBytes) return;
      const flags = attributes === undefined ? 0 : FLAG_ATTRIBUTES;
      const isSent = this.#sending.sentAllOf(name, space);
      this.#retention.retain(topic, flags, this.time, payload, isSent);
    } catch (cause) {
      if (!isUnsendable(cause)) throw cause;
    }
  }

  /**
   * Looks for the newest retained value of `name`: `onRetained` tells the outcome, once, under the key that this returns.
   * `undefined` if there is nothing to look for: the name stays in this process, nobody can be asked, or it is closed.
   */
  seekRetained(name: PropertyKey, space: Space): string | undefined {
    const canAsk = this.#options.rights === 'both' && !this.#isClosing;
    const topic = canAsk ? encodeTopic(name, space) : undefined;
    if (topic === undefined || topic.length > MAX_TOPIC_BYTES) return undefined;
    this.#retention.seek(topic);
    return topic.toString('latin1');
  }

  /** Receives events of `name` from here on; in force when {@link ready} resolves. */
  listen(name: PropertyKey, space: Space): void {
    const topic = encodeTopic(name, space);
    if (topic === undefined) return;
    try {
      checkTopic(topic);
    } catch (cause) {
      this.#tellUnsendable(name, cause, 'listened to beyond this process');
      return;
    }
    const { interests } = this.#inbox;
    interests.subscribed(interests.listen(topic, name, space), this.#subscribe(topic));
  }

  unlisten(name: PropertyKey, space: Space): void {
    const topic = encodeTopic(name, space);
    if (topic === undefined) return;
    this.#inbox.interests.unlisten(topic);
    this.#unsubscribe(topic);
  }

  /** As {@link listen}, for all names of `space` that match and whose topics begin with `prefix`. */
  listenToPrefix(prefix: Buffer, space: Space, matches?: NameFilter): PrefixInterest | undefined {
    try {
      checkTopic(prefix);
    } catch (cause) {
      const name = prefix.toString('utf8', space.prefix.length + 1);
      this.#tellUnsendable(name, cause, 'listened to beyond this process');
      return undefined;
    }
    const { interests } = this.#inbox;
    const interest = interests.listenToPrefix(prefix, space, matches);
    interests.subscribed(interest, this.#subscribe(prefix));
    return interest;
  }

  unlistenToPrefix(interest: PrefixInterest): void {
    if (this.#inbox.interests.unlistenToPrefix(interest)) this.#unsubscribe(interest.prefix);
  }

  /** Resolves when the link works in both directions and everything listened to so far is in force. */
  async ready(timeoutMs?: number): Promise<void> {
    if (this.#status === 'idle') throw notConnectedError();
    if (this.#isClosing) throw closedError();
    const confirmed = this.#liveness.confirmed();
    if (timeoutMs === undefined) return confirmed;
    if (await settledBefore(performance.now() + timeoutMs, confirmed)) return;
    throw readyTimeoutError(this.#options, timeoutMs, this.#lastLinkError);
  }

  /** Tells who joins and leaves, for `reason`, from here on or not any more. */
  watch(reason: WatchReason, wanted: boolean): void {
    const { rights } = this.#options;
    if (this.#isClosing) return;
    if (rights === 'both') this.#presence.watch(reason, wanted);
    // Not within the call of `on`: who listens to errors may do so only after it.
    else if (wanted) setImmediate(() => this.#handlers.onError(cannotWatchError(rights)));
  }

  /** Who else takes part in presence. Rejects as {@link ready} does. */
  async peers(): Promise<readonly Peer[]> {
    const { rights } = this.#options;
    if (rights !== 'both') throw notPermittedError('Who else is connected cannot be known', rights);
    if (this.#status === 'idle') throw notConnectedError();
    if (this.#isClosing) throw closedError();
    return this.#presence.peers();
  }

  /** Why there is no working link, once `connectTimeout` has passed without one. */
  tellConnectTimeout(): void {
    this.#handlers.onError(connectTimeoutError(this.#options, this.#lastLinkError, this.#hosting?.failure));
  }

  /** Sends what was emitted, until `deadline` (of `performance.now()`) at the latest, and releases everything. */
  close(deadline: number): Promise<void> {
    this.#closed ??= this.#close(deadline);
    return this.#closed;
  }

  async #close(deadline: number): Promise<void> {
    const hasLink = this.#status !== 'idle';
    this.#refusal ??= 'closed';
    this.#setStatus('closing');
    if (hasLink) await this.#sending.finish(deadline);
    await this.#handOver(deadline);
    this.#presence.close();
    this.#liveness.stop(closedError());
    this.#heartbeat.stop();
    this.#inquirer.stop();
    this.#retention.stop();
    this.#inbox.stop();
    const unsent = await this.#sending.close(deadline);
    if (unsent > 0) this.#refusals.add('unsent', undefined, unsent);
    this.#refusals.tell();
    await this.#hosting?.release();
    this.#setStatus('closed');
  }

  /** A forwarder that runs here ends with this emitter: who misses something by that can ask, once another one runs. */
  async #handOver(deadline: number): Promise<void> {
    const stopForwarder = await this.#hosting?.handOver(deadline);
    if (stopForwarder === undefined) return;
    // Before it happens: the next link may be there before all of this one is gone.
    this.#sending.doubt();
    await stopForwarder();
    await this.#sending.finish(deadline);
  }

  /** Returns the number of the subscription. */
  #subscribe(topic: Buffer): number {
    if (!this.#isClosing && mayReceive(this.#options.rights)) this.#transport.subscribe(topic);
    return this.#liveness.subscribed();
  }

  #unsubscribe(topic: Buffer): void {
    if (!this.#isClosing) this.#transport.unsubscribe(topic);
  }

  /** As {@link Transport.confirm}. */
  #confirm(onConfirmed: () => void): void {
    if (this.#transport.confirm === undefined) setImmediate(onConfirmed);
    else this.#transport.confirm(onConfirmed);
  }

  #beatConfirmed(sequence: number): void {
    this.#heartbeat.heard();
    this.#heartbeat.receive(sequence);
  }

  /** Undoes {@link seekRetained}, and returns its key. */
  seekNoMore(name: PropertyKey, space: Space): string | undefined {
    const key = encodeTopic(name, space)?.toString('latin1');
    if (key !== undefined) this.#retention.seekNoMore(key);
    return key;
  }

  #foundRetained(key: string, found: FoundValue | undefined): void {
    if (found === undefined) {
      this.#handlers.onRetained(key, undefined);
      return;
    }
    const { message, header, topicLength } = found;
    try {
      const values = unpackPayloads(message, topicLength + HEADER_BYTES, 1, this.#options.maxEventBytes);
      const hasAttributes = (header.flags & FLAG_ATTRIBUTES) !== 0;
      const [attributes] = hasAttributes ? separateAttributes(values) : [];
      this.#handlers.onRetained(key, { value: values[0], header, attributes });
    } catch (cause) {
      this.#handlers.onRetained(key, undefined);
      const name = decodeTopic(message.subarray(0, topicLength)) ?? '';
      this.#handlers.onError(undecodableError(header.publisher, name, undefined, 1, cause as Error));
    }
  }

  /** For `withinMs`, until now, anything may have been lost: says what was sent in that time, and asks what was missed. */
  #sufferOutage(withinMs: number): void {
    this.#sending.markRecent(withinMs);
    this.#inbox.suspect(withinMs);
    if (this.#options.rights === 'both') this.#inquirer.outage(withinMs);
  }

  #inquire(receiver: PublisherId | 'all', withinMs: number): void {
    const { interests } = this.#inbox;
    if (interests.isEmpty) return;
    const content = { kind: MessageKind.inquiry, elapsed: toElapsed(withinMs) };
    this.#post.send(receiver, content, encodeTopics(interests.topics()));
  }

  /** The link is there, but nothing comes through. */
  #proveAgain(): void {
    this.#sending.doubt();
    this.#lostLink(new DemitterError('DEMITTER_NETWORK', 'The forwarder does not return probes any more'));
    this.#heartbeat.stop();
    this.#presence.linkLost();
    this.#retention.linkLost();
    this.#liveness.setLinkUp(true);
  }

  /** What the forwarder has may be another inbox, if the subscription was damaged: no answer would ever arrive. */
  #subscribeToInboxAgain(): void {
    if (this.#options.rights !== 'both') return;
    this.#unsubscribe(this.#inboxTopic);
    this.#transport.subscribe(this.#inboxTopic);
  }

  #onLink(link: LinkStatus, cause: Error | undefined): void {
    this.#lastLinkError = cause;
    this.#hosting?.setLink(link);
    if (link === 'up') {
      this.#sending.linkUp();
    } else {
      this.#sending.linkDown();
      this.#heartbeat.stop();
      this.#inquirer.stop();
      this.#presence.linkLost();
      this.#retention.linkLost();
      this.#lostLink(cause);
    }
    this.#liveness.setLinkUp(link === 'up');
  }

  /** An outage after the first link is told at once; before it, `connectTimeout` decides whether there is one. */
  #lostLink(cause: Error | undefined): void {
    if (this.#status !== 'ready') return;
    this.#setStatus('reconnecting', cause);
    // Told already, as what it is.
    if (!isSecurityError(cause)) this.#handlers.onError(outageError(cause));
  }

  #setStatus(status: Status, cause?: Error): void {
    const previous = this.#status;
    if (!canFollow(previous, status)) return;
    this.#status = status;
    this.#handlers.onStatus(status, previous, cause);
  }

  #tellUnsendable(name: PropertyKey, cause: unknown, what: string): void {
    if (!isUnsendable(cause)) throw cause;
    const error = unsendableError(name, cause, what);
    // Not within the call of `emit`, nor before the event loop has turned: a listener that emits the same again would
    // recurse without end.
    setImmediate(() => this.#handlers.onError(error));
  }
}

/** Where an emitter posts that may not send. */
const NOWHERE: PostLink = { send: () => true, flush: () => {} };

function isUnsendable(cause: unknown): cause is PayloadError | EventTooLargeError {
  return cause instanceof PayloadError || cause instanceof EventTooLargeError;
}
