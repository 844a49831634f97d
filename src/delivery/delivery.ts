/**
 * Delivery: an emitter's remote half. It owns the transport and keeps, over any of them, what the README promises.
 *
 * Outbox, inbox and liveness each do one thing; here they are joined to the link and to one status. The emitter
 * above sees names and values, the transport below sees bytes.
 */
import { DemitterError, DistributedError } from '../errors.js';
import type { ResolvedOptions } from '../options.js';
import { canFollow, type Status } from '../status.js';
import type { LinkStatus, Transport, TransportFactory } from '../transport/transport.js';
import {
  buildMessage,
  emptyHeader,
  formatPublisherId,
  MessageKind,
  type PublisherId,
  randomPublisherId,
  readHeader,
} from '../wire/batch.js';
import { PayloadError } from '../wire/payload.js';
import { ALL_EVENTS, encodeTopic, inboxTopic, TopicKind } from '../wire/topic.js';
import { checkTopic, EventTooLargeError } from './channels.js';
import { Inbox } from './inbox.js';
import { Liveness } from './liveness.js';
import { Outbox } from './outbox.js';
import { Refusals } from './refusals.js';

export interface DeliveryHandlers {
  /** Events of another emitter, in the order in which it emitted them. */
  onEvents(name: PropertyKey, values: readonly unknown[]): void;
  onError(error: DistributedError): void;
  onStatus(status: Status, previous: Status, cause: Error | undefined): void;
}

