/**
 * The options of an emitter: documented, validated once and completed with defaults and environment, in one place.
 *
 * What is given explicitly beats the environment; of the same origin, an address beats a port. A mistake is a
 * `TypeError` or `RangeError` at once, naming the option, what was expected and what was given.
 */
import type { Options as EmitteryOptions } from 'emittery';
import { formatEndpoint, parsePort, toDialable } from './address.js';
import { checkAddress, checkInteger, checkKeys, show } from './checks.js';
import { DEFAULT_SEPARATOR } from './pattern.js';
import type { TransportFactory } from './transport/transport.js';
import { isNamespace } from './wire/space.js';
import { isWellFormed } from './wire/text.js';

const DEFAULT_XSUB_PORT = 5555;
const DEFAULT_XPUB_PORT = 5556;

const KIB = 1024;
const MIB = 1024 * KIB;

/** What the payload codec packs at most. */
const MAX_PAYLOAD_BYTES = 256 * MIB;

/** Room beside the payload of the largest event: for its topic and header, and for those of a replay around it. */
const MESSAGE_OVERHEAD_BYTES = 64 * KIB;

/** `setTimeout` takes no more. */
const MAX_TIMEOUT_MS = 2_147_483_647;

export interface DistributedEmitterOptions {
  /**
   * Where the forwarder takes events: `tcp://HOST:PORT` or `ipc://PATH`. A wildcard host means this machine.
   * @default environment `XSUB_ADDRESS`, or `tcp://localhost:` and the port
   */
  readonly xsubAddress?: string | undefined;
  /**
   * Where the forwarder gives events out, in the same form.
   * @default environment `XPUB_ADDRESS`, or `tcp://localhost:` and the port
   */
  readonly xpubAddress?: string | undefined;
  /** Short for `xsubAddress: 'tcp://localhost:PORT'`. @default environment `XSUB_PORT`, or 5555 */
  readonly xsubPort?: number | undefined;
  /** Short for `xpubAddress: 'tcp://localhost:PORT'`. @default environment `XPUB_PORT`, or 5556 */
  readonly xpubPort?: number | undefined;
  /**
   * Keeps applications apart that share a forwarder: emitters of different namespaces have nothing to do with each other.
   * Up to 64 letters, digits and `_.:/-`.
   * @default '' none
   */
  readonly namespace?: string | undefined;
  /**
   * What moves the bytes: `zmtp` (a forwarder, over TCP or Unix sockets), `memory` (emitters of this thread only,
   * needs no forwarder) or a factory for a {@link Transport} of your own.
   * @default 'zmtp'
   */
  readonly transport?: TransportChoice | undefined;
  /** How long `connect()` waits for a working link, in milliseconds. @default 2000 */
  readonly connectTimeout?: number | undefined;
  /** How long `close()` goes on sending, and waits until the forwarder has it, in milliseconds. @default 2000 */
  readonly closeTimeout?: number | undefined;
  /** The largest event that is sent, in bytes of msgpack. @default 16 MiB, or `maxBufferBytes` if that is less */
  readonly maxEventBytes?: number | undefined;
  /** Unsent bytes over which events are refused (`distributed:error` of type `overflow`). @default 64 MiB */
  readonly maxBufferBytes?: number | undefined;
  /** Unsent bytes over which `await emit` waits. @default 1 MiB, or half of `maxBufferBytes` if that is less */
  readonly highWaterMark?: number | undefined;
  /** Events of one name emitted in a row travel in batches of at most so many bytes. @default 4 KiB */
  readonly maxBatchBytes?: number | undefined;
  /**
   * Events that were sent are kept in so many bytes of memory, for receivers that missed some; 0 for none. Memory is
   * taken in blocks of 64 KiB and more, which count as a whole.
   * @default 128 MiB
   */
  readonly historyBytes?: number | undefined;
  /** How long events are kept after they were sent, in milliseconds. @default 60000 */
  readonly historyAge?: number | undefined;
  /** How long what was missed is waited for before it is told as lost, in milliseconds. @default 15000 */
  readonly recoveryTimeout?: number | undefined;
  /** What separates the segments of names for patterns: one character or more. @default ':' */
  readonly separator?: string | undefined;
  /**
   * Whether `emitter.context()` tells of the event that is being handled. It costs some tenths of a microsecond for each
   * event, and makes promises slower on Node 20 and 22. @default false
   */
  readonly context?: boolean | undefined;
  /** Emittery's own debug options. */
  readonly debug?: EmitteryOptions<Record<PropertyKey, unknown>>['debug'];
}

/** Options as the code uses them: complete, checked, frozen. */
export interface ResolvedOptions {
  readonly xsubAddress: string;
  readonly xpubAddress: string;
  readonly namespace: string;
  readonly transport: TransportChoice;
  readonly connectTimeout: number;
  readonly closeTimeout: number;
  readonly maxEventBytes: number;
  readonly maxMessageBytes: number;
  readonly maxBufferBytes: number;
  readonly highWaterMark: number;
  readonly maxBatchBytes: number;
  readonly historyBytes: number;
  readonly historyAge: number;
  readonly recoveryTimeout: number;
  readonly separator: string;
  readonly context: boolean;
}

export type TransportChoice = 'zmtp' | 'memory' | TransportFactory;

type Environment = Readonly<Record<string, string | undefined>>;

const KNOWN: readonly (keyof DistributedEmitterOptions)[] = [
  'xsubAddress',
  'xpubAddress',
  'xsubPort',
  'xpubPort',
  'namespace',
  'transport',
  'connectTimeout',
  'closeTimeout',
  'maxEventBytes',
  'maxBufferBytes',
  'highWaterMark',
  'maxBatchBytes',
  'historyBytes',
  'historyAge',
  'recoveryTimeout',
  'separator',
  'context',
  'debug',
];

