/**
 * The options of an emitter: documented, validated once and completed with defaults and environment, in one place.
 *
 * What is given explicitly beats the environment; of the same origin, an address beats a port. A mistake is a
 * `TypeError` or `RangeError` at once, naming the option, what was expected and what was given.
 */
import type { Options as EmitteryOptions } from 'emittery';
import { type Endpoint, formatEndpoint, isOfThisMachine, parsePort, toDialable } from './address.js';
import { checkAddress, checkInteger, checkKeys, show } from './checks.js';
import type { ClientKeys } from './keys.js';
import { DEFAULT_SEPARATOR } from './pattern.js';
import { type PresenceOptions, resolvePresence } from './presence-options.js';
import { maySend, type Rights } from './rights.js';
import { type EventSchemas, Schemas, type ValidateMode } from './schemas.js';
import { resolveSecurity, type SecurityOptions } from './security-options.js';
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
  /**
   * Who runs the forwarder: `external`, somebody else; or `auto`, the first process on this machine that needs it, and
   * when that ends, another one (docs/reliability.md). The addresses are then of this machine: `localhost`, which is
   * bound at 127.0.0.1 only, an IP address of its own, or a path. All processes should say `auto` then.
   * @default 'external'
   */
  readonly forwarder?: ForwarderChoice | undefined;
  /**
   * Keys: what travels is encrypted, and only the forwarder with that key is talked to, which in turn lets in only those
   * whose keys it knows (docs/security.md). With `transport: 'zmtp'` and a forwarder that somebody else runs.
   * @default environment `DEMITTER_SERVER_KEY` with `DEMITTER_SECRET_KEY_FILE` or `DEMITTER_SECRET_KEY`, or none
   */
  readonly security?: SecurityOptions | undefined;
  /**
   * What this emitter may do: `both`; `publish`, it sends events and hears none; or `subscribe`, it hears events and sends
   * none. For keys that have no more rights, as only the link of that direction is made. What an emitter cannot do then, and
   * what is promised less, is in docs/security.md.
   * @default 'both'
   */
  readonly rights?: Rights | undefined;
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
  /** Retained values are kept in so many bytes of memory. @default 16 MiB */
  readonly retainedBytes?: number | undefined;
  /** How long what was missed is waited for before it is told as lost, in milliseconds. @default 15000 */
  readonly recoveryTimeout?: number | undefined;
  /** Validate events by these, and give them their types: any Standard Schema (zod, valibot, arktype …) by name. @default none */
  readonly schemas?: EventSchemas | undefined;
  /** What is validated by {@link schemas}. @default 'both' */
  readonly validate?: ValidateMode | undefined;
  /** What separates the segments of names for patterns: one character or more. @default ':' */
  readonly separator?: string | undefined;
  /**
   * Whether `emitter.context()` tells of the event that is being handled. It costs some tenths of a microsecond for each
   * event, and makes promises slower on Node 20 and 22. @default false
   */
  readonly context?: boolean | undefined;
  /**
   * What this emitter's service is called, 1 to 255 characters: others see it in `peers()`. Whoever gives `name`, `meta`
   * or `heartbeatInterval` takes part in presence from the beginning; see docs/presence.md.
   * @default none
   */
  readonly name?: string | undefined;
  /**
   * What others are to know of this emitter: anything that an event may carry, of at most 16 KiB of msgpack. It is read
   * once, now. @default none
   */
  readonly meta?: unknown;
  /**
   * How often this emitter tells those who watch that it is there, in milliseconds, from 100 to 3600000. After three of
   * these without a word, it has left.
   * @default 1000
   */
  readonly heartbeatInterval?: number | undefined;
  /** Emittery's own debug options. */
  readonly debug?: EmitteryOptions<Record<PropertyKey, unknown>>['debug'];
}

