/**
 * `DistributedEmitter`: an Emittery whose events reach the emitters of other processes, threads and machines.
 *
 * Locally it is Emittery and nothing else, only that `emit` calls the listeners from an index of its own, with fewer
 * promises. This class adds two things: what is emitted here is also handed to delivery, and what delivery brings is
 * handed to the listeners.
 */
import Emittery, { type DebugOptions, type UnsubscribeFunction } from 'emittery';
import { assertListener, assertName, isMetaEvent, isName, listOf, onAbort } from './arguments.js';
import { Delivery, type DeliveryHandlers } from './delivery/delivery.js';
import { ErrorReporter } from './error-reporter.js';
import type { DemitterError } from './errors.js';
import type { AllEvents, AnyEvents, DatalessNames } from './event-map.js';
import { createHosting } from './forwarder/auto.js';
import type { Hosting } from './hosting.js';
import { type AnyListener, type Listener, Listeners } from './listeners.js';
import { mixDistributedEmitterInto } from './mixin.js';
import { checkTimeout, type DistributedEmitterOptions, resolveOptions } from './options.js';
import type { Status, StatusChange } from './status.js';
import { selectTransport } from './transport/select.js';

const DONE: Promise<void> = Promise.resolve();

export class DistributedEmitter<Events = AnyEvents> extends Emittery<
  Events,
  AllEvents<Events>,
  DatalessNames<Events>
