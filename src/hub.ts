/**
 * The hub of an emitter: between what its users call, on the emitter itself and on its channels, and delivery. What is
 * emitted goes to the listeners of its space here, and to delivery; what delivery brings goes to the listeners.
 */
import { assertName } from './arguments.js';
import { checkKeys, show } from './checks.js';
import { Contexts, type EventContext } from './context.js';
import { Delivery, type DeliveryHandlers, type Interest } from './delivery/delivery.js';
import { foreignMessageError } from './delivery/failures.js';
import type { EmitOptions } from './emit-options.js';
import { ErrorReporter } from './error-reporter.js';
import { onAbort, type Unsubscribe } from './listen-options.js';
import { Listeners, type Surroundings } from './listeners.js';
import type { ResolvedOptions } from './options.js';
import { resolveRequest } from './request-options.js';
import type { Answer } from './requester.js';
import { Requests } from './requests.js';
import type { RequestHandler } from './responder.js';
import { SpaceInterests } from './space-interests.js';
import type { StatusChange } from './status.js';
import { inTrace, isTracing, withTrace } from './tracing.js';
import { selectTransport } from './transport/select.js';
import type { Attributes } from './wire/attributes.js';
import { formatPublisherId, type Header } from './wire/batch.js';
import { makeSpace, type Space } from './wire/space.js';

const NO_HEADERS = Object.freeze({});
const DONE: Promise<void> = Promise.resolve();

/** Whether local listeners are called at the same time or one after another. */
export type EmitManner = 'emit' | 'emitSerial';

export class EventHub {
  readonly options: ResolvedOptions;
  /** The events that are in no channel. */
  readonly root: Space;
  readonly listeners: Listeners;
  readonly delivery: Delivery;
  readonly reporter: ErrorReporter;
  readonly requests: Requests;
  /** Of channels that are listened to, by the key of their space. */
  readonly #ofChannels = new Map<string, Listeners>();
  readonly #contexts: Contexts | undefined;
  #volatileDropped = 0;

  /** `onReceived` is told of events from elsewhere before their listeners. */
  constructor(options: ResolvedOptions, onReceived: (name: PropertyKey, values: readonly unknown[]) => void) {
    this.options = options;
    this.root = makeSpace('event', options.namespace);
    this.#contexts = options.context ? new Contexts() : undefined;
    const onEvents: DeliveryHandlers['onEvents'] = (interest, values, header, attributes) => {
      const { name, space } = interest;
      if (space.kind === 'event') onReceived(name, values);
      const surroundings = this.#surroundings(interest, header, attributes);
      if (space.kind === 'event') this.existingListenersOf(space)?.dispatch(name, values, surroundings);
      else this.#receiveRequests(space, name, values, formatPublisherId(header.publisher), surroundings);
    };
    this.delivery = new Delivery(options, selectTransport(options.transport), {
      onEvents,
      onError: (error) => this.reporter.tell(error),
      onStatus: (status, previous, cause) => {
        this.listeners.dispatchOwn('distributed:status', { status, previous, cause } satisfies StatusChange);
      },
    });
    this.requests = new Requests(this.delivery, options.namespace);
    this.listeners = this.#newListeners(this.root, () => {});
    this.reporter = new ErrorReporter(this.listeners);
  }

  /** Volatile events that were dropped so far. */
  get volatileDropped(): number {
    return this.#volatileDropped;
  }

  /** Of the event that is being handled. */
  get context(): EventContext | undefined {
    if (this.#contexts === undefined)
      throw new Error(
        'Expected the option `context: true`, with which an emitter keeps the context of events',
      );
    return this.#contexts.current;
  }

  /** The listeners in a space: if there are none, a place for them, to be used at once. */
  listenersOf(space: Space): Listeners {
    const existing = this.existingListenersOf(space);
    if (existing !== undefined) return existing;
    const listeners = this.#newListeners(space, () => {
      // Channels come and go by the hundred thousand: nothing is kept of one that nobody listens to.
      if (!listeners.isEmpty) this.#ofChannels.set(space.key, listeners);
      else if (this.#ofChannels.get(space.key) === listeners) this.#ofChannels.delete(space.key);
    });
    return listeners;
  }

  existingListenersOf(space: Space): Listeners | undefined {
    return space.key === this.root.key ? this.listeners : this.#ofChannels.get(space.key);
  }

