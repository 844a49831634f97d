/**
 * `DistributedEmitter`: an Emittery whose events reach the emitters of other processes, threads and machines.
 *
 * Locally it is Emittery and nothing else, only that `emit` calls the listeners from an index of its own, with fewer
 * promises. This class adds two things: what is emitted here is also handed to delivery, and what delivery brings is
 * handed to the listeners.
 */
import Emittery, { type DebugOptions } from 'emittery';
import { assertListener, isMetaEvent, isName, listOf } from './arguments.js';
import {
  Channel,
  type EventIteration,
  type IteratorOptions,
  makeEmission,
  type OnceOptions,
  volatileView,
} from './channel.js';
import { checkKeys, show } from './checks.js';
import type { EventContext } from './context.js';
import { checkEmitOptions, type EmitOptions } from './emit-options.js';
import type { DemitterError } from './errors.js';
import type {
  AllEvents,
  AnyEvents,
  Awaitable,
  DatalessNames,
  DatalessRequests,
  Emission,
  Filter,
  NamedFilter,
  RequestAnswer,
  RequestData,
  RequestNames,
  VolatileView,
} from './event-map.js';
import { createHosting } from './forwarder/auto.js';
import type { Hosting } from './hosting.js';
import { type EmitManner, EventHub } from './hub.js';
import { checkListenOptions, type ListenOptions, onAbort, type Unsubscribe } from './listen-options.js';
import type { AnyListener, Listener } from './listeners.js';
import { mixDistributedEmitterInto } from './mixin.js';
import { type OncePromise, once } from './once.js';
import { checkTimeout, type DistributedEmitterOptions, resolveOptions } from './options.js';
import type { Peer } from './peer.js';
import type { RequestManyOptions, RequestOptions } from './request-options.js';
import type { Answer } from './requester.js';
import type { RequestHandler } from './responder.js';
import type { EventSchemas, SchemaEvents, SchemaInputs } from './schemas.js';
import type { Status } from './status.js';
import { makeSpace } from './wire/space.js';

/**
 * @template Events what listeners get, by event name.
 * @template Inputs what is emitted, by event name, where schemas make something else of it.
 */
export class DistributedEmitter<Events = AnyEvents, Inputs = Events> extends Emittery<
  Events,
  AllEvents<Events>,
  DatalessNames<Events>
