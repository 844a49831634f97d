/**
 * An embedded forwarder: options in, a running proxy with a logger and a life cycle out.
 *
 * Everything heavy (the native module, pino) is loaded on demand: after a mistake in the options it is not needed.
 */
import type { Logger, LoggerOptions } from 'pino';
import type { DemitterError } from '../errors.js';
import { warnOfOpenness } from './access/openness.js';
import { type ForwarderOptions, resolveProxySettings } from './options.js';
import type { ProxySettings, RunningProxy, StartProxy } from './settings.js';

/** A running forwarder, made by `createForwarder`. */
export interface Forwarder extends AsyncDisposable {
  /** Where publishers connect, with the real port; a wildcard host reads `0.0.0.0`. */
  readonly xsubAddress: string;
  /** Where subscribers connect, with the real port; a wildcard host reads `0.0.0.0`. */
  readonly xpubAddress: string;
  /** The pino logger in use: silent unless `loggerOptions` or `logger` said otherwise. */
  readonly logger: Logger;
  /**
   * Resolves when it forwards no more: with `undefined` after {@link close}, with a {@link DemitterError}
   * (`DEMITTER_FORWARDER_FAILED`) if the proxy ended by itself. Never rejects.
   */
  readonly closed: Promise<DemitterError | undefined>;
  /**
   * Ends the proxy, gives what is queued up to a quarter of a second to leave, and frees both addresses: they can
   * be bound again as soon as it resolves. Idempotent; takes milliseconds as a rule and two seconds at most.
   *
   * @param reason What the log gives as the reason. @default 'close() was called'
   */
  close(reason?: string): Promise<void>;
}

/** See `createForwarder` in ../forwarder.ts. */
export async function createEmbedded(options: ForwarderOptions): Promise<Forwarder> {
  const settings = resolveProxySettings(options, process.env);
  const logger = options.logger ?? (await createLogger(options.loggerOptions ?? { level: 'silent' }));
  const { startProxy } = await import('./start-proxy.js');
  return openForwarder(settings, logger, startProxy);
}

async function createLogger(options: LoggerOptions): Promise<Logger> {
  const { pino } = await import('pino');
  return pino(options);
}

/** For the signal that a process of its own takes for it. */
export interface Reloadable {
  /** Reads the authorized keys again. */
  reloadKeys(): void;
}

/** The part that needs neither environment nor defaults: what embedded and standalone forwarders have in common. */
export async function openForwarder(
  settings: ProxySettings,
  logger: Logger,
  startProxy: StartProxy,
): Promise<Forwarder & Reloadable> {
  const proxy = await startProxy(settings, ({ level, message }) => logger[level](message));
  const { xsubAddress, xpubAddress } = proxy;
  logger.info({ xsubAddress, xpubAddress }, `forwarder started: XSUB ${xsubAddress}, XPUB ${xpubAddress}`);
  const warning = warnOfOpenness(settings, proxy);
  if (warning !== undefined) logger.warn(warning);
  logger.debug({ kind: proxy.kind, pid: proxy.pid }, `the proxy runs in process ${proxy.pid}`);
  return new ProxyForwarder(proxy, logger);
}

class ProxyForwarder implements Forwarder, Reloadable {
  readonly xsubAddress: string;
  readonly xpubAddress: string;
  readonly logger: Logger;
  readonly closed: Promise<DemitterError | undefined>;
  readonly #proxy: RunningProxy;
  #closing: Promise<void> | undefined;

  constructor(proxy: RunningProxy, logger: Logger) {
    this.#proxy = proxy;
    this.xsubAddress = proxy.xsubAddress;
    this.xpubAddress = proxy.xpubAddress;
    this.logger = logger;
    this.closed = this.#watch();
  }

  reloadKeys(): void {
    this.#proxy.reloadKeys();
  }

  close(reason = 'close() was called'): Promise<void> {
    this.#closing ??= this.#close(reason);
    return this.#closing;
  }

  async #close(reason: string): Promise<void> {
    this.logger.debug({ reason }, `closing: ${reason}`);
    await this.#proxy.stop();
    const failure = await this.closed;
    if (failure === undefined) this.logger.info({ reason }, `forwarder stopped: ${reason}`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close('disposed');
  }

  async #watch(): Promise<DemitterError | undefined> {
    const failure = await this.#proxy.ended;
    if (failure !== undefined) this.logger.error({ err: failure }, `forwarder failed: ${failure.message}`);
    return failure;
  }
}
