/**
 * The hub of an emitter: between what its users call, on the emitter itself and on its channels, and delivery. What is
 * emitted goes to the listeners of its space here, and to delivery; what delivery brings goes to the listeners.
 */
import { assertName } from './arguments.js';
import { Arrivals, validationError } from './arrivals.js';
import { show } from './checks.js';
import { Contexts, type EventContext } from './context.js';
import { settledBefore } from './delivery/deadline.js';
import { Delivery, type DeliveryHandlers } from './delivery/delivery.js';
import type { EmitOptions } from './emit-options.js';
import { ErrorReporter } from './error-reporter.js';
import type { EventIterator } from './event-iterator.js';
import type { Hosting } from './hosting.js';
import { InOrder } from './in-order.js';
import { checkSignalOption, onAbort, type Unsubscribe } from './listen-options.js';
import { Listeners } from './listeners.js';
import type { ResolvedOptions } from './options.js';
import { resolveRequest } from './request-options.js';
import type { Answer } from './requester.js';
import { Requests } from './requests.js';
import type { RequestHandler } from './responder.js';
import { type RetainedSeeker, SpaceInterests } from './space-interests.js';
import type { StatusChange } from './status.js';
import { withTrace } from './tracing.js';
import { selectTransport } from './transport/select.js';
import type { Attributes, Headers } from './wire/attributes.js';
import { makeSpace, type Space } from './wire/space.js';

const NO_HEADERS = Object.freeze({});
const DONE: Promise<void> = Promise.resolve();

/** Whether local listeners are called at the same time or one after another. */
export type EmitManner = 'emit' | 'emitSerial';

export class EventHub implements RetainedSeeker {
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
  readonly #arrivals: Arrivals;
  /** Events wait for those before them if a schema takes its time. */
  readonly #inOrder = new InOrder();
  /** Names of which retained values are looked for, by the key of the search. */
  readonly #sought = new Map<string, { readonly name: PropertyKey; readonly space: Space }>();
  #volatileDropped = 0;

