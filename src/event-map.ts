/** The types that tie event names to their data, as Emittery ties them. */
import type Emittery from 'emittery';
import type { ListenerChangedData } from 'emittery';
import type { EmitOptions } from './emit-options.js';
import type { DistributedError } from './errors.js';
import type { Peer, PeerLeave } from './peer.js';
import type { StatusChange } from './status.js';

/** An event map for emitters that declare none: any name, any data, as in Emittery. */
// biome-ignore lint/suspicious/noExplicitAny: Emittery's own default; with `unknown`, untyped listeners would not compile.
export type AnyEvents = Record<PropertyKey, any>;

/** Events the library emits itself. They are local: never sent, never taken from the network. */
export interface DistributedEvents {
  /** A failure of distribution. Without a listener, the first of each type is a process warning. */
  'distributed:error': DistributedError;
  /** The emitter's status changed. */
  'distributed:status': StatusChange;
  /**
   * Another emitter takes part in presence: told once for each that this one comes to know of, those that were there
   * before included. Not ordered with events: an event of a peer may come before its join.
   */
  'distributed:join': Peer;
  /** Another emitter is gone. Not ordered with events: what it emitted last may come later. */
  'distributed:leave': PeerLeave;
}

/** Emittery's meta events. */
type MetaEvents = Record<
  typeof Emittery.listenerAdded | typeof Emittery.listenerRemoved,
  ListenerChangedData
>;

/** Everything that can be listened to by name. */
export type AllEvents<Events> = Events & DistributedEvents & MetaEvents;

/** Names that may be emitted without data: those whose data may only be `undefined`, as in Emittery. */
export type DatalessNames<Events> = {
  [Name in keyof Events]: Events[Name] extends undefined ? Name : never;
}[keyof Events];

/** Decides by its data whether an event is given to a listener. */
export type Filter<Data> = (eventData: Data) => boolean;

/** As {@link Filter}, by name and data. */
export type NamedFilter<Events> = (eventName: keyof Events, eventData: Events[keyof Events]) => boolean;

/** A function that emits one event. Without data, if that may only be `undefined`. */
export type Emission<Data> = [Data] extends [undefined]
  ? (eventData?: Data) => Promise<void>
  : (eventData: Data) => Promise<void>;

/** `emit` with `volatile: true`. */
export interface VolatileView<Events> {
  emit<Name extends DatalessNames<Events>>(
    eventName: Name,
    eventData?: undefined,
    options?: EmitOptions,
  ): Promise<void>;
  emit<Name extends keyof Events>(
    eventName: Name,
    eventData: Events[Name],
    options?: EmitOptions,
  ): Promise<void>;
}

declare const asked: unique symbol;

/** In an event map: a request, with the data it is made with and the answer it gets. It is not emitted, but requested. */
export interface Request<Data, Value> {
  readonly [asked]: (data: Data) => Value;
}

type IsAny<T> = 0 extends 1 & T ? true : false;

/** Names that can be requested: those of a {@link Request}, and all in a map that declares nothing. */
export type RequestNames<Events> = {
  [Name in keyof Events]: IsAny<Events[Name]> extends true
    ? Name
    : Events[Name] extends Request<never, unknown>
      ? Name
      : never;
}[keyof Events];

/** What the request is made with. */
export type RequestData<Entry> =
  IsAny<Entry> extends true ? Entry : Entry extends Request<infer Data, unknown> ? Data : never;

/** What the request is answered with. */
export type RequestAnswer<Entry> =
  IsAny<Entry> extends true ? Entry : Entry extends Request<never, infer Value> ? Value : never;

export type Awaitable<T> = T | PromiseLike<T>;