export class Delivery {
  readonly id: string;
  readonly #publisher: PublisherId;
  readonly #inboxTopic: Buffer;
  readonly #options: ResolvedOptions;
  readonly #handlers: DeliveryHandlers;
  readonly #transport: Transport;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;
  readonly #liveness: Liveness;
  readonly #refusals: Refusals;
  #status: Status = 'idle';
  #flushScheduled = false;
  #lastLinkError: Error | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ResolvedOptions, createTransport: TransportFactory, handlers: DeliveryHandlers) {
    const publisher = randomPublisherId();
    this.#publisher = publisher;
    this.id = formatPublisherId(publisher);
    this.#options = options;
    this.#handlers = handlers;
    const { xsubAddress, xpubAddress, maxMessageBytes } = options;
    this.#transport = createTransport({ xsubAddress, xpubAddress, maxMessageBytes });
    this.#outbox = new Outbox({ ...options, publisher, now: () => performance.now() }, this.#transport);
    this.#inbox = new Inbox(publisher, {
      onEvents: (name, values) => handlers.onEvents(name, values),
      onError: (error) => handlers.onError(error),
      onDelivered: (sender, sequence) => this.#acknowledge(sender, sequence),
    });
    this.#inboxTopic = inboxTopic(this.id);
    this.#transport.subscribe(this.#inboxTopic);
    this.#liveness = new Liveness(publisher, this.#transport, () => this.#setStatus('ready'));
    this.#refusals = new Refusals(options, (error) => handlers.onError(error));
  }

  get status(): Status {
    return this.#status;
  }

  get #isClosing(): boolean {
    return this.#status === 'closing' || this.#status === 'closed';
  }

  /** Starts to make the link. Allowed once, from `idle`. */
  open(): void {
    this.#setStatus('connecting');
    this.#transport.open({
      onMessage: (message) => this.#receive(message),
      onStatus: (link, cause) => this.#onLink(link, cause),
      onDrain: () => this.#outbox.setLinkOpen(true),
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
  publish(name: PropertyKey, value: unknown): Promise<void> | undefined {
    if (this.#isClosing) {
      if (encodeTopic(name) !== undefined) this.#refusals.add('closed', name);
      return undefined;
    }
    try {
      const acceptance = this.#outbox.push(name, value);
      if (acceptance === 'local') return undefined;
      if (acceptance === 'overflow') this.#refusals.add('overflow', name);
    } catch (cause) {
      this.#tellUnsendable(name, cause, 'sent');
    }
    // Without a link to wait for, waiting would be for ever.
    return this.#status === 'idle' ? undefined : this.#outbox.room();
  }

  /** Receives events of `name` from here on; in force when {@link ready} resolves. */
  listen(name: PropertyKey): void {
    const topic = encodeTopic(name);
    if (topic === undefined) return;
    try {
      checkTopic(topic);
    } catch (cause) {
      this.#tellUnsendable(name, cause, 'listened to beyond this process');
      return;
    }
    this.#inbox.listen(topic, name);
    this.#subscribe(topic);
  }

  unlisten(name: PropertyKey): void {
    const topic = encodeTopic(name);
    if (topic === undefined) return;
    this.#inbox.unlisten(topic);
    this.#unsubscribe(topic);
  }

  listenToAll(all: boolean): void {
    this.#inbox.listenToAll(all);
    if (all) this.#subscribe(ALL_EVENTS);
    else this.#unsubscribe(ALL_EVENTS);
  }

  /** Resolves when the link works in both directions and everything listened to so far is in force. */
  async ready(timeoutMs?: number): Promise<void> {
    if (this.#status === 'idle') {
      throw new DemitterError(
        'DEMITTER_NOT_CONNECTED',
        'This emitter is not connected: call `connect()` first',
      );
    }
    if (this.#isClosing) throw closedError();
    const confirmed = this.#liveness.confirmed();
    if (timeoutMs === undefined) return confirmed;
    if (!(await settledBefore(performance.now() + timeoutMs, confirmed))) throw this.#timeoutError(timeoutMs);
  }

  /** Why there is no working link, once `connectTimeout` has passed without one. */
  tellConnectTimeout(): void {
    const { connectTimeout, xsubAddress, xpubAddress } = this.#options;
    const reason = this.#lastLinkError === undefined ? '' : ` (${this.#lastLinkError.message})`;
    this.#handlers.onError(
      new DistributedError(
        'network',
        'DEMITTER_CONNECT_TIMEOUT',
        `No working link to the forwarder at ${xsubAddress} and ${xpubAddress} within ${connectTimeout} ms${reason}. ` +
          'Is it running? Connecting goes on, and events wait in the buffer',
        { cause: this.#lastLinkError },
      ),
    );
  }

  /** Sends what was emitted, for at most `closeTimeout`, and releases everything. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const deadline = performance.now() + this.#options.closeTimeout;
    const hasLink = this.#status !== 'idle';
    this.#setStatus('closing');
    if (hasLink) await settledBefore(deadline, this.#outbox.drained());
    this.#liveness.stop(closedError());
    const unsentBytes = await this.#transport.close(Math.max(0, deadline - performance.now()));
    const unsent = this.#outbox.discard(unsentBytes);
    if (unsent > 0) this.#refusals.add('unsent', undefined, unsent);
    this.#refusals.tell();
    this.#setStatus('closed');
  }

  #subscribe(topic: Buffer): void {
    if (this.#isClosing) return;
    this.#transport.subscribe(topic);
    this.#liveness.subscribed();
  }

  #unsubscribe(topic: Buffer): void {
    if (!this.#isClosing) this.#transport.unsubscribe(topic);
  }

  #receive(message: Buffer): void {
    if (message[0] === TopicKind.event) this.#inbox.receive(message);
    else if (message[0] === TopicKind.probe) this.#liveness.receive(message);
    else if (message[0] === TopicKind.inbox) this.#receiveAcknowledgement(message);
  }

  #acknowledge(publisher: PublisherId, sequence: number): void {
    const topic = inboxTopic(formatPublisherId(publisher));
    this.#transport.send(
      buildMessage(topic, { kind: MessageKind.acknowledgement, publisher: this.#publisher, sequence }),
    );
    // Many in one turn leave in one write.
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(() => {
      this.#flushScheduled = false;
      this.#transport.flush();
    });
  }

  #receiveAcknowledgement(message: Buffer): void {
    const { length } = this.#inboxTopic;
    const header = emptyHeader();
    if (!message.subarray(0, length).equals(this.#inboxTopic)) return;
    const fault = readHeader(message, length, header);
    if (fault === undefined && header.kind === MessageKind.acknowledgement) {
      this.#outbox.acknowledge(header.publisher, header.sequence);
    } else {
      const what = fault ?? `is of unknown kind ${header.kind}`;
      this.#handlers.onError(
        new DistributedError(
          'protocol',
          'DEMITTER_PROTOCOL',
          `A message arrived in the inbox that is not Demitter's: it ${what}`,
        ),
      );
    }
  }

  #onLink(link: LinkStatus, cause: Error | undefined): void {
    this.#lastLinkError = cause;
    if (link === 'down') this.#lostLink(cause);
    if (link === 'up') this.#outbox.forgetReceivers();
    this.#outbox.setLinkOpen(link === 'up');
    this.#liveness.setLinkUp(link === 'up');
  }

  /** An outage after the first link is told at once; before it, `connectTimeout` decides whether there is one. */
  #lostLink(cause: Error | undefined): void {
    if (this.#status !== 'ready') return;
    this.#setStatus('reconnecting', cause);
    this.#handlers.onError(
      new DistributedError(
        'network',
        'DEMITTER_NETWORK',
        `${cause?.message ?? 'Lost the link to the forwarder'}. Reconnecting; events wait in the buffer`,
        { cause },
      ),
    );
  }

  #setStatus(status: Status, cause?: Error): void {
    const previous = this.#status;
    if (!canFollow(previous, status)) return;
    this.#status = status;
    this.#handlers.onStatus(status, previous, cause);
  }

  #tellUnsendable(name: PropertyKey, cause: unknown, what: string): void {
    if (!(cause instanceof PayloadError || cause instanceof EventTooLargeError)) throw cause;
    const error = new DistributedError(
      'serialization',
      cause instanceof EventTooLargeError ? 'DEMITTER_EVENT_TOO_LARGE' : 'DEMITTER_SERIALIZATION',
      `Event '${abbreviate(name)}' was not ${what}: ${cause.message}`,
      { eventName: name, cause },
    );
    // Not within the call of `emit`, nor before the event loop has turned: a listener that emits the same again would
    // recurse without end.
    setImmediate(() => this.#handlers.onError(error));
  }

  #timeoutError(timeoutMs: number): DemitterError {
    const { xsubAddress, xpubAddress } = this.#options;
    return new DemitterError(
      'DEMITTER_READY_TIMEOUT',
      `Not ready within ${timeoutMs} ms: the forwarder at ${xsubAddress} and ${xpubAddress} did not return the probe`,
      { cause: this.#lastLinkError },
    );
  }
}

function abbreviate(name: PropertyKey): string {
  const text = String(name);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

function closedError(): DemitterError {
  return new DemitterError('DEMITTER_CLOSED', 'This emitter is closed');
}

/** Waits for `work` until `deadline` (of `performance.now()`); tells whether it settled in time. Rejects as it does. */
async function settledBefore(deadline: number, work: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, deadline - performance.now(), false);
  });
  try {
    return await Promise.race([work.then(() => true), expired]);
  } finally {
    clearTimeout(timer);
  }
}
