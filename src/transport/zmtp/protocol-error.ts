/**
 * The ways a connection fails: the peer does not keep to ZMTP, or to CURVE, or refuses us, or the network does not carry.
 */
import { DemitterError } from '../../errors.js';

/** The peer broke a rule of ZMTP or speaks a form of it that we cannot. */
export function zmtpError(message: string, cause?: unknown): DemitterError {
  return new DemitterError('DEMITTER_ZMTP', message, cause === undefined ? undefined : { cause });
}

/** The peer is not the one that has the keys, or does not keep to CURVE; or one side wants it and the other does not. */
export function curveError(message: string, cause?: unknown): DemitterError {
  return new DemitterError('DEMITTER_CURVE', message, cause === undefined ? undefined : { cause });
}

/** The peer knows who we are, or from where, and does not let us in. */
export function refusedError(message: string): DemitterError {
  return new DemitterError('DEMITTER_REFUSED', message);
}

/** What authentication (ZeroMQ RFC 27) answers to who is not let in, in an ERROR command. */
export const ZAP_STATUS = /^[345]\d\d$/;

/** The connection cannot be made, or broke. */
export function networkError(message: string, cause?: unknown): DemitterError {
  return new DemitterError('DEMITTER_NETWORK', message, cause === undefined ? undefined : { cause });
}

/** What a socket's error means to somebody who reads it in a log. */
const MEANINGS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the host name cannot be resolved',
  EAI_AGAIN: 'the host name cannot be resolved now',
  ENOENT: 'there is no such socket',
  EACCES: 'access is denied',
  ECONNRESET: 'the peer reset the connection',
  EPIPE: 'the peer closed the connection',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the network',
  ETIMEDOUT: 'it does not answer',
};

/**
 * `error` as one phrase: "nothing listens there (connect ECONNREFUSED ::1:5555, connect ECONNREFUSED …)".
 * Node reports a name with several addresses as an `AggregateError` without a message of its own.
 */
export function describeSocketError(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  const details = error instanceof AggregateError ? error.errors.map(messageOf).join(', ') : error.message;
  const meaning = code === undefined ? undefined : MEANINGS[code];
  return meaning === undefined ? details || String(code) : `${meaning} (${details || code})`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The peer's text, made safe for a log. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}
