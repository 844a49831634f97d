/** What delivery tells when something fails: one place for the words. */
import { DemitterError, DistributedError, isSecurityError } from '../errors.js';
import type { ResolvedOptions } from '../options.js';
import { mayReceive, maySend, type Rights, reasonOf } from '../rights.js';
import { formatPublisherId, type PublisherId } from '../wire/batch.js';
import { EventTooLargeError } from './sending/publications.js';

export function closedError(): DemitterError {
  return new DemitterError('DEMITTER_CLOSED', 'This emitter is closed');
}

export function overflowError({ maxBufferBytes }: ResolvedOptions): DemitterError {
  return new DemitterError(
    'DEMITTER_OVERFLOW',
    `Not sent: ${maxBufferBytes} bytes are waiting to be sent (\`maxBufferBytes\`)`,
  );
}

/** `count` retained values had to make room for others. */
export function retainedForgottenError({ retainedBytes }: ResolvedOptions, count: number): DistributedError {
  const what = count === 1 ? '1 retained value was' : `${count} retained values were`;
  return new DistributedError(
    'overflow',
    'DEMITTER_OVERFLOW',
    `${what} forgotten: they are kept in ${retainedBytes} bytes (\`retainedBytes\`)`,
  );
}

export function notConnectedError(): DemitterError {
  return new DemitterError('DEMITTER_NOT_CONNECTED', 'This emitter is not connected: call `connect()` first');
}

export function readyTimeoutError(
  options: ResolvedOptions,
  timeoutMs: number,
  cause: Error | undefined,
): DemitterError {
  const what = options.rights === 'both' ? 'return the probe' : 'confirm the link';
  return new DemitterError(
    'DEMITTER_READY_TIMEOUT',
    `Not ready within ${timeoutMs} ms: the forwarder at ${addressesOf(options)} did not ${what}`,
    { cause },
  );
}

export function connectTimeoutError(
  options: ResolvedOptions,
  cause: Error | undefined,
  hostingFailure?: Error,
): DistributedError {
  const reason = cause === undefined ? '' : ` (${cause.message})`;
  // Who is refused knows that it runs.
  const question = isSecurityError(cause) ? '' : ' Is it running?';
  const hint = hostingFailure === undefined ? question : ` None can run here: ${hostingFailure.message}.`;
  return new DistributedError(
    'network',
    'DEMITTER_CONNECT_TIMEOUT',
    `No working link to the forwarder at ${addressesOf(options)} within ${options.connectTimeout} ms${reason}.` +
      `${hint} Connecting goes on, and events wait in the buffer`,
    { cause: cause ?? hostingFailure },
  );
}

/** The forwarder does not let us in, or is not who it should be. */
export function securityError(cause: DemitterError): DistributedError {
  return new DistributedError(
    'security',
    cause.code === 'DEMITTER_REFUSED' ? 'DEMITTER_REFUSED' : 'DEMITTER_CURVE',
    `${cause.message}. Connecting goes on, and events wait in the buffer`,
    { cause },
  );
}

export function outageError(cause: Error | undefined): DistributedError {
  return new DistributedError(
    'network',
    'DEMITTER_NETWORK',
    `${cause?.message ?? 'Lost the link to the forwarder'}. Reconnecting; events wait in the buffer`,
    { cause },
  );
}

/** `what` was to happen: `sent`, say. */
export function unsendableError(name: PropertyKey, cause: Error, what: string): DistributedError {
  return new DistributedError(
    'serialization',
    cause instanceof EventTooLargeError ? 'DEMITTER_EVENT_TOO_LARGE' : 'DEMITTER_SERIALIZATION',
    `Event '${abbreviate(name)}' was not ${what}: ${cause.message}`,
    { eventName: name, cause },
  );
}

/** `fault` completes a sentence that begins with "it". */
export function foreignMessageError(fault: string, eventName?: PropertyKey): DistributedError {
  const as = eventName === undefined ? '' : `, as event '${abbreviate(eventName)}'`;
  return new DistributedError(
    'protocol',
    'DEMITTER_PROTOCOL',
    `A message arrived that is not Demitter's${as}: it ${fault}`,
    { eventName },
  );
}

/** A message was no batch of the publisher that it names. */
export function forgeryError(publisher: PublisherId, eventName: PropertyKey): DistributedError {
  const publisherId = formatPublisherId(publisher);
  return new DistributedError(
    'protocol',
    'DEMITTER_PROTOCOL',
    `A message came as event '${abbreviate(eventName)}' of ${publisherId}, who has not sent it. It was dropped`,
    { eventName, publisherId },
  );
}

/** `missed` is `undefined` where it cannot be known. */
export function lossError(
  publisher: PublisherId,
  eventName: PropertyKey,
  channel: string | undefined,
  missed: number | undefined,
): DistributedError {
  const publisherId = formatPublisherId(publisher);
  const where = channel === undefined ? '' : ` in channel '${abbreviate(channel)}'`;
  const of = `'${abbreviate(eventName)}'${where} of ${publisherId}`;
  const what =
    missed === undefined
      ? `Events ${of} were`
      : missed === 1
        ? `1 event ${of} was`
        : `${missed} events ${of} were`;
  return new DistributedError('loss', 'DEMITTER_LOSS', `${what} lost on the way and cannot be had again`, {
    eventName,
    channel,
    missed,
    publisherId,
  });
}

export function undecodableError(
  publisher: PublisherId,
  eventName: PropertyKey,
  channel: string | undefined,
  missed: number | undefined,
  cause: Error,
): DistributedError {
  return new DistributedError(
    'deserialization',
    'DEMITTER_DESERIALIZATION',
    `Events '${abbreviate(eventName)}' arrived that cannot be decoded: ${cause.message}`,
    { eventName, channel, publisherId: formatPublisherId(publisher), missed, cause },
  );
}

/** Presence needs both directions: who watches asks, and is answered. */
export function cannotWatchError(rights: Rights): DistributedError {
  const what = 'Who joins and leaves cannot be told';
  return new DistributedError('security', 'DEMITTER_NOT_PERMITTED', `${what}: ${reasonOf(rights)}`);
}

/** Those that are dialled. */
function addressesOf({ rights, xsubAddress, xpubAddress }: ResolvedOptions): string {
  const sides = [maySend(rights) ? xsubAddress : [], mayReceive(rights) ? xpubAddress : []];
  return sides.flat().join(' and ');
}

const CONTROL = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** Names come from anyone, and messages go to terminals and logs: no control character is to get there. */
function abbreviate(name: PropertyKey): string {
  const text = String(name);
  const short = text.length > 100 ? `${text.slice(0, 100)}…` : text;
  return short.replace(CONTROL, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