/** Checks and completes `options`. */
export function resolveOptions(options: unknown, environment: Environment): ResolvedOptions {
  checkKeys(options, KNOWN);
  const given = options as DistributedEmitterOptions;
  const maxBufferBytes = integer(
    'maxBufferBytes',
    given.maxBufferBytes,
    64 * MIB,
    1,
    Number.MAX_SAFE_INTEGER,
  );
  const largestEvent = Math.min(maxBufferBytes, MAX_PAYLOAD_BYTES);
  const maxEventBytes = integer(
    'maxEventBytes',
    given.maxEventBytes,
    Math.min(16 * MIB, largestEvent),
    1,
    largestEvent,
  );
  const maxBatchBytes = integer('maxBatchBytes', given.maxBatchBytes, 4 * KIB, 1, MIB);
  const highWaterMark = Math.min(MIB, Math.ceil(maxBufferBytes / 2));
  return Object.freeze({
    xsubAddress: address('xsub', given.xsubAddress, given.xsubPort, environment, DEFAULT_XSUB_PORT),
    xpubAddress: address('xpub', given.xpubAddress, given.xpubPort, environment, DEFAULT_XPUB_PORT),
    namespace: namespace(given.namespace),
    transport: transport(given.transport),
    connectTimeout: integer('connectTimeout', given.connectTimeout, 2000, 0, MAX_TIMEOUT_MS),
    closeTimeout: integer('closeTimeout', given.closeTimeout, 2000, 0, MAX_TIMEOUT_MS),
    maxEventBytes,
    maxMessageBytes: Math.max(maxEventBytes, maxBatchBytes) + MESSAGE_OVERHEAD_BYTES,
    maxBufferBytes,
    highWaterMark: integer('highWaterMark', given.highWaterMark, highWaterMark, 1, maxBufferBytes),
    maxBatchBytes,
    historyBytes: integer('historyBytes', given.historyBytes, 128 * MIB, 0, Number.MAX_SAFE_INTEGER),
    historyAge: integer('historyAge', given.historyAge, 60_000, 0, MAX_TIMEOUT_MS),
    recoveryTimeout: integer('recoveryTimeout', given.recoveryTimeout, 15_000, 0, MAX_TIMEOUT_MS),
    separator: separator(given.separator),
    context: boolean('context', given.context, false),
  });
}

/** Checks the `timeout` of a call, in milliseconds. */
export function checkTimeout(value: unknown): number | undefined {
  return value === undefined ? undefined : integer('timeout', value, 0, 0, MAX_TIMEOUT_MS);
}

function integer(option: string, value: unknown, preset: number, min: number, max: number): number {
  return value === undefined ? preset : checkInteger(`\`${option}\``, value, min, max);
}

function boolean(option: string, value: unknown, preset: boolean): boolean {
  if (value === undefined) return preset;
  if (typeof value === 'boolean') return value;
  throw new TypeError(`Expected \`${option}\` to be a boolean, got ${show(value)}`);
}

function separator(value: unknown): string {
  if (value === undefined) return DEFAULT_SEPARATOR;
  if (typeof value === 'string' && value !== '' && !value.includes('*') && isWellFormed(value)) return value;
  throw new TypeError(
    `Expected \`separator\` to be a string, not empty and without * and lone surrogates, got ${show(value)}`,
  );
}

function namespace(value: unknown): string {
  if (value === undefined || value === '') return '';
  if (typeof value === 'string' && isNamespace(value)) return value;
  throw new TypeError(`Expected \`namespace\` to be up to 64 letters, digits and _.:/-, got ${show(value)}`);
}

function transport(value: unknown): TransportChoice {
  if (value === undefined) return 'zmtp';
  if (value === 'zmtp' || value === 'memory' || typeof value === 'function') return value as TransportChoice;
  throw new TypeError(
    `Expected \`transport\` to be 'zmtp', 'memory' or a factory function, got ${show(value)}`,
  );
}

function address(
  side: 'xsub' | 'xpub',
  givenAddress: unknown,
  givenPort: unknown,
  environment: Environment,
  presetPort: number,
): string {
  if (givenAddress !== undefined) return dialable(`\`${side}Address\``, givenAddress);
  if (givenPort !== undefined) return onThisMachine(integer(`${side}Port`, givenPort, 0, 1, 65_535));
  const addressVariable = `${side.toUpperCase()}_ADDRESS`;
  const fromEnvironment = environment[addressVariable];
  if (fromEnvironment) return dialable(`environment variable ${addressVariable}`, fromEnvironment);
  const portVariable = `${side.toUpperCase()}_PORT`;
  const port = environment[portVariable];
  return onThisMachine(port ? environmentPort(portVariable, port) : presetPort);
}

function onThisMachine(port: number): string {
  return `tcp://localhost:${port}`;
}

function environmentPort(variable: string, text: string): number {
  const port = parsePort(text);
  if (port === undefined || port === 0) {
    throw new RangeError(
      `Expected environment variable ${variable} to be a port from 1 to 65535, got '${text}'`,
    );
  }
  return port;
}

function dialable(name: string, value: unknown): string {
  const endpoint = checkAddress(name, value);
  if (endpoint.protocol === 'tcp' && endpoint.port === 0) {
    throw new RangeError(`Expected ${name} to have a port from 1 to 65535, got ${show(value)}`);
  }
  return formatEndpoint(toDialable(endpoint));
}
