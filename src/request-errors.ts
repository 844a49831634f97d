/** What requests fail with: the words of our own errors, and those of handlers as they can be sent. */
import { inspect } from 'node:util';
import { DemitterError, type DemitterErrorCode } from './errors.js';

const UNANSWERED: readonly DemitterErrorCode[] = ['DEMITTER_TIMEOUT', 'DEMITTER_RESPONDER_LEFT'];

/** Whether `error` says that nobody answered, and nothing else. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof DemitterError && UNANSWERED.includes(error.code);
}

export function timeoutError(name: PropertyKey, timeoutMs: number): DemitterError {
  return new DemitterError(
    'DEMITTER_TIMEOUT',
    `Nobody answered request '${String(name)}' within ${timeoutMs} ms`,
  );
}

export function leftError(name: PropertyKey): DemitterError {
  return new DemitterError(
    'DEMITTER_RESPONDER_LEFT',
    `Who was asked '${String(name)}' was closed before it answered, and nobody else is at work on it`,
  );
}

export function closedError(name: PropertyKey): DemitterError {
  return new DemitterError(
    'DEMITTER_CLOSED',
    `The emitter was closed before request '${String(name)}' was answered`,
  );
}

/** Why a request or an answer was not sent, as its user sees it: `what` is `The answer was not sent`, say. */
export function unsentError(what: string, error: unknown): unknown {
  if (!(error instanceof DemitterError) || !(error.cause instanceof Error)) return error;
  // What the user gave is a part of what is sent.
  const why = error.cause.message.replace(/^data\[\d\]/, 'data');
  return new DemitterError(error.code, `${what}: ${why}`);
}

/** What a handler threw. Never throws. */
export function toError(thrown: unknown): Error {
  try {
    return thrown instanceof Error ? thrown : new Error(inspect(thrown), { cause: thrown });
  } catch {
    // It has traps, or its own way to be shown, and that throws.
    return new Error('Something was thrown that cannot be looked at');
  }
}

const MAX_CAUSES = 8;

/** What can travel of an error that cannot: name, message, code, stack and causes. Never throws. */
export function essenceOf(error: Error, causes = 0): Error {
  const essence = new Error();
  for (const key of ['name', 'message', 'stack'] as const) {
    const value = read(error, key);
    if (typeof value === 'string')
      Object.defineProperty(essence, key, { value, configurable: true, writable: true });
  }
  const code = read(error, 'code');
  if (isPlain(code)) Object.assign(essence, { code });
  const cause = read(error, 'cause');
  if (isPlain(cause)) essence.cause = cause;
  else if (cause instanceof Error && causes < MAX_CAUSES) essence.cause = essenceOf(cause, causes + 1);
  return essence;
}

function isPlain(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number';
}

function read(error: Error, key: string): unknown {
  try {
    return (error as unknown as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}
