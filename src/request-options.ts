/** What a request is made with. */
import { checkInteger, checkKeys } from './checks.js';
import { checkEmitOptions } from './emit-options.js';
import { checkSignal } from './listen-options.js';
import type { Headers } from './wire/attributes.js';

export interface RequestOptions<Fallback = never> {
  /** How long an answer is waited for, in milliseconds; 0 for as long as it takes. @default 30000 */
  readonly timeout?: number | undefined;
  /** Gives up when it aborts: the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** What the promise resolves with if no answer comes in time. @default it rejects */
  readonly fallback?: Fallback;
  /** As of `emit`. */
  readonly headers?: Headers | undefined;
}

export interface RequestManyOptions {
  /** After how long no further answers are waited for, in milliseconds; 0 for never. @default 30000 */
  readonly timeout?: number | undefined;
  /** After how many answers no further are waited for. @default any number */
  readonly max?: number | undefined;
  /** For how long after an answer a further one is waited for, in milliseconds; 0 for ever. @default 0 */
  readonly stall?: number | undefined;
  /**
   * Gives up when it aborts: the iterator gives the answers that came, and were checked, before, and rejects with the
   * reason.
   */
  readonly signal?: AbortSignal | undefined;
  /** As of `emit`. */
  readonly headers?: Headers | undefined;
}

/** Checked, with defaults. */
export interface ResolvedRequest {
  readonly timeout: number;
  /** Whether all answers are wanted, up to `max`. */
  readonly isMany: boolean;
  readonly max: number;
  readonly stall: number;
  readonly signal: AbortSignal | undefined;
  readonly headers: Headers | undefined;
  readonly hasFallback: boolean;
  readonly fallback: unknown;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const MAX_TIMEOUT_MS = 2_147_483_647;

/** @throws TypeError or RangeError for what are no {@link RequestOptions}, or {@link RequestManyOptions} if `many`. */
export function resolveRequest(options: unknown, many: boolean): ResolvedRequest {
  checkKeys(
    options,
    many ? ['timeout', 'max', 'stall', 'signal', 'headers'] : ['timeout', 'signal', 'fallback', 'headers'],
  );
  const { timeout, max, stall, signal, headers } = options as RequestManyOptions;
  checkSignal(signal);
  checkEmitOptions(headers === undefined ? undefined : { headers });
  return {
    timeout: integer('timeout', timeout, DEFAULT_TIMEOUT_MS, 0, MAX_TIMEOUT_MS),
    isMany: many,
    max: many ? integer('max', max, Number.POSITIVE_INFINITY, 1, Number.MAX_SAFE_INTEGER) : 1,
    stall: integer('stall', stall, 0, 0, MAX_TIMEOUT_MS),
    signal,
    headers,
    hasFallback: 'fallback' in (options as object),
    fallback: (options as RequestOptions<unknown>).fallback,
  };
}

function integer(option: string, value: unknown, preset: number, min: number, max: number): number {
  return value === undefined ? preset : checkInteger(`\`${option}\``, value, min, max);
}