/** Options as the code uses them: complete, checked, frozen. */
export interface ResolvedOptions {
  readonly xsubAddress: string;
  readonly xpubAddress: string;
  readonly namespace: string;
  readonly transport: TransportChoice;
  readonly forwarder: ForwarderChoice;
  readonly security: ClientKeys | undefined;
  readonly rights: Rights;
  readonly connectTimeout: number;
  readonly closeTimeout: number;
  readonly maxEventBytes: number;
  readonly maxMessageBytes: number;
  readonly maxBufferBytes: number;
  readonly highWaterMark: number;
  readonly maxBatchBytes: number;
  readonly historyBytes: number;
  readonly historyAge: number;
  readonly retainedBytes: number;
  readonly recoveryTimeout: number;
  readonly schemas: Schemas | undefined;
  readonly separator: string;
  readonly context: boolean;
  readonly presence: PresenceOptions;
}

export type ForwarderChoice = 'auto' | 'external';

export type TransportChoice = 'zmtp' | 'memory' | TransportFactory;

type Environment = Readonly<Record<string, string | undefined>>;

const KNOWN: readonly (keyof DistributedEmitterOptions)[] = [
  'xsubAddress',
  'xpubAddress',
  'xsubPort',
  'xpubPort',
  'namespace',
  'transport',
  'forwarder',
  'security',
  'rights',
  'connectTimeout',
  'closeTimeout',
  'maxEventBytes',
  'maxBufferBytes',
  'highWaterMark',
  'maxBatchBytes',
  'historyBytes',
  'historyAge',
  'retainedBytes',
  'recoveryTimeout',
  'schemas',
  'validate',
  'separator',
  'context',
  'name',
  'meta',
  'heartbeatInterval',
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
  const xsub = address('xsub', given.xsubAddress, given.xsubPort, environment, DEFAULT_XSUB_PORT);
  const xpub = address('xpub', given.xpubAddress, given.xpubPort, environment, DEFAULT_XPUB_PORT);
  const chosenTransport = transport(given.transport);
  const chosenForwarder = forwarder(given.forwarder);
  if (chosenForwarder === 'auto') checkHosting(chosenTransport, xsub, xpub);
  const chosenRights = rights(given.rights);
  const presence = resolvePresence(given);
  if (presence.takesPart && !maySend(chosenRights)) {
    throw new TypeError(
      "Expected none of `name`, `meta` and `heartbeatInterval` with `rights: 'subscribe'`: nobody hears of an emitter " +
        'that sends nothing',
    );
  }
  return Object.freeze({
    xsubAddress: formatEndpoint(xsub.endpoint),
    xpubAddress: formatEndpoint(xpub.endpoint),
    namespace: namespace(given.namespace),
    transport: chosenTransport,
    forwarder: chosenForwarder,
    security: resolveSecurity(given.security, environment, {
      transport: chosenTransport,
      forwarder: chosenForwarder,
    }),
    rights: chosenRights,
    connectTimeout: integer('connectTimeout', given.connectTimeout, 2000, 0, MAX_TIMEOUT_MS),
    closeTimeout: integer('closeTimeout', given.closeTimeout, 2000, 0, MAX_TIMEOUT_MS),
    maxEventBytes,
    maxMessageBytes: Math.max(maxEventBytes, maxBatchBytes) + MESSAGE_OVERHEAD_BYTES,
    maxBufferBytes,
    highWaterMark: integer('highWaterMark', given.highWaterMark, highWaterMark, 1, maxBufferBytes),
    maxBatchBytes,
    historyBytes: integer('historyBytes', given.historyBytes, 128 * MIB, 0, Number.MAX_SAFE_INTEGER),
    historyAge: integer('historyAge', given.historyAge, 60_000, 0, MAX_TIMEOUT_MS),
    retainedBytes: integer('retainedBytes', given.retainedBytes, 16 * MIB, 0, Number.MAX_SAFE_INTEGER),
    recoveryTimeout: integer('recoveryTimeout', given.recoveryTimeout, 15_000, 0, MAX_TIMEOUT_MS),
    schemas: schemas(given.schemas, given.validate),
    separator: separator(given.separator),
    context: boolean('context', given.context, false),
    presence,
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

function schemas(value: unknown, mode: unknown): Schemas | undefined {
  const modes = ['both', 'receive', 'emit', 'none'];
  if (mode !== undefined && !modes.includes(mode as ValidateMode))
    throw new TypeError(`Expected \`validate\` to be one of ${modes.join(', ')}, got ${show(mode)}`);
  return value === undefined ? undefined : new Schemas(value, (mode as ValidateMode | undefined) ?? 'both');
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

function forwarder(value: unknown): ForwarderChoice {
  if (value === undefined) return 'external';
  if (value === 'auto' || value === 'external') return value;
  throw new TypeError(`Expected \`forwarder\` to be 'auto' or 'external', got ${show(value)}`);
}

function rights(value: unknown): Rights {
  if (value === undefined) return 'both';
  if (value === 'both' || value === 'publish' || value === 'subscribe') return value;
  throw new TypeError(`Expected \`rights\` to be 'both', 'publish' or 'subscribe', got ${show(value)}`);
}

/** What a process has to be able to do that may run the forwarder. */
function checkHosting(choice: TransportChoice, xsub: Address, xpub: Address): void {
  if (choice !== 'zmtp') {
    throw new TypeError(
      `Expected \`transport\` to be 'zmtp' with \`forwarder: 'auto'\`, got ${show(choice)}, which needs no forwarder`,
    );
  }
  for (const { name, endpoint } of [xsub, xpub]) {
    if (!isOfThisMachine(endpoint)) {
      throw new RangeError(
        `Expected ${name} to be of this machine with \`forwarder: 'auto'\` (localhost, an IP address of its own, or ` +
          `ipc://PATH), got '${formatEndpoint(endpoint)}'`,
      );
    }
    if (endpoint.protocol === 'ipc' && process.platform !== 'linux') {
      throw new RangeError(
        `Expected ${name} to begin with tcp:// with \`forwarder: 'auto'\` (ipc:// works on Linux only), got ` +
          `'${formatEndpoint(endpoint)}'`,
      );
    }
  }
  const address = formatEndpoint(xpub.endpoint);
  if (address === formatEndpoint(xsub.endpoint)) {
    throw new RangeError(
      `Expected ${xpub.name} to be another address than ${xsub.name}, got '${address}' for both`,
    );
  }
}

/** Where a side of the forwarder is, and who said so, for messages. */
interface Address {
  readonly name: string;
  readonly endpoint: Endpoint;
}

function address(
  side: 'xsub' | 'xpub',
  givenAddress: unknown,
  givenPort: unknown,
  environment: Environment,
  presetPort: number,
): Address {
  if (givenAddress !== undefined) return dialable(`\`${side}Address\``, givenAddress);
  const option = `${side}Port`;
  if (givenPort !== undefined)
    return onThisMachine(`\`${option}\``, integer(option, givenPort, 0, 1, 65_535));
  const addressVariable = `${side.toUpperCase()}_ADDRESS`;
  const fromEnvironment = environment[addressVariable];
  if (fromEnvironment) return dialable(`environment variable ${addressVariable}`, fromEnvironment);
  const portVariable = `${side.toUpperCase()}_PORT`;
  const port = environment[portVariable];
  return port
    ? onThisMachine(`environment variable ${portVariable}`, environmentPort(portVariable, port))
    : onThisMachine(`\`${side}Address\``, presetPort);
}

function onThisMachine(name: string, port: number): Address {
  return { name, endpoint: { protocol: 'tcp', host: 'localhost', port } };
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

function dialable(name: string, value: unknown): Address {
  const endpoint = checkAddress(name, value);
  if (endpoint.protocol === 'tcp' && endpoint.port === 0) {
    throw new RangeError(`Expected ${name} to have a port from 1 to 65535, got ${show(value)}`);
  }
  return { name, endpoint: toDialable(endpoint) };
}
