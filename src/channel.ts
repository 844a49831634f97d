/**
 * A channel: a view of an emitter whose events reach only listeners of that channel. It has no state of its own: making and
 * dropping one costs next to nothing, and two of the same name are the same channel.
 */
import { assertListener, assertName, isName, listOf } from './arguments.js';
import { checkEmitOptions, type EmitOptions } from './emit-options.js';
import type {
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
import type { EmitManner, EventHub } from './hub.js';
import {
  checkListenOptions,
  checkSignalOption,
  finishOnAbort,
  type ListenOptions,
  onAbort,
  type Unsubscribe,
} from './listen-options.js';
import type { AnyListener, Listener, Listeners } from './listeners.js';
import { type OncePromise, once } from './once.js';
import { type Pattern, parsePattern } from './pattern.js';
import type { RequestManyOptions, RequestOptions } from './request-options.js';
import type { Answer } from './requester.js';
import type { RequestHandler } from './responder.js';
import type { Space } from './wire/space.js';

export class Channel<Events, Inputs = Events> {
  readonly #hub: EventHub;
  readonly #space: Space;

  /** @internal Made by `emitter.channel()`. */
  constructor(hub: EventHub, space: Space) {
    this.#hub = hub;
    this.#space = space;
  }

  /** As it was given to `emitter.channel()`. */
  get name(): string {
    return this.#space.channel ?? '';
  }

  /** Emits to the listeners of this channel, here and in every other emitter. As `emitter.emit`. */
  emit<Name extends DatalessNames<Events>>(
    eventName: Name,
    eventData?: undefined,
    options?: EmitOptions,
  ): Promise<void>;
  emit<Name extends keyof Inputs>(
    eventName: Name,
    eventData: Inputs[Name],
    options?: EmitOptions,
  ): Promise<void>;
  emit(eventName: PropertyKey, eventData?: unknown, options?: EmitOptions): Promise<void> {
    return this.#emit(eventName, eventData, options, 'emit');
  }

  /** As {@link emit}, with local listeners called one after another. */
  emitSerial<Name extends DatalessNames<Events>>(
    eventName: Name,
    eventData?: undefined,
    options?: EmitOptions,
  ): Promise<void>;
  emitSerial<Name extends keyof Inputs>(
    eventName: Name,
    eventData: Inputs[Name],
    options?: EmitOptions,
  ): Promise<void>;
  emitSerial(eventName: PropertyKey, eventData?: unknown, options?: EmitOptions): Promise<void> {
    return this.#emit(eventName, eventData, options, 'emitSerial');
  }

  /** {@link emit} with `volatile: true`. */
  get volatile(): VolatileView<Inputs> {
    return volatileView((name, data, options) => this.#emit(name, data, options, 'emit'));
  }

  /** A function that emits `eventName` with `options`. */
  emission<Name extends keyof Inputs>(eventName: Name, options?: EmitOptions): Emission<Inputs[Name]> {
    return makeEmission(eventName, options, (name, data, given) => this.#emit(name, data, given, 'emit'));
  }

  /**
   * Asks whoever responds to `eventName`, in this emitter or any other, and resolves with the first answer. If the handler
   * fails, it rejects with the error of the handler. Rejects with a DemitterError otherwise: `DEMITTER_TIMEOUT` if nobody
   * answers in time, `DEMITTER_RESPONDER_LEFT`, `DEMITTER_CLOSED`, `DEMITTER_NOT_CONNECTED`, `DEMITTER_SERIALIZATION`,
   * `DEMITTER_EVENT_TOO_LARGE` or `DEMITTER_OVERFLOW`; and with the reason of `signal`.
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
    return this.#hub.request(this.#space.channel, eventName, data, options) as Promise<never>;
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
    return this.#hub.requestMany(this.#space.channel, eventName, data, options) as never;
  }

  /**
   * Answers requests for `eventName` with what `handler` returns, or resolves with; what it throws comes back as an error.
   * One handler for each name. Returns what takes it off again.
   *
   * @throws Error if there is one already.
   */
  respond<Name extends RequestNames<Events>>(
    eventName: Name,
    handler: (data: RequestData<Events[Name]>) => Awaitable<RequestAnswer<Inputs[Name & keyof Inputs]>>,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Unsubscribe {
    return this.#hub.respond(this.#space.channel, eventName, handler as RequestHandler, options);
  }

  /** Calls `listener` with the data of each event. Returns what takes it off again. */
  on<Name extends keyof Events>(
    eventName: Name | readonly Name[],
    listener: (eventData: Events[Name]) => unknown,
    options: ListenOptions<Filter<Events[Name]>> = {},
  ): Unsubscribe {
    assertListener(listener);
    const { signal, filter } = checkListenOptions<Listener>(options);
    const names = namesOf(eventName);
    for (const name of names) this.listeners.add(name, listener as Listener, filter);
    return onAbort(signal, () => this.off(names as Name[], listener));
  }

  off<Name extends keyof Events>(
    eventName: Name | readonly Name[],
    listener: (eventData: Events[Name]) => unknown,
  ): void {
    assertListener(listener);
    for (const name of namesOf(eventName)) this.#existing?.delete(name, listener as Listener);
  }

  /** Resolves with the data of the next event, or the next that `predicate` is true of; rejects when `signal` aborts. */
  once<Name extends keyof Events>(
    eventName: Name | readonly Name[],
    options?: Filter<Events[Name]> | OnceOptions<Events[Name]>,
  ): OncePromise<Events[Name]> {
    return once<Events[Name]>((listener) => this.on(eventName, listener), options);
  }

  /** Calls `listener` with name and data of each event of this channel. */
  onAny(
    listener: (eventName: keyof Events, eventData: Events[keyof Events]) => unknown,
    options: ListenOptions<NamedFilter<Events>> = {},
  ): Unsubscribe {
    assertListener(listener);
    const { signal, filter } = checkListenOptions<AnyListener>(options);
    this.listeners.addAny(listener as AnyListener, filter);
    return onAbort(signal, () => this.offAny(listener));
  }

  offAny(listener: (eventName: keyof Events, eventData: Events[keyof Events]) => unknown): void {
    assertListener(listener);
    this.#existing?.deleteAny(listener as AnyListener);
  }

  /** As `emitter.onPattern`, for events of this channel. */
  onPattern(
    pattern: string,
    listener: (eventName: keyof Events & string, eventData: Events[keyof Events]) => unknown,
    options: ListenOptions<NamedFilter<Events>> = {},
  ): Unsubscribe {
    assertListener(listener);
    const parsed = this.#parse(pattern);
    const { signal, filter } = checkListenOptions<AnyListener>(options);
    this.listeners.addPattern(parsed, listener as AnyListener, filter);
    return onAbort(signal, () => this.#existing?.deletePattern(parsed, listener as AnyListener));
  }

  /** As `emitter.patternEvents`, for events of this channel. */
  patternEvents(
    pattern: string,
    options?: IteratorOptions,
  ): EventIteration<[keyof Events & string, Events[keyof Events]]> {
    const parsed = this.#parse(pattern);
    const signal = checkSignalOption(options);
    return finishOnAbort(this.listeners.patternEvents(parsed), signal) as never;
  }

  /** An iterator over the data of events. */
  events<Name extends keyof Events>(
    eventName: Name | readonly Name[],
    options?: IteratorOptions,
  ): EventIteration<Events[Name]> {
    const names = namesOf(eventName);
    const signal = checkSignalOption(options);
    return finishOnAbort(this.listeners.events(names), signal) as never;
  }

  /** An iterator over name and data of all events of this channel. */
  anyEvent(options?: IteratorOptions): EventIteration<[keyof Events, Events[keyof Events]]> {
    const signal = checkSignalOption(options);
    return finishOnAbort(this.listeners.anyEvent(), signal) as never;
  }

  /** Forgets the listeners of these names and finishes their iterators; of all names, without one. */
  clearListeners<Name extends keyof Events>(eventNames?: Name | readonly Name[]): void {
    for (const name of listOf<PropertyKey | undefined>(eventNames)) {
      if (isName(name)) this.#existing?.clear(name);
      else this.#existing?.clearAll();
    }
  }

  /** How many listeners and iterators there are for each of these names; for all names, without one. */
  listenerCount<Name extends keyof Events>(eventNames?: Name | readonly Name[]): number {
    return this.#existing?.listenerCount(listOf<PropertyKey | undefined>(eventNames)) ?? 0;
  }

  /** @internal */
  get listeners(): Listeners {
    return this.#hub.listenersOf(this.#space);
  }

  get #existing(): Listeners | undefined {
    return this.#hub.existingListenersOf(this.#space);
  }

  #parse(pattern: string): Pattern {
    return parsePattern(pattern, this.#hub.options.separator);
  }

  #emit(
    name: PropertyKey,
    data: unknown,
    options: EmitOptions | undefined,
    manner: EmitManner,
  ): Promise<void> {
    let checked: EmitOptions | undefined;
    try {
      assertName(name);
      checked = checkEmitOptions(options);
    } catch (cause) {
      return Promise.reject(cause);
    }
    return this.#hub.emit(this.#space, name, data, checked, manner);
  }
}

export interface IteratorOptions {
  /** Finishes the iterator when it aborts: what it holds can still be taken. */
  readonly signal?: AbortSignal | undefined;
}

/** An iterator that ends by `return()`, by leaving a `for await` loop, or at the end of an `await using` block. */
export type EventIteration<T> = AsyncIterableIterator<T> & AsyncDisposable;

export interface OnceOptions<Data> {
  readonly predicate?: Filter<Data> | undefined;
  readonly signal?: AbortSignal | undefined;
}

type Emit = (name: PropertyKey, data: unknown, options: EmitOptions | undefined) => Promise<void>;

export function volatileView<Events>(emit: Emit): VolatileView<Events> {
  return {
    emit: async (name: PropertyKey, data?: unknown, options?: EmitOptions) => {
      await emit(
        name,
        data,
        options === undefined ? VOLATILE : { ...checkEmitOptions(options), ...VOLATILE },
      );
    },
  };
}

const VOLATILE: EmitOptions = Object.freeze({ volatile: true });

export function makeEmission<Data>(
  name: PropertyKey,
  options: EmitOptions | undefined,
  emit: Emit,
): Emission<Data> {
  assertName(name);
  const checked = checkEmitOptions(options);
  // A copy: what the caller does to it later is not checked.
  const kept = checked && { ...checked, headers: checked.headers && { ...checked.headers } };
  return ((data?: unknown) => emit(name, data, kept)) as Emission<Data>;
}

function namesOf(names: unknown): PropertyKey[] {
  const list = listOf(names as PropertyKey);
  for (const name of list) assertName(name);
  return list;
}