  /**
   * `onReceived` is told of events from elsewhere before their listeners; `hosting` may run the forwarder here, if that is
   * this emitter's business.
   */
  constructor(
    options: ResolvedOptions,
    onReceived: (name: PropertyKey, values: readonly unknown[]) => void,
    hosting?: Hosting,
  ) {
    this.options = options;
    this.root = makeSpace('event', options.namespace);
    this.#contexts = options.context ? new Contexts() : undefined;
    const handlers: DeliveryHandlers = {
      onEvents: (interest, values, header, attributes) =>
        this.#arrivals.receive(interest, values, header, attributes),
      onRetained: (key, found) => {
        const sought = this.#sought.get(key);
        this.#sought.delete(key);
        if (sought !== undefined) this.#arrivals.receiveRetained(sought.space, sought.name, found);
      },
      onError: (error) => this.reporter.tell(error),
      onStatus: (status, previous, cause) => {
        this.listeners.dispatchOwn('distributed:status', { status, previous, cause } satisfies StatusChange);
      },
      onJoin: (peer) => this.listeners.dispatchOwn('distributed:join', peer),
      onLeave: (leave) => this.listeners.dispatchOwn('distributed:leave', leave),
    };
    this.delivery = new Delivery(
      options,
      selectTransport(options.transport, options.security),
      handlers,
      hosting,
    );
    this.requests = new Requests(this.delivery, {
      namespace: options.namespace,
      rights: options.rights,
      schemas: options.schemas,
      runLocally: (space, name, headers, call) => this.#runLocally(space, name, headers, call),
    });
    this.listeners = this.#newListeners(this.root, () => {});
    this.reporter = new ErrorReporter(this.listeners);
    this.#arrivals = new Arrivals({
      schemas: options.schemas,
      contexts: this.#contexts,
      requests: this.requests,
      reporter: this.reporter,
      listenersOf: (space) => this.existingListenersOf(space),
      onReceived,
    });
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

  /** Emits to the local listeners in a space, and to every other emitter that listens; first validates it. */
  emit(
    space: Space,
    name: PropertyKey,
    data: unknown,
    options: EmitOptions | undefined,
    manner: EmitManner,
  ): Promise<void> {
    const { schemas } = this.options;
    if (schemas === undefined) return this.#emit(space, name, data, data, options, manner);
    const isEmitted = schemas.validates(name, 'event', 'emit');
    const isValidated = isEmitted || schemas.validates(name, 'event', 'receive');
    const verdict = isValidated ? schemas.judge(name, 'event', data) : { value: data };
    return this.#inOrder.run(verdict, (known) => {
      if ('error' in known) {
        if (isEmitted) return Promise.reject(known.error);
        // The local listeners are receivers like others.
        this.reporter.tell(validationError(name, this.delivery.id, known.error));
        return this.#send(space, name, data, options, withTrace(options?.headers)) ?? DONE;
      }
      const sent = schemas.mode === 'emit' ? known.value : data;
      return this.#emit(space, name, sent, known.value, options, manner);
    });
  }

  /** Sends what waits for its validation, and closes. */
  async close(): Promise<void> {
    const { idle } = this.#inOrder;
    const deadline = performance.now() + this.options.closeTimeout;
    if (idle !== undefined) await settledBefore(deadline, idle);
    this.requests.close();
    this.finishIterators();
    await this.delivery.close(deadline);
  }

  /** `sent` goes to others, `data` to local listeners. */
  #emit(
    space: Space,
    name: PropertyKey,
    sent: unknown,
    data: unknown,
    options: EmitOptions | undefined,
    manner: EmitManner,
  ): Promise<void> {
    const headers = withTrace(options?.headers);
    const room = this.#send(space, name, sent, options, headers);
    const listeners = space === this.root ? this.listeners : this.existingListenersOf(space);
    if (listeners === undefined) return room ?? DONE;
    listeners.enqueue(name, data);
    // The most frequent, without a closure for each.
    if (this.#contexts === undefined) return bothOf(listeners[manner](name, data), room);
    return bothOf(
      this.#runLocally(space, name, headers, () => listeners[manner](name, data)),
      room,
    );
  }

  /** Calls `call` in the context of what is emitted here. */
  #runLocally<T>(space: Space, eventName: PropertyKey, headers: Headers | undefined, call: () => T): T {
    if (this.#contexts === undefined) return call();
    const context = {
      eventName,
      channel: space.channel,
      publisherId: this.delivery.id,
      sequence: undefined,
      sentAt: this.delivery.time / 1000,
      retained: false,
      headers: headers ?? NO_HEADERS,
    };
    return this.#contexts.run(context, call);
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
  ): EventIterator<Answer<unknown>> {
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
    return onAbort(checkSignalOption(options), this.requests.respond(channel, name, handler));
  }

  /** Looks for a retained value of `name`. Returns whether there is anything to look for. */
  seek(name: PropertyKey, space: Space): boolean {
    const key = this.delivery.seekRetained(name, space);
    if (key === undefined) return false;
    this.#sought.set(key, { name, space });
    return true;
  }

  /** Nobody waits for that any more. */
  forget(name: PropertyKey, space: Space): void {
    const key = this.delivery.seekNoMore(name, space);
    if (key !== undefined) this.#sought.delete(key);
  }

  /** Finishes all iterators. */
  finishIterators(): void {
    this.listeners.finishIterators();
    for (const listeners of [...this.#ofChannels.values()]) listeners.finishIterators();
  }

  #send(
    space: Space,
    name: PropertyKey,
    data: unknown,
    options: EmitOptions | undefined,
    headers: Attributes['headers'],
  ): Promise<void> | undefined {
    const attributes = headers === undefined ? undefined : { headers };
    if (options?.retain === true) this.delivery.retain(name, data, space, attributes);
    if (options?.volatile !== true) return this.delivery.publish(name, data, space, attributes);
    if (this.delivery.publishVolatile(name, data, space, attributes)) this.#volatileDropped += 1;
    return undefined;
  }

  #newListeners(space: Space, onChange: () => void): Listeners {
    return new Listeners(new SpaceInterests(this.delivery, space, onChange, this), (name, cause) =>
      this.reporter.tellListenerFailure(name, cause),
    );
  }
}

function bothOf(done: Promise<void> | undefined, room: Promise<void> | undefined): Promise<void> {
  if (done === undefined || room === undefined) return done ?? room ?? DONE;
  return Promise.all([done, room]).then(() => {});
}