> {
  readonly #connectTimeout: number;
  readonly #listeners: Listeners;
  readonly #delivery: Delivery;
  readonly #reporter: ErrorReporter;
  readonly #hosting: Hosting | undefined;
  #connected: Promise<void> | undefined;
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
    this.#connectTimeout = resolved.connectTimeout;
    this.#listeners = new Listeners(
      (name, interested) => this.#setInterest(name, interested),
      (name, cause) => this.#reporter.tellListenerFailure(name, cause),
    );
    this.#reporter = new ErrorReporter(this.#listeners);
    this.#hosting = resolved.forwarder === 'auto' ? createHosting(resolved) : undefined;
    const handlers: DeliveryHandlers = {
      onEvents: (name, values) => this.#receive(name, values),
      onError: (error) => this.#reporter.tell(error),
      onStatus: (status, previous, cause) => {
        this.#listeners.dispatchOwn('distributed:status', { status, previous, cause } satisfies StatusChange);
      },
    };
    this.#delivery = new Delivery(resolved, selectTransport(resolved.transport), handlers, this.#hosting);
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
    return this.#delivery.id;
  }

  /** Where this emitter is in its life. Changes are told by `distributed:status`. */
  get status(): Status {
    return this.#delivery.status;
  }

  /**
   * The last round trip through the forwarder and back, in milliseconds: measured once a second while `status` is
   * `ready`. `undefined` until the first one.
   */
  get latency(): number | undefined {
    return this.#delivery.latency;
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
    this.#connected ??= this.#connect();
    return this.#connected;
  }

  async #connect(): Promise<void> {
    if (this.#delivery.status === 'idle') this.#delivery.open();
    try {
      await this.#delivery.ready(this.#connectTimeout);
    } catch (error) {
      if ((error as DemitterError).code === 'DEMITTER_READY_TIMEOUT') this.#delivery.tellConnectTimeout();
      // Otherwise it was closed meanwhile, which is what its owner wanted: no reason for an unhandled rejection.
    }
  }

  /**
   * Resolves when the link works in both directions and every subscription made so far is in force: from then on
   * whatever is emitted anywhere arrives here. Call it after `on`, before telling others to go.
   *
   * @param options.timeout milliseconds to wait. Default: as long as it takes.
   * Rejects with code `DEMITTER_READY_TIMEOUT`, `DEMITTER_NOT_CONNECTED` (before `connect()`) or `DEMITTER_CLOSED`.
   */
  async ready(options: { readonly timeout?: number } = {}): Promise<void> {
    await this.#delivery.ready(checkTimeout(options.timeout));
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
    const closed = this.#delivery.close();
    this.#listeners.finishIterators();
    return closed;
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
  override emit<Name extends DatalessNames<Events>>(eventName: Name): Promise<void>;
  override emit<Name extends keyof Events>(eventName: Name, eventData: Events[Name]): Promise<void>;
  override emit(eventName: PropertyKey, eventData?: unknown): Promise<void> {
    if (isLocalBusiness(eventName)) return super.emit(eventName as never, eventData as never);
    const room = this.#send(eventName, eventData);
    // Emittery's own logs it, also if nobody listens here.
    if (this.#isDebugging) return bothOf(super.emit(eventName as never, eventData as never), room);
    return bothOf(this.#listeners.emit(eventName, eventData), room);
  }

  /** As {@link emit}, with local listeners called one after another. */
  override emitSerial<Name extends DatalessNames<Events>>(eventName: Name): Promise<void>;
  override emitSerial<Name extends keyof Events>(eventName: Name, eventData: Events[Name]): Promise<void>;
  override emitSerial(eventName: PropertyKey, eventData?: unknown): Promise<void> {
    if (isLocalBusiness(eventName)) return super.emitSerial(eventName as never, eventData as never);
    const room = this.#send(eventName, eventData);
    return bothOf(super.emitSerial(eventName as never, eventData as never), room);
  }

  override on<Name extends keyof AllEvents<Events>>(
    eventName: Name | readonly Name[],
    listener: (eventData: AllEvents<Events>[Name]) => unknown,
    options: { signal?: AbortSignal } = {},
  ): UnsubscribeFunction {
    const names = listOf(eventName);
    assertListener(listener);
    // One name after the other, as Emittery does it: a bad one leaves those before it registered, here and there.
    for (const name of names) {
      super.on(name as Name, listener as (eventData: AllEvents<Events>[Name]) => void);
      this.#listeners.add(name, listener as Listener);
      this.#enqueueChange(Emittery.listenerAdded, name, listener as Listener);
    }
    // Not by Emittery: it would call `off` within the loop above if the signal is aborted already.
    return onAbort(options.signal, () => this.off(names as Name[], listener));
  }

  override off<Name extends keyof AllEvents<Events>>(
    eventName: Name | readonly Name[],
    listener: (eventData: AllEvents<Events>[Name]) => unknown,
  ): void {
    assertListener(listener);
    for (const name of listOf(eventName)) {
      super.off(name as Name, listener as (eventData: AllEvents<Events>[Name]) => void);
      this.#listeners.delete(name, listener as Listener);
      this.#enqueueChange(Emittery.listenerRemoved, name, listener as Listener);
    }
  }

  override onAny(
    listener: (eventName: keyof Events, eventData: Events[keyof Events]) => unknown,
    options: { signal?: AbortSignal } = {},
  ): UnsubscribeFunction {
    super.onAny(listener as (eventName: keyof Events, eventData: Events[keyof Events]) => void);
    this.#listeners.addAny(listener as AnyListener);
    this.#enqueueChange(Emittery.listenerAdded, undefined, listener as AnyListener);
    return onAbort(options.signal, () => this.offAny(listener));
  }

  override offAny(listener: (eventName: keyof Events, eventData: Events[keyof Events]) => unknown): void {
    super.offAny(listener as (eventName: keyof Events, eventData: Events[keyof Events]) => void);
    this.#listeners.deleteAny(listener as AnyListener);
    this.#enqueueChange(Emittery.listenerRemoved, undefined, listener as AnyListener);
  }

  override events<Name extends keyof AllEvents<Events>>(
    eventName: Name | readonly Name[],
  ): AsyncIterableIterator<AllEvents<Events>[Name]> {
    const names = listOf(eventName);
    for (const name of names) assertName(name);
    return this.#listeners.events(names) as AsyncIterableIterator<AllEvents<Events>[Name]>;
  }

  override anyEvent(): AsyncIterableIterator<[keyof Events, Events[keyof Events]]> {
    return this.#listeners.anyEvent() as AsyncIterableIterator<[keyof Events, Events[keyof Events]]>;
  }

  override clearListeners<Name extends keyof Events>(eventNames?: Name | readonly Name[]): void {
    super.clearListeners(eventNames as Name);
    for (const name of listOf<PropertyKey | undefined>(eventNames)) {
      if (isName(name)) this.#listeners.clear(name);
      else this.#listeners.clearAll();
    }
  }

  override listenerCount<Name extends keyof AllEvents<Events>>(eventNames?: Name | readonly Name[]): number {
    return (
      super.listenerCount(eventNames as keyof Events) +
      this.#listeners.iteratorCount(listOf<PropertyKey | undefined>(eventNames))
    );
  }

  /** Sends an event to whoever is not a listener here. As {@link Delivery.publish}. */
  #send(name: PropertyKey, data: unknown): Promise<void> | undefined {
    const room = this.#delivery.publish(name, data);
    this.#listeners.enqueue(name, data);
    return room;
  }

  #receive(name: PropertyKey, values: readonly unknown[]): void {
    if (this.#isDebugging) for (const value of values) this.#logReceived(name, value);
    this.#listeners.dispatch(name, values);
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

  #logReceived(name: PropertyKey, data: unknown): void {
    try {
      this.debug.logger?.('receive', this.debug.name, name as keyof Events, data as Events[keyof Events]);
    } catch (cause) {
      // A logger of the user's is no reason to break the link it logs.
      this.#reporter.tellListenerFailure(name, cause);
    }
  }

  /** Gives Emittery's meta events to iterators: these are not Emittery's, whose `emit` cannot reach them. */
  #enqueueChange(
    change: typeof Emittery.listenerAdded | typeof Emittery.listenerRemoved,
    eventName: PropertyKey | undefined,
    listener: Listener | AnyListener,
  ): void {
    if (eventName === undefined) this.#listeners.enqueue(change, { listener });
    else if (!isMetaEvent(eventName)) this.#listeners.enqueue(change, { eventName, listener });
  }

  #setInterest(name: PropertyKey | undefined, interested: boolean): void {
    if (name === undefined) this.#delivery.listenToAll(interested);
    else if (interested) this.#delivery.listen(name);
    else this.#delivery.unlisten(name);
  }
}

/** Emittery's own business: its meta events must pass in one synchronous step, and it refuses what is no name. */
function isLocalBusiness(name: PropertyKey): boolean {
  return !isName(name) || isMetaEvent(name);
}

function bothOf(done: Promise<void> | undefined, room: Promise<void> | undefined): Promise<void> {
  if (done === undefined || room === undefined) return done ?? room ?? DONE;
  return Promise.all([done, room]).then(() => {});
}

/**
 * Makes an emitter and connects it: `new DistributedEmitter(options)` and `connect()`. With no options it meets the
 * forwarder at `tcp://localhost:5555` and `:5556`.
 *
 * Resolves when the link works, or after `connectTimeout` with an emitter that goes on connecting and has said so.
 *
 * @throws TypeError or RangeError (as a rejection) for a bad option.
 */
export async function createDistributedEmitter<Events = AnyEvents>(
  options: DistributedEmitterOptions = {},
): Promise<DistributedEmitter<Events>> {
  const emitter = new DistributedEmitter<Events>(options);
  await emitter.connect();
  return emitter;
}