> {
  readonly #hosting: Hosting | undefined;
  readonly #hub: EventHub;
  /** The emitter itself, without what makes it an Emittery. */
  readonly #root: Channel<AllEvents<Events>>;
  #connected: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  /** `Emittery.isDebugEnabled` as it was in this turn of the event loop, once it was asked for. */
  #debugsAll: boolean | undefined;

  /**
   * Makes an emitter that is not connected yet: it serves local listeners, and keeps what is emitted until
   * {@link connect} is called.
   *
   * @throws TypeError or RangeError for a bad option, naming it, what was expected and what was given.
   */
  constructor(options: DistributedEmitterOptions = {}) {
    const resolved = resolveOptions(options, process.env);
    super(options.debug === undefined ? {} : { debug: { ...options.debug } as DebugOptions<Events> });
    this.#hosting = resolved.forwarder === 'auto' ? createHosting(resolved) : undefined;
    const onReceived = (name: PropertyKey, values: readonly unknown[]): void => {
      if (this.#isDebugging) for (const value of values) this.#logReceived(name, value);
    };
    this.#hub = new EventHub(resolved, onReceived, this.#hosting);
    this.#root = new Channel(this.#hub, this.#hub.root);
  }

  /**
   * As Emittery's `mixin`, with a {@link DistributedEmitter} of default options in the property. It connects when
   * it is first used.
   */
  static override mixin(
    propertyName: string | symbol,
    methodNames?: readonly string[],
  ): // biome-ignore lint/suspicious/noExplicitAny: the constructor type that mixins require, as in Emittery.
  <T extends new (...args: readonly any[]) => any>(target: T) => T {
    return mixDistributedEmitterInto(
      () => {
        const emitter = new DistributedEmitter();
        void emitter.connect();
        return emitter;
      },
      propertyName,
      methodNames,
    );
  }

  /** Who this emitter is to others: 14 hexadecimal digits, chosen at random. */
  get id(): string {
    return this.#hub.delivery.id;
  }

  /** Where this emitter is in its life. Changes are told by `distributed:status`. */
  get status(): Status {
    return this.#hub.delivery.status;
  }

  /**
   * The last round trip through the forwarder and back, in milliseconds: measured once a second while `status` is
   * `ready`. `undefined` until the first one.
   */
  get latency(): number | undefined {
    return this.#hub.delivery.latency;
  }

  /**
   * Whether the forwarder runs in this process (or in a child process of it, as in worker threads): only with
   * `forwarder: 'auto'`, and it may change whenever a process ends that runs one.
   */
  get hosting(): boolean {
    return this.#hosting?.isHosting ?? false;
  }

  /**
   * Connects to the forwarder and stays connected: a link that breaks is made again until {@link close}.
   *
   * Resolves when the link works in both directions and every subscription made so far is in force, or after
   * `connectTimeout`: then `distributed:error` (`DEMITTER_CONNECT_TIMEOUT`) says so, connecting goes on, and
   * events wait in the buffer. Calling it again returns the same promise. It never rejects; if `close()` comes
   * first, it resolves when that is done with the link.
   */
  connect(): Promise<void> {
    if (this.#connected === undefined) {
      const [connected, follow] = promised();
      this.#connected = connected;
      follow(this.#connect());
    }
    return this.#connected;
  }

  async #connect(): Promise<void> {
    if (this.#hub.delivery.status === 'idle') this.#hub.delivery.open();
    try {
      await this.#hub.delivery.ready(this.#hub.options.connectTimeout);
    } catch (error) {
      if ((error as DemitterError).code === 'DEMITTER_READY_TIMEOUT') this.#hub.delivery.tellConnectTimeout();
      // Otherwise it was closed meanwhile, which is what its owner wanted: no reason for an unhandled rejection.
    }
  }

  /**
   * Resolves when the link works in both directions and every subscription made so far is in force: from then on
   * whatever is emitted anywhere arrives here. Call it after `on`, before telling others to go.
   *
   * With `rights: 'publish'`, when the forwarder takes what is emitted; with `rights: 'subscribe'`, when the subscriptions
   * are in force as far as can be known without sending anything: some 10 ms after they were made.
   *
   * @param options.timeout milliseconds to wait. Default: as long as it takes.
   * Rejects with code `DEMITTER_READY_TIMEOUT`, `DEMITTER_NOT_CONNECTED` (before `connect()`) or `DEMITTER_CLOSED`.
   */
  async ready(options: { readonly timeout?: number } = {}): Promise<void> {
    checkKeys(options, ['timeout']);
    await this.#hub.delivery.ready(checkTimeout(options.timeout));
  }

  /**
   * Who else is connected and takes part in presence, those first that have been there for longest; without this emitter
   * itself. Others take part if they have one of the options `name`, `meta` and `heartbeatInterval`, or watch as well.
   *
   * From the first call on, this emitter watches, and takes part: that call asks everybody, and resolves when no newcomer
   * has answered for 200 ms and three round trips, 5 s after it asked at the latest. Who answers later is told by
   * `distributed:join`. Further calls resolve at once with what is known; while the link is down, that is who was there
   * before.
   *
   * Not ordered with events: a peer may be listed before or after its first event arrives.
   *
   * Rejects with code `DEMITTER_NOT_CONNECTED` (before `connect()`), `DEMITTER_CLOSED` or, unless `rights` are both,
   * `DEMITTER_NOT_PERMITTED`. Without a link, the first call waits for one.
   */
  async peers(): Promise<readonly Peer[]> {
    return this.#hub.delivery.peers();
  }

  /**
   * Sends what was emitted and waits until the forwarder has it, for at most `closeTimeout`; finishes iterators and
   * releases every socket and timer, so that the process can end by itself. What the forwarder did not confirm is told
   * by `distributed:error` (`DEMITTER_CLOSE_TIMEOUT`): it may not have arrived. After an outage a moment ago, receivers
   * get the time to ask for what they missed; so they do if the forwarder runs in this process (`forwarder: 'auto'`)
   * and somebody else is connected to it, as it ends with its last emitter here: that takes about a second.
   *
   * Local listeners stay and local events still reach them. Calling it again returns the same promise.
   */
  close(): Promise<void> {
    if (this.#closed === undefined) {
      const [closed, follow] = promised();
      this.#closed = closed;
      follow(this.#hub.close());
    }
    return this.#closed;
  }

  /** {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Emits to local listeners as Emittery does, and to every other emitter that listens.
   *
   * The promise resolves when the local listeners are done and there is room for more in the buffer: awaiting it
   * in a loop makes the loop as fast as the link. It rejects with a local listener's error, never for what happens
   * beyond this process: that is told by `distributed:error`. Distribution waits for no listener.
   */
  override emit<Name extends DatalessNames<Events>>(
    eventName: Name,
    eventData?: undefined,
    options?: EmitOptions,
  ): Promise<void>;
  override emit<Name extends keyof Inputs>(
    eventName: Name,
    eventData: Inputs[Name],
    options?: EmitOptions,
  ): Promise<void>;
  override emit<Name extends keyof Events>(
    eventName: Name,
    eventData: Events[Name],
    options?: EmitOptions,
  ): Promise<void>;
  override emit(eventName: PropertyKey, eventData?: unknown, options?: EmitOptions): Promise<void> {
    return this.#emit(eventName, eventData, options, 'emit');
  }

  /** As {@link emit}, with local listeners called one after another. */
  override emitSerial<Name extends DatalessNames<Events>>(
    eventName: Name,
    eventData?: undefined,
    options?: EmitOptions,
  ): Promise<void>;
  override emitSerial<Name extends keyof Inputs>(
    eventName: Name,
    eventData: Inputs[Name],
    options?: EmitOptions,
  ): Promise<void>;
  override emitSerial<Name extends keyof Events>(
    eventName: Name,
    eventData: Events[Name],
    options?: EmitOptions,
  ): Promise<void>;
  override emitSerial(eventName: PropertyKey, eventData?: unknown, options?: EmitOptions): Promise<void> {
    return this.#emit(eventName, eventData, options, 'emitSerial');
  }

  /** {@link emit} with `volatile: true`. */
  get volatile(): VolatileView<Inputs> {
    return volatileView((name, data, options) => this.#emit(name, data, options, 'emit'));
  }

  /** How many volatile events were dropped so far. */
  get volatileDropped(): number {
    return this.#hub.volatileDropped;
  }

  /** A function that emits `eventName` with `options`: to be made once and called often. */
  emission<Name extends keyof Inputs>(eventName: Name, options?: EmitOptions): Emission<Inputs[Name]> {
    return makeEmission(eventName, options, (name, data, given) => this.#emit(name, data, given, 'emit'));
  }

  /**
   * A view of this emitter whose events reach only listeners of the channel `name`, here and in every other emitter. It has
   * the API of the emitter, and no state: make as many as you like, as often as you like.
   *
   * @throws TypeError if `name` is no string.
   */
  channel(name: string): Channel<Events, Inputs>;
  channel<ChannelEvents>(name: string): Channel<ChannelEvents>;
  channel(name: string): unknown {
    if (typeof name !== 'string')
      throw new TypeError(`Expected the name of a channel to be a string, got ${show(name)}`);
    return new Channel(this.#hub, makeSpace('event', this.#hub.options.namespace, name));
  }

  /**
   * Asks whoever responds to `eventName`, in this emitter or any other, and resolves with the first answer. If the handler
   * fails, it rejects with the error of the handler. Rejects with a DemitterError otherwise: `DEMITTER_TIMEOUT` if nobody
   * answers in time, `DEMITTER_RESPONDER_LEFT`, `DEMITTER_CLOSED`, `DEMITTER_NOT_CONNECTED`, `DEMITTER_SERIALIZATION`,
   * `DEMITTER_EVENT_TOO_LARGE`, `DEMITTER_OVERFLOW` or, unless `rights` are both, `DEMITTER_NOT_PERMITTED`; and with the
   * reason of `signal`.
   *
   * A request is delivered as events are: once, in order with what this emitter emits (only its first request waits until
   * answers can arrive), and recovered after an outage. A handler may therefore be called when its requester has given up
   * already.
   */
  request<Name extends DatalessRequests<Events>, Fallback = never>(
    eventName: Name,
    data?: undefined,
    options?: RequestOptions<Fallback>,
  ): Promise<RequestAnswer<Events[Name]> | Fallback>;
  request<Name extends RequestNames<Events>, Fallback = never>(
    eventName: Name,
    data: RequestData<Inputs[Name & keyof Inputs]>,
    options?: RequestOptions<Fallback>,
  ): Promise<RequestAnswer<Events[Name]> | Fallback>;
  request(eventName: PropertyKey, data?: unknown, options: RequestOptions<unknown> = {}): Promise<never> {
    return this.#hub.request(undefined, eventName, data, options) as Promise<never>;
  }

  /**
   * As {@link request}, of everybody: sends the request at once, and returns an iterator over the answers as they come,
   * failures among them. It ends after `timeout`, `max` answers or `stall`, and when the loop is left; it rejects as
   * {@link request} does for all other reasons.
   */
  requestMany<Name extends DatalessRequests<Events>>(
    eventName: Name,
    data?: undefined,
    options?: RequestManyOptions,
  ): EventIteration<Answer<RequestAnswer<Events[Name]>>>;
  requestMany<Name extends RequestNames<Events>>(
    eventName: Name,
    data: RequestData<Inputs[Name & keyof Inputs]>,
    options?: RequestManyOptions,
  ): EventIteration<Answer<RequestAnswer<Events[Name]>>>;
  requestMany(
    eventName: PropertyKey,
    data?: unknown,
    options: RequestManyOptions = {},
  ): EventIteration<Answer<never>> {
    return this.#hub.requestMany(undefined, eventName, data, options) as never;
  }

  /**
   * Answers requests for `eventName` with what `handler` returns, or resolves with; what it throws comes back as an error.
   * One handler for each name. Returns what takes it off again.
   *
   * @throws Error if there is one already, or a DemitterError `DEMITTER_NOT_PERMITTED` unless `rights` are both.
   */
  respond<Name extends RequestNames<Events>>(
    eventName: Name,
    handler: (data: RequestData<Events[Name]>) => Awaitable<RequestAnswer<Inputs[Name & keyof Inputs]>>,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Unsubscribe {
    return this.#hub.respond(undefined, eventName, handler as RequestHandler, options);
  }

  /**
   * The event that is being handled: `undefined` outside of a listener. It follows the listener through `await`.
   *
   * @throws Error without the option `context: true`.
   */
  context(): EventContext | undefined {
    return this.#hub.context;
  }

  override on<Name extends keyof AllEvents<Events>>(
    eventName: Name | readonly Name[],
    listener: (eventData: AllEvents<Events>[Name]) => unknown,
    options: ListenOptions<Filter<AllEvents<Events>[Name]>> = {},
  ): Unsubscribe {
    const names = listOf(eventName);
    assertListener(listener);
    const { signal, filter } = checkListenOptions<Listener>(options);
    // One name after the other, as Emittery does it: a bad one leaves those before it registered, here and there.
    for (const name of names) {
      super.on(name as Name, listener as (eventData: AllEvents<Events>[Name]) => void);
      this.#root.listeners.add(name, listener as Listener, filter);
      this.#enqueueChange(Emittery.listenerAdded, name, listener as Listener);
    }
    // Not by Emittery: it would call `off` within the loop above if the signal is aborted already.
    return onAbort(signal, () => this.off(names as Name[], listener));
  }

  override off<Name extends keyof AllEvents<Events>>(
    eventName: Name | readonly Name[],
    listener: (eventData: AllEvents<Events>[Name]) => unknown,
  ): void {
    assertListener(listener);
    for (const name of listOf(eventName)) {
      super.off(name as Name, listener as (eventData: AllEvents<Events>[Name]) => void);
      this.#root.listeners.delete(name, listener as Listener);
      this.#enqueueChange(Emittery.listenerRemoved, name, listener as Listener);
    }
  }

  /** Resolves with the data of the next event, or the next that `predicate` is true of; rejects when `signal` aborts. */
  override once<Name extends keyof AllEvents<Events>>(
    eventName: Name | readonly Name[],
    options?: Filter<AllEvents<Events>[Name]> | OnceOptions<AllEvents<Events>[Name]>,
  ): OncePromise<AllEvents<Events>[Name]> {
    return once<AllEvents<Events>[Name]>((listener) => this.on(eventName, listener), options);
  }

  override onAny(
    listener: (eventName: keyof Events, eventData: Events[keyof Events]) => unknown,
    options: ListenOptions<NamedFilter<Events>> = {},
  ): Unsubscribe {
    const { signal, filter } = checkListenOptions<AnyListener>(options);
    super.onAny(listener as (eventName: keyof Events, eventData: Events[keyof Events]) => void);
    this.#root.listeners.addAny(listener as AnyListener, filter);
    this.#enqueueChange(Emittery.listenerAdded, undefined, listener as AnyListener);
    return onAbort(signal, () => this.offAny(listener));
  }

  override offAny(listener: (eventName: keyof Events, eventData: Events[keyof Events]) => unknown): void {
    super.offAny(listener as (eventName: keyof Events, eventData: Events[keyof Events]) => void);
    this.#root.listeners.deleteAny(listener as AnyListener);
    this.#enqueueChange(Emittery.listenerRemoved, undefined, listener as AnyListener);
  }

  /**
   * Calls `listener` with name and data of each event whose name matches `pattern`: segments between separators (the option
   * `separator`), where `*` stands for any one segment and `**`, at the end, for one or more. Only strings match. The
   * forwarder sends what begins as the pattern does up to its first `*`.
   *
   * @throws TypeError for a pattern with `*` beside something else in a segment, or `**` before the end.
   */
  onPattern(
    pattern: string,
    listener: (eventName: keyof Events & string, eventData: Events[keyof Events]) => unknown,
    options: ListenOptions<NamedFilter<Events>> = {},
  ): Unsubscribe {
    return this.#root.onPattern(pattern, listener as never, options as never);
  }

  /** An iterator over name and data of each event whose name matches, as by {@link onPattern}. */
  patternEvents(
    pattern: string,
    options?: IteratorOptions,
  ): EventIteration<[keyof Events & string, Events[keyof Events]]> {
    return this.#root.patternEvents(pattern, options) as never;
  }

  override events<Name extends keyof AllEvents<Events>>(
    eventName: Name | readonly Name[],
    options?: IteratorOptions,
  ): EventIteration<AllEvents<Events>[Name]> {
    return this.#root.events(eventName, options);
  }

  override anyEvent(options?: IteratorOptions): EventIteration<[keyof Events, Events[keyof Events]]> {
    return this.#root.anyEvent(options) as never;
  }

  override clearListeners<Name extends keyof Events>(eventNames?: Name | readonly Name[]): void {
    super.clearListeners(eventNames as Name);
    this.#root.clearListeners(eventNames as never);
  }

  override listenerCount<Name extends keyof AllEvents<Events>>(eventNames?: Name | readonly Name[]): number {
    return (
      super.listenerCount(eventNames as keyof Events) +
      this.#root.listeners.iteratorCount(listOf<PropertyKey | undefined>(eventNames))
    );
  }

  #emit(
    name: PropertyKey,
    data: unknown,
    options: EmitOptions | undefined,
    manner: EmitManner,
  ): Promise<void> {
    if (isLocalBusiness(name)) return super[manner](name as never, data as never);
    let checked: EmitOptions | undefined;
    try {
      if (options !== undefined) checked = checkEmitOptions(options);
      if (this.#isDebugging) this.#log(manner, name, data);
    } catch (cause) {
      return Promise.reject(cause);
    }
    return this.#hub.emit(this.#hub.root, name, data, checked, manner);
  }

  /** Emittery's switch for all instances reads the environment, which costs half an `emit`: once a turn will do. */
  get #isDebugging(): boolean {
    if (this.debug.enabled) return true;
    if (this.#debugsAll === undefined) {
      this.#debugsAll = Emittery.isDebugEnabled;
      setImmediate(() => {
        this.#debugsAll = undefined;
      });
    }
    return this.#debugsAll;
  }

  /** As Emittery does it. */
  #log(what: string, name: PropertyKey, data: unknown): void {
    this.debug.logger?.(what, this.debug.name, name as keyof Events, data as Events[keyof Events]);
  }

  #logReceived(name: PropertyKey, data: unknown): void {
    try {
      this.#log('receive', name, data);
    } catch (cause) {
      // A logger of the user's is no reason to break the link it logs.
      this.#hub.reporter.tellListenerFailure(name, cause);
    }
  }

  /** Gives Emittery's meta events to iterators: these are not Emittery's, whose `emit` cannot reach them. */
  #enqueueChange(
    change: typeof Emittery.listenerAdded | typeof Emittery.listenerRemoved,
    eventName: PropertyKey | undefined,
    listener: Listener | AnyListener,
  ): void {
    if (eventName === undefined) this.#hub.listeners.enqueue(change, { listener });
    else if (!isMetaEvent(eventName)) this.#hub.listeners.enqueue(change, { eventName, listener });
  }
}

/** A promise, known before what it follows begins: that tells listeners, who may ask for it at once. */
function promised(): [Promise<void>, (follow: Promise<void>) => void] {
  let follow!: (promise: Promise<void>) => void;
  const promise = new Promise<void>((resolve) => {
    follow = resolve;
  });
  return [promise, follow];
}

/** Emittery's own business: its meta events must pass in one synchronous step, and it refuses what is no name. */
function isLocalBusiness(name: PropertyKey): boolean {
  return !isName(name) || isMetaEvent(name);
}

/**
 * Makes an emitter and connects it: `new DistributedEmitter(options)` and `connect()`. With no options it meets the
 * forwarder at `tcp://localhost:5555` and `:5556`.
 *
 * Resolves when the link works, or after `connectTimeout` with an emitter that goes on connecting and has said so.
 *
 * With `schemas`, the types of events are those of the schemas; otherwise give them as a type argument.
 *
 * @throws TypeError or RangeError (as a rejection) for a bad option.
 */
export function createDistributedEmitter<const Schemas extends EventSchemas>(
  options: DistributedEmitterOptions & { readonly schemas: Schemas },
): Promise<DistributedEmitter<SchemaEvents<Schemas>, SchemaInputs<Schemas>>>;
export function createDistributedEmitter<Events = AnyEvents>(
  options?: DistributedEmitterOptions,
): Promise<DistributedEmitter<Events>>;
export async function createDistributedEmitter(
  options: DistributedEmitterOptions = {},
): Promise<DistributedEmitter> {
  const emitter = new DistributedEmitter(options);
  await emitter.connect();
  return emitter;
}
