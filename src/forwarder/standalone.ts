/**
 * A forwarder that is its process's purpose: it logs to stdout and ends on SIGINT and SIGTERM.
 *
 * Checking what was asked for and doing it are two steps, so that the command line can tell a mistake of its user
 * from a refusal of the machine.
 */
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import type { Logger } from 'pino';
import { checkInteger } from '../checks.js';
import { startChildProxy } from './child-proxy.js';
import { type Forwarder, openForwarder, type Reloadable } from './create.js';
import { type LogLevel, resolveLogLevel } from './log-level.js';
import { defaultMemoryLimit, limitMemory, type MemoryLimit } from './memory-limit.js';
import { type Environment, type NameOf, quoteOption } from './option-source.js';
import { type ForwarderOptions, resolveProxySettings } from './options.js';
import type { ProxySettings } from './settings.js';

/** Options of `startStandaloneForwarder`. */
export interface StandaloneForwarderOptions extends ForwarderOptions {
  /**
   * trace, debug, info, warn, error, fatal or silent. A `level` in `loggerOptions` beats it; a `logger` has its own.
   * @default `LOG_LEVEL` of the environment, or 'info'
   */
  readonly logLevel?: LogLevel | undefined;
  /**
   * How much memory the process may need, in bytes. Over it, all connections are dropped and whatever they cost is
   * freed; a warning in the log says so. Emitters connect again and miss nothing that their histories hold. From
   * 134,217,728 (128 MiB) on; `Infinity` for no limit.
   * @default 512 MiB, or a third of what the machine or container has if that is less
   */
  readonly maxMemoryBytes?: number | undefined;
}

/** What is to be started, checked. */
export interface StandalonePlan {
  readonly settings: ProxySettings;
  readonly logLevel: LogLevel;
  readonly maxMemoryBytes: number;
  readonly options: ForwarderOptions;
}

/** What a forwarder with some hundred emitters needs anyway, and as much again. */
const MIN_MEMORY_BYTES = 128 * 1024 * 1024;

type Signal = 'SIGINT' | 'SIGTERM';
const SIGNALS: readonly Signal[] = ['SIGINT', 'SIGTERM'];

/** Throws a TypeError or RangeError for a mistake in options or environment; touches nothing. */
export function planStandalone(
  { logLevel, maxMemoryBytes, ...options }: StandaloneForwarderOptions,
  environment: Environment,
  nameOf: NameOf = quoteOption,
): StandalonePlan {
  const settings = resolveProxySettings(options, environment, nameOf);
  return {
    settings,
    options,
    logLevel: resolveLogLevel(logLevel, environment, nameOf),
    maxMemoryBytes: resolveMaxMemory(maxMemoryBytes, nameOf),
  };
}

function resolveMaxMemory(bytes: number | undefined, nameOf: NameOf): number {
  if (bytes === undefined) return defaultMemoryLimit();
  if (bytes === Number.POSITIVE_INFINITY) return bytes;
  return checkInteger(nameOf('maxMemoryBytes'), bytes, MIN_MEMORY_BYTES, Number.MAX_SAFE_INTEGER);
}

export async function openStandalone(plan: StandalonePlan): Promise<Forwarder> {
  const { settings, options, logLevel, maxMemoryBytes } = plan;
  // Before the line that says it is started: whoever waits for that line may signal at once.
  const signals = new Signals();
  let forwarder: (Forwarder & Reloadable) | undefined;
  // Without keys, the signal means what it means to every program: the end of the terminal.
  if (settings.access.keys !== undefined) signals.onHangup(() => forwarder?.reloadKeys());
  try {
    const logger = options.logger ?? (await createLogger({ level: logLevel, ...options.loggerOptions }));
    const { startProxy } = await import('./start-proxy.js');
    const start = limitMemory(startProxy, startChildProxy, memoryLimit(maxMemoryBytes, logger));
    const opened = await openForwarder(settings, logger, start);
    forwarder = opened;
    void signals.first.then((signal) => opened.close(`received ${signal}`));
    void opened.closed.then((failure) => {
      if (failure !== undefined) process.exitCode = 1;
      signals.release();
    });
    return opened;
  } catch (error) {
    signals.release();
    throw error;
  }
}

function memoryLimit(maxBytes: number, logger: Logger): MemoryLimit {
  return {
    maxBytes,
    onOver(residentBytes) {
      logger.warn(
        { residentBytes, maxMemoryBytes: maxBytes },
        `dropping all connections: ${toMib(residentBytes)} MiB are needed, over the limit of ${toMib(maxBytes)} MiB. ` +
          'Emitters connect again by themselves. If those who belong need so much, raise --max-memory-bytes ' +
          '(option maxMemoryBytes)',
      );
    },
    onStuck() {
      logger.fatal('the proxy does not end, and its memory grows: ending this process, to be started again');
      // An exit would wait for the proxy.
      process.kill(process.pid, 'SIGKILL');
    },
  };
}

function toMib(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}

/** Readable lines are for people only: whatever reads a pipe gets JSON. */
async function createLogger(options: NonNullable<ForwarderOptions['loggerOptions']>): Promise<Logger> {
  const { pino } = await import('pino');
  if (!isatty(1)) return pino(options);
  const { default: pretty } = await import('pino-pretty');
  // What the message says already is left out.
  const ignore = 'pid,hostname,xsubAddress,xpubAddress,reason';
  return pino(options, pretty({ sync: true, ignore, translateTime: 'SYS:yyyy-mm-dd HH:MM:ss.l' }));
}

/** Takes signals from Node's default, which would end the process without closing anything. */
class Signals {
  readonly first: Promise<Signal>;
  readonly #listener: (signal: Signal) => void;
  #onHangup: (() => void) | undefined;

  constructor() {
    let resolveFirst: (signal: Signal) => void;
    this.first = new Promise((resolve) => {
      resolveFirst = resolve;
    });
    let received = false;
    this.#listener = (signal) => {
      // The code a shell reports for a process that a signal ended.
      if (received) process.exit(128 + constants.signals[signal]);
      received = true;
      resolveFirst(signal);
    };
    for (const signal of SIGNALS) process.on(signal, this.#listener);
  }

  /** Takes SIGHUP as the request that it is to a service. */
  onHangup(listener: () => void): void {
    this.#onHangup = listener;
    process.on('SIGHUP', listener);
  }

  release(): void {
    if (this.#onHangup !== undefined) process.off('SIGHUP', this.#onHangup);
    for (const signal of SIGNALS) process.off(signal, this.#listener);
  }
}
