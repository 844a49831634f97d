/**
 * A forwarder that is its process's purpose: it logs to stdout and ends on SIGINT and SIGTERM.
 *
 * Checking what was asked for and doing it are two steps, so that the command line can tell a mistake of its user
 * from a refusal of the machine.
 */
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import type { Logger } from 'pino';
import { type Forwarder, openForwarder, type Reloadable } from './create.js';
import { type LogLevel, resolveLogLevel } from './log-level.js';
import { type Environment, type NameOf, quoteOption } from './option-source.js';
import { type ForwarderOptions, resolveProxySettings } from './options.js';
import type { ProxySettings } from './settings.js';

/** Options of {@link startStandaloneForwarder}. */
export interface StandaloneForwarderOptions extends ForwarderOptions {
  /**
   * trace, debug, info, warn, error, fatal or silent. A `level` in `loggerOptions` beats it; a `logger` has its own.
   * @default `LOG_LEVEL` of the environment, or 'info'
   */
  readonly logLevel?: LogLevel | undefined;
}

/** What is to be started, checked. */
export interface StandalonePlan {
  readonly settings: ProxySettings;
  readonly logLevel: LogLevel;
  readonly options: ForwarderOptions;
}

type Signal = 'SIGINT' | 'SIGTERM';
const SIGNALS: readonly Signal[] = ['SIGINT', 'SIGTERM'];

/**
 * Starts a forwarder as a process of its own, as the command `demitter-forwarder` does: options and environment as
 * for {@link createForwarder}, JSON log lines on stdout (readable ones on a terminal). The first SIGINT or SIGTERM
 * closes it and lets the process end with exit code 0; a second one ends the process at once. With keys, SIGHUP reads
 * the authorized ones again. Should the proxy end by itself, `process.exitCode` becomes 1.
 *
 * @throws as {@link createForwarder} does.
 */
export async function startStandaloneForwarder(options: StandaloneForwarderOptions = {}): Promise<Forwarder> {
  return openStandalone(planStandalone(options, process.env));
}

/** Throws a TypeError or RangeError for a mistake in options or environment; touches nothing. */
export function planStandalone(
  { logLevel, ...options }: StandaloneForwarderOptions,
  environment: Environment,
  nameOf: NameOf = quoteOption,
): StandalonePlan {
  const settings = resolveProxySettings(options, environment, nameOf);
  return { settings, options, logLevel: resolveLogLevel(logLevel, environment, nameOf) };
}

export async function openStandalone({ settings, options, logLevel }: StandalonePlan): Promise<Forwarder> {
  // Before the line that says it is started: whoever waits for that line may signal at once.
  const signals = new Signals();
  let forwarder: (Forwarder & Reloadable) | undefined;
  // Without keys, the signal means what it means to every program: the end of the terminal.
  if (settings.access.keys !== undefined) signals.onHangup(() => forwarder?.reloadKeys());
  try {
    const logger = options.logger ?? (await createLogger({ level: logLevel, ...options.loggerOptions }));
    const { startProxy } = await import('./start-proxy.js');
    const opened = await openForwarder(settings, logger, startProxy);
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
