/** Everything `demitter` exports: the public names and nothing else. */
export type { Channel, EventIteration, IteratorOptions, OnceOptions } from './channel.js';
export type { EventContext } from './context.js';
export type { EmitOptions } from './emit-options.js';
export { createDistributedEmitter, DistributedEmitter } from './emitter.js';
export {
  DemitterError,
  type DemitterErrorCode,
  DistributedError,
  type DistributedErrorDetails,
  type DistributedErrorType,
} from './errors.js';
export type {
  AnyEvents,
  DistributedEvents,
  Emission,
  Filter,
  NamedFilter,
  Request,
  VolatileView,
} from './event-map.js';
export {
  createForwarder,
  type Forwarder,
  type ForwarderOptions,
  type LogLevel,
  type StandaloneForwarderOptions,
  startStandaloneForwarder,
} from './forwarder.js';
export type { ListenOptions, Unsubscribe } from './listen-options.js';
export type { OncePromise } from './once.js';
export type { DistributedEmitterOptions } from './options.js';
export type { Peer, PeerLeave } from './peer.js';
export type { RequestManyOptions, RequestOptions } from './request-options.js';
export type { Answer } from './requester.js';
export type { Rights } from './rights.js';
export {
  type EventSchemas,
  type RequestSchemas,
  type SchemaEvents,
  type SchemaInputs,
  type ValidateMode,
  ValidationError,
} from './schemas.js';
export type { SecurityOptions } from './security-options.js';
export type { Status, StatusChange } from './status.js';
export { createMemoryTransport, MemoryHub } from './transport/memory.js';
export type {
  LinkStatus,
  Transport,
  TransportContext,
  TransportFactory,
  TransportHandlers,
  TransportSupport,
} from './transport/transport.js';
export type { Headers as EventHeaders } from './wire/attributes.js';