  /** Emits to the local listeners in a space, and to every other emitter that listens. */
  emit(
    space: Space,
    name: PropertyKey,
    data: unknown,
    options: EmitOptions | undefined,
    manner: EmitManner,
  ): Promise<void> {
    const headers = withTrace(options?.headers);
    const room = this.#send(space, name, data, options, headers);
    const listeners = space === this.root ? this.listeners : this.existingListenersOf(space);
    if (listeners === undefined) return room ?? DONE;
    listeners.enqueue(name, data);
    const contexts = this.#contexts;
    if (contexts === undefined) return bothOf(listeners[manner](name, data), room);
    const context = {
      eventName: name,
      channel: space.channel,
      publisherId: this.delivery.id,
      sequence: undefined,
      sentAt: this.delivery.time / 1000,
      headers: headers ?? NO_HEADERS,
    };
    return bothOf(
      contexts.run(context, () => listeners[manner](name, data)),
      room,
    );
  }

  /** Rejects with a TypeError or RangeError for bad arguments. */
  async request(
    channel: string | undefined,
    name: PropertyKey,
    data: unknown,
    options: unknown,
  ): Promise<unknown> {
    assertName(name);
    return this.requests.request(channel, name, data, resolveRequest(options, false));
  }

  /** @throws TypeError or RangeError for bad arguments. */
  requestMany(
    channel: string | undefined,
    name: PropertyKey,
    data: unknown,
    options: unknown,
  ): AsyncGenerator<Answer<unknown>, void, undefined> {
    assertName(name);
    return this.requests.requestMany(channel, name, data, resolveRequest(options, true));
  }

  /** @throws TypeError for bad arguments. */
  respond(
    channel: string | undefined,
    name: PropertyKey,
    handler: RequestHandler,
    options: { readonly signal?: AbortSignal | undefined },
  ): Unsubscribe {
    assertName(name);
    if (typeof handler !== 'function')
      throw new TypeError(`Expected \`handler\` to be a function, got ${show(handler)}`);
    checkKeys(options, ['signal']);
    return onAbort(options.signal, this.requests.respond(channel, name, handler));
  }

  /** Finishes all iterators. */
  finishIterators(): void {
    this.listeners.finishIterators();
    for (const listeners of [...this.#ofChannels.values()]) listeners.finishIterators();
  }

  /** Requests, or answers to them. */
  #receiveRequests(
    space: Space,
    name: PropertyKey,
    values: readonly unknown[],
    publisherId: string,
    surroundings: Surroundings | undefined,
  ): void {
    for (const [i, value] of values.entries()) {
      const receive = (): void => {
        const fault = this.requests.receive(space, name, value, publisherId);
        if (fault !== undefined) this.reporter.tell(foreignMessageError(fault, name));
      };
      if (surroundings === undefined) receive();
      else surroundings(i, receive);
    }
  }

  #send(
    space: Space,
    name: PropertyKey,
    data: unknown,
    options: EmitOptions | undefined,
    headers: Attributes['headers'],
  ): Promise<void> | undefined {
    const attributes = headers === undefined ? undefined : { headers };
    if (options?.volatile !== true) return this.delivery.publish(name, data, space, attributes);
    if (this.delivery.publishVolatile(name, data, space, attributes)) this.#volatileDropped += 1;
    return undefined;
  }

  /** What each event's listeners are called in, if that is anything. */
  #surroundings(
    { name, space }: Interest,
    { publisher, sequence, time }: Readonly<Header>,
    attributes: readonly Attributes[] | undefined,
  ): Surroundings | undefined {
    const contexts = this.#contexts;
    if (contexts === undefined && attributes === undefined && !isTracing()) return undefined;
    return (index, deliver) => {
      const headers = attributes?.[index]?.headers;
      const traced = (): void => inTrace(headers, deliver);
      if (contexts === undefined) {
        traced();
        return;
      }
      const context = {
        eventName: name,
        channel: space.channel,
        publisherId: formatPublisherId(publisher),
        sequence: sequence === 0 ? undefined : sequence,
        sentAt: time / 1000,
        headers: headers ?? NO_HEADERS,
      };
      contexts.run(context, traced);
    };
  }

  #newListeners(space: Space, onChange: () => void): Listeners {
    return new Listeners(new SpaceInterests(this.delivery, space, onChange), (name, cause) =>
      this.reporter.tellListenerFailure(name, cause),
    );
  }
}

function bothOf(done: Promise<void> | undefined, room: Promise<void> | undefined): Promise<void> {
  if (done === undefined || room === undefined) return done ?? room ?? DONE;
  return Promise.all([done, room]).then(() => {});
}
