/**
 * The forwarder's options: what may be given, what it defaults to, and the one place where all of it is checked.
 *
 * An explicit option beats the environment, and beside it an address beats a port: so a port option also beats an
 * address from the environment. Messages name the option by the name its user knows (`--xsub-port` on the command
 * line), what was expected and what was given.
 */
import type { Logger, LoggerOptions } from 'pino';
import { type Endpoint, formatEndpoint, parsePort } from '../address.js';
import { checkAddress, checkInteger, checkKeys, show } from '../checks.js';
import type { KeyPair } from '../keys.js';
import { readServerKeys } from './access/secret-key.js';
import { type AccessOptions, resolveAccess, resolveSecretKeyFile } from './access-options.js';
import { type Environment, type NameOf, quoteOption } from './option-source.js';
import type { Binding, ProxySettings, Side } from './settings.js';

/** Options of {@link createForwarder}. */
export interface ForwarderOptions extends AccessOptions {
  /**
   * The port where publishers connect, on every interface, IPv4 and IPv6. 0 lets the system choose.
   * @default `XSUB_PORT` of the environment, or 5555
   */
  readonly xsubPort?: number | undefined;
  /**
   * The port where subscribers connect, on every interface, IPv4 and IPv6. 0 lets the system choose.
   * @default `XPUB_PORT` of the environment, or 5556
   */
  readonly xpubPort?: number | undefined;
  /**
   * Where publishers connect, `tcp://HOST:PORT` or `ipc://PATH`; beats `xsubPort`. HOST is an address of this
   * machine, an interface, a name, or `*` for all.
   * @default `XSUB_ADDRESS` of the environment, or `tcp://*:` and the port
   */
  readonly xsubAddress?: string | undefined;
  /**
   * Where subscribers connect, in the form of `xsubAddress`; beats `xpubPort`.
   * @default `XPUB_ADDRESS` of the environment, or `tcp://*:` and the port
   */
  readonly xpubAddress?: string | undefined;
  /**
   * How many messages may wait for one subscriber before it misses some, and from one publisher. A stalled
   * subscriber so costs at most this many messages of memory: 64 MiB for emitters' batches of 4 KiB, and more only
   * where single events are larger than a batch.
   * @default 16384
   */
  readonly highWaterMark?: number | undefined;
  /**
   * The largest message taken from a publisher, in bytes; a peer that sends a larger one is disconnected. So is a
   * subscriber that sends more than 8 KiB: it has nothing to send but subscriptions.
   * @default 16,842,752 (16 MiB for an event, 64 KiB for what goes around it)
   */
  readonly maxMessageBytes?: number | undefined;
  /**
   * How long a peer may take for the ZMTP handshake, in milliseconds, before it is disconnected.
   * @default 10,000
   */
  readonly handshakeInterval?: number | undefined;
  /**
   * Options of the pino logger the forwarder makes; it writes JSON lines to stdout.
   * @default `{ level: 'silent' }`
   */
  readonly loggerOptions?: LoggerOptions | undefined;
  /** A pino logger to use instead of one of its own. Not together with `loggerOptions`. */
  readonly logger?: Logger | undefined;
}

export const DEFAULT_PORTS: Readonly<Record<Side, number>> = { xsub: 5555, xpub: 5556 };
const DEFAULT_HIGH_WATER_MARK = 16_384;
const DEFAULT_MAX_MESSAGE_BYTES = 16 * 1024 * 1024 + 64 * 1024;
const DEFAULT_HANDSHAKE_INTERVAL = 10_000;

/** libzmq counts in 32-bit integers. */
const MAX_INT32 = 2 ** 31 - 1;
/** A smaller limit also refuses the frames of the handshake itself. */
const MIN_MESSAGE_BYTES = 1024;

const KNOWN: Readonly<Record<keyof ForwarderOptions, true>> = {
  xsubPort: true,
  xpubPort: true,
  xsubAddress: true,
  xpubAddress: true,
  highWaterMark: true,
  maxMessageBytes: true,
  handshakeInterval: true,
  secretKeyFile: true,
  authorizedKeysFile: true,
  unprotected: true,
  allow: true,
  loggerOptions: true,
  logger: true,
};

