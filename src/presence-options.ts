/** The options by which an emitter takes part in presence, checked. */
import { checkInteger, show } from './checks.js';
import { PayloadError, packPayload } from './wire/payload.js';
import { MAX_INTERVAL_MS, MAX_META_BYTES, MAX_NAME_LENGTH, MIN_INTERVAL_MS } from './wire/presence.js';

const DEFAULT_INTERVAL_MS = 1000;

export interface GivenPresence {
  readonly name?: unknown;
  readonly meta?: unknown;
  readonly heartbeatInterval?: unknown;
}

export interface PresenceOptions {
  /** Whether it takes part from the beginning: any of the options was given. */
  readonly takesPart: boolean;
  /** Empty if there is none. */
  readonly name: string;
  /** As msgpack; empty if there is none. */
  readonly meta: Uint8Array;
  readonly heartbeatInterval: number;
}

const NO_META = new Uint8Array(0);

export function resolvePresence({ name, meta, heartbeatInterval }: GivenPresence): PresenceOptions {
  return Object.freeze({
    takesPart: name !== undefined || meta !== undefined || heartbeatInterval !== undefined,
    name: name === undefined ? '' : checkName(name),
    meta: meta === undefined ? NO_META : packMeta(meta),
    heartbeatInterval:
      heartbeatInterval === undefined
        ? DEFAULT_INTERVAL_MS
        : checkInteger('`heartbeatInterval`', heartbeatInterval, MIN_INTERVAL_MS, MAX_INTERVAL_MS),
  });
}

function checkName(name: unknown): string {
  const expected = `Expected \`name\` to be a string of 1 to ${MAX_NAME_LENGTH} characters`;
  if (typeof name !== 'string') throw new TypeError(`${expected}, got ${show(name)}`);
  if (name.length < 1 || name.length > MAX_NAME_LENGTH)
    throw new RangeError(`${expected}, got ${name.length}`);
  // UTF-8 has no bytes for it: others would read another name.
  if (/\p{Surrogate}/u.test(name))
    throw new TypeError(`${expected}, got ${show(name)}, which has a lone surrogate`);
  return name;
}

function packMeta(meta: unknown): Uint8Array {
  const bytes = packed(meta);
  if (bytes.length > MAX_META_BYTES) {
    throw new RangeError(
      `Expected \`meta\` to have at most ${MAX_META_BYTES} bytes of msgpack, got ${bytes.length}`,
    );
  }
  // A copy: the codec uses its memory again.
  return Uint8Array.from(bytes);
}

function packed(meta: unknown): Uint8Array {
  try {
    return packPayload(meta);
  } catch (cause) {
    if (!(cause instanceof PayloadError)) throw cause;
    throw new TypeError(`Expected \`meta\` to be data that can travel, got ${cause.message}`, { cause });
  }
}
