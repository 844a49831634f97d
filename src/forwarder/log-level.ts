/** pino's log levels, as options and the environment name them. */
import { show } from '../checks.js';
import type { Environment, NameOf } from './option-source.js';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const DEFAULT_LOG_LEVEL: LogLevel = 'info';

/** An explicit level beats `LOG_LEVEL`; an empty variable counts as none. */
export function resolveLogLevel(given: unknown, environment: Environment, nameOf: NameOf): LogLevel {
  if (given !== undefined) return checkLogLevel(nameOf('logLevel'), given);
  const fromEnvironment = environment.LOG_LEVEL;
  return fromEnvironment
    ? checkLogLevel('environment variable LOG_LEVEL', fromEnvironment)
    : DEFAULT_LOG_LEVEL;
}

function checkLogLevel(name: string, value: unknown): LogLevel {
  const level = LOG_LEVELS.find((known) => known === value);
  if (level === undefined) {
    throw new TypeError(`Expected ${name} to be one of ${LOG_LEVELS.join(', ')}, got ${show(value)}`);
  }
  return level;
}
