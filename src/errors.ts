/**
 * The errors of Demitter: what callers can catch, and what `distributed:error` carries.
 *
 * Programmer errors (a bad option, a listener that is no function) are plain `TypeError`s or `RangeError`s, thrown
 * at once. Everything that can happen to a correct program is a {@link DemitterError} with a stable `code`; every
 * code, its cause and its cure is listed in docs/errors.md.
 */

/** Stable identifiers: safe to compare with, never renamed within a major version. */
export type DemitterErrorCode =
  /** A value cannot travel (a function, a symbol, a cycle …). Nothing was sent. */
  | 'DEMITTER_SERIALIZATION'
  /** An event is larger than `maxEventBytes`, or its name too long. Nothing was sent. */
  | 'DEMITTER_EVENT_TOO_LARGE'
  /** An event arrived whose payload cannot be decoded. It was dropped. */
  | 'DEMITTER_DESERIALIZATION'
  /** Bytes arrived that do not follow docs/protocol.md. They were dropped. */
  | 'DEMITTER_PROTOCOL'
  /** The forwarder's peer does not speak ZMTP as we need it. The link is dialled again. */
  | 'DEMITTER_ZMTP'
  /** The forwarder refused this emitter's key, or its address. It is dialled again. */
  | 'DEMITTER_REFUSED'
  /** CURVE failed: a wrong server key, one side only that has keys, or bytes that were changed on the way. It is dialled again. */
  | 'DEMITTER_CURVE'
  /** The link to the forwarder broke or cannot be made. It is dialled again. */
  | 'DEMITTER_NETWORK'
  /** `connectTimeout` passed without a working link. Connecting goes on. */
  | 'DEMITTER_CONNECT_TIMEOUT'
  /** `ready({ timeout })` ran out of time. */
  | 'DEMITTER_READY_TIMEOUT'
  /** `ready()` on an emitter that was never told to `connect()`. */
  | 'DEMITTER_NOT_CONNECTED'
  /** Nobody answered a request in time. */
  | 'DEMITTER_TIMEOUT'
  /** Who was asked was closed before it answered, and nobody else answered. */
  | 'DEMITTER_RESPONDER_LEFT'
  /** What was emitted, or what arrived, is not valid by its schema. */
  | 'DEMITTER_VALIDATION'
  /** The emitter is closed: what was asked for did not happen beyond this process. */
  | 'DEMITTER_CLOSED'
  /** The emitter was closed with events that the forwarder had not confirmed. They may not have arrived. */
  | 'DEMITTER_CLOSE_TIMEOUT'
  /** `maxBufferBytes` of unsent events is reached. Events were refused. */
  | 'DEMITTER_OVERFLOW'
  /** Events were lost on the way to this emitter. */
  | 'DEMITTER_LOSS'
  /** What was asked for is beyond this emitter's `rights`. It did not happen beyond this process. */
  | 'DEMITTER_NOT_PERMITTED'
  /** A listener of a remote event threw or rejected. */
  | 'DEMITTER_LISTENER'
  /** A forwarder could not bind an address: in use, not local, or not allowed. */
  | 'DEMITTER_BIND'
  /** A forwarder's proxy ended although nobody closed it. */
  | 'DEMITTER_FORWARDER_FAILED';

/** An error with a stable {@link DemitterErrorCode} and, where there is one, a `cause`. */
export class DemitterError extends Error {
  override readonly name: string = 'DemitterError';
  readonly code: DemitterErrorCode;

  constructor(code: DemitterErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Whether one side does not let the other one in, or is not who it should be. */
export function isSecurityError(error: unknown): error is DemitterError {
  return error instanceof DemitterError && isSecurityCode(error.code);
}

export function isSecurityCode(code: DemitterErrorCode): boolean {
  return code === 'DEMITTER_REFUSED' || code === 'DEMITTER_CURVE';
}

/** What went wrong, in one word, for `switch`es. */
export type DistributedErrorType =
  | 'serialization'
  | 'deserialization'
  | 'protocol'
  | 'network'
  | 'security'
  | 'loss'
  | 'overflow'
  | 'listener'
  | 'validation'
  | 'closed';

/** The figures an error comes with; each only where it is known. */
export interface DistributedErrorDetails {
  /** The event's name, where one event or one name is concerned. */
  readonly eventName?: PropertyKey | undefined;
  /** The channel of that event; absent outside of channels. With `loss` and `deserialization`. */
  readonly channel?: string | undefined;
  /** How many events this one error stands for (`loss`, `overflow`, `closed`, `security`, `deserialization`), where it can be known. */
  readonly missed?: number | undefined;
  /** Who emitted the events concerned, as in `emitter.id`. */
  readonly publisherId?: string | undefined;
  readonly cause?: unknown;
}

/** What `distributed:error` carries: a failure of distribution, never of the local part of an `emit`. */
export class DistributedError extends DemitterError {
  override readonly name = 'DistributedError';
  readonly type: DistributedErrorType;
  readonly eventName?: PropertyKey | undefined;
  readonly channel?: string | undefined;
  readonly missed?: number | undefined;
  readonly publisherId?: string | undefined;

  constructor(
    type: DistributedErrorType,
    code: DemitterErrorCode,
    message: string,
    details: DistributedErrorDetails = {},
  ) {
    super(code, message, details.cause === undefined ? undefined : { cause: details.cause });
    this.type = type;
    if (details.eventName !== undefined) this.eventName = details.eventName;
    if (details.channel !== undefined) this.channel = details.channel;
    if (details.missed !== undefined) this.missed = details.missed;
    if (details.publisherId !== undefined) this.publisherId = details.publisherId;
  }
}