/** Checks everything at once and throws a TypeError or RangeError that names what is wrong. */
export function resolveProxySettings(
  options: ForwarderOptions,
  environment: Environment,
  nameOf: NameOf = quoteOption,
): ProxySettings {
  checkKeys(options, Object.keys(KNOWN));
  assertLogging(options);
  const xsub = resolveBinding('xsub', options, environment, nameOf);
  const xpub = resolveBinding('xpub', options, environment, nameOf);
  assertDifferent(xsub, xpub);
  return {
    xsub,
    xpub,
    access: resolveAccess(options, environment, nameOf),
    highWaterMark: checkInteger(
      nameOf('highWaterMark'),
      options.highWaterMark ?? DEFAULT_HIGH_WATER_MARK,
      1,
      MAX_INT32,
    ),
    maxMessageBytes: checkInteger(
      nameOf('maxMessageBytes'),
      options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
      MIN_MESSAGE_BYTES,
      MAX_INT32,
    ),
    handshakeInterval: checkInteger(
      nameOf('handshakeInterval'),
      options.handshakeInterval ?? DEFAULT_HANDSHAKE_INTERVAL,
      1,
      MAX_INT32,
    ),
  };
}

/** What a health check has to know of the forwarder that it asks. */
export interface HealthSettings extends Pick<ProxySettings, Side> {
  /** The forwarder's own keys, if it has some: with them it lets the check in. */
  readonly keys: KeyPair | undefined;
}

/** Of the same options and the same environment as the forwarder's: who else may connect is not needed. */
export function resolveHealthSettings(
  options: ForwarderOptions,
  environment: Environment,
  nameOf: NameOf = quoteOption,
): HealthSettings {
  const secretKey = resolveSecretKeyFile(options, environment, nameOf);
  return {
    xsub: resolveBinding('xsub', options, environment, nameOf),
    xpub: resolveBinding('xpub', options, environment, nameOf),
    keys: secretKey && readServerKeys(secretKey),
  };
}

/** pino judges its own options; this only catches what is none at all. */
function assertLogging({ logger, loggerOptions }: ForwarderOptions): void {
  if (logger !== undefined && loggerOptions !== undefined) {
    throw new TypeError('Expected either `logger` or `loggerOptions`, got both');
  }
  if (logger !== undefined && typeof logger?.info !== 'function') {
    throw new TypeError(`Expected \`logger\` to be a pino logger, got ${show(logger)}`);
  }
  if (loggerOptions !== undefined && (typeof loggerOptions !== 'object' || loggerOptions === null)) {
    throw new TypeError(`Expected \`loggerOptions\` to be an object, got ${show(loggerOptions)}`);
  }
}

/** The most specific of: option address, option port, environment address, environment port, default. */
function resolveBinding(
  side: Side,
  options: ForwarderOptions,
  environment: Environment,
  nameOf: NameOf,
): Binding {
  const address = options[`${side}Address`];
  const port = options[`${side}Port`];
  // Both are checked even where one beats the other: a mistake in the beaten one is still a mistake.
  const portName = nameOf(`${side}Port`);
  const fromPort = port === undefined ? undefined : onAllInterfaces(checkInteger(portName, port, 0, 65_535));
  if (address !== undefined) {
    const name = nameOf(`${side}Address`);
    return { side, endpoint: checkAddress(name, address), source: name };
  }
  if (fromPort !== undefined) return { side, endpoint: fromPort, source: portName };

  const variable = side.toUpperCase();
  const envAddress = environment[`${variable}_ADDRESS`];
  if (envAddress !== undefined && envAddress !== '') {
    const name = `environment variable ${variable}_ADDRESS`;
    return { side, endpoint: checkAddress(name, envAddress), source: name };
  }
  const envPort = environment[`${variable}_PORT`];
  if (envPort !== undefined && envPort !== '') {
    const name = `environment variable ${variable}_PORT`;
    return { side, endpoint: onAllInterfaces(parsePortText(name, envPort)), source: name };
  }
  return { side, endpoint: onAllInterfaces(DEFAULT_PORTS[side]), source: 'the default' };
}

function onAllInterfaces(port: number): Endpoint {
  return { protocol: 'tcp', host: '*', port };
}

/** Also the mistake of one port for both sides, which the system would only report as "in use". */
function assertDifferent(xsub: Binding, xpub: Binding): void {
  const address = formatEndpoint(xpub.endpoint);
  if (xpub.endpoint.protocol === 'tcp' && xpub.endpoint.port === 0) return;
  if (address !== formatEndpoint(xsub.endpoint)) return;
  throw new RangeError(
    `Expected ${xpub.source} to be another address than ${xsub.source}, got ${address} for both`,
  );
}

/** A port from the command line or the environment. */
export function parsePortText(name: string, text: string): number {
  const port = parsePort(text);
  if (port === undefined)
    throw new RangeError(`Expected ${name} to be a port from 0 to 65535, got ${show(text)}`);
  return port;
}
