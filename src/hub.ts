/**
 * The hub of an emitter: between what its users call, on the emitter itself and on its channels, and delivery. What is
 * emitted goes to the listeners of its space here, and to delivery; what delivery brings goes to the listeners.
 */
import { Contexts, type EventContext } from './context.js';
import { Delivery, type DeliveryHandlers } from './delivery/delivery.js';
import type { EmitOptions } from './emit-options.js';
import { ErrorReporter } from './error-reporter.js';
import { Listeners, type Surroundings } from './listeners.js';
import type { ResolvedOptions } from './options.js';
import { SpaceInterests } from './space-interests.js';
import type { StatusChange } from './status.js';
import { inTrace, withTrace } from './tracing.js';
import { selectTransport } from './transport/select.js';
import type { Attributes } from './wire/attributes.js';
import { formatPublisherId } from './wire/batch.js';
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
      onReceived(name, values);
      const surroundings = this.#surroundings(attributes, (i) => ({
        eventName: name,
        channel: space.channel,
        publisherId: formatPublisherId(header.publisher),
        sequence: header.sequence === 0 ? undefined : header.sequence,
        sentAt: header.time / 1000,
        headers: attributes?.[i]?.headers ?? NO_HEADERS,
      }));
      this.existingListenersOf(space)?.dispatch(name, values, surroundings);
    };
    this.delivery = new Delivery(options, selectTransport(options.transport), {
      onEvents,
      onError: (error) => this.reporter.tell(error),
      onStatus: (status, previous, cause) => {
        this.listeners.dispatchOwn('distributed:status', { status, previous, cause } satisfies StatusChange);
      },
      onJoin: (peer) => this.listeners.dispatchOwn('distributed:join', peer),
      onLeave: (leave) => this.listeners.dispatchOwn('distributed:leave', leave),
    });
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

  /** The listeners in a space, made if there are none. */
  listenersOf(space: Space): Listeners {
    const existing = this.existingListenersOf(space);
    if (existing !== undefined) return existing;
    const listeners = this.#newListeners(space, () => {
      // Channels come and go by the hundred thousand: nothing is kept of one that nobody listens to.
      if (listeners.isEmpty && this.#ofChannels.get(space.key) === listeners)
        this.#ofChannels.delete(space.key);
    });
    this.#ofChannels.set(space.key, listeners);
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
    if (options?.volatile !== true) return this.delivery.publish(name, data, space, attributes);
    if (this.delivery.publishVolatile(name, data, space, attributes)) this.#volatileDropped += 1;
    return undefined;
  }

  /** What each event's listeners are called in, if that is anything. */
  #surroundings(
    attributes: readonly Attributes[] | undefined,
    contextOf: (index: number) => EventContext,
  ): Surroundings | undefined {
    const contexts = this.#contexts;
    if (contexts === undefined && attributes === undefined) return undefined;
    return (index, deliver) => {
      const traced = (): void => inTrace(attributes?.[index]?.headers, deliver);
      if (contexts === undefined) traced();
      else contexts.run(contextOf(index), traced);
    };
  }

  #newListeners(space: Space, onLess: () => void): Listeners {
    return new Listeners(new SpaceInterests(this.delivery, space, onLess), (name, cause) =>
      this.reporter.tellListenerFailure(name, cause),
    );
  }
}

function bothOf(done: Promise<void> | undefined, room: Promise<void> | undefined): Promise<void> {
  if (done === undefined || room === undefined) return done ?? room ?? DONE;
  return Promise.all([done, room]).then(() => {});
}
