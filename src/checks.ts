/**
 * Checks of what users give, for the options of the emitter and of the forwarder alike: one clear error that names the
 * thing, what was expected and what was given. `name` is how the user knows the thing: `` `xsubPort` ``, `--xsub-port`.
 */
import { ENDPOINT_FORM, type Endpoint, parseEndpoint } from './address.js';

/** @throws TypeError unless `options` is an object with no other keys than `known`. `prefix` is of what it is a part of. */
export function checkKeys(options: unknown, known: readonly string[], prefix = ''): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`Expected the options to be an object, got ${show(options)}`);
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new TypeError(`Unknown option \`${prefix}${key}\`: expected one of ${known.join(', ')}`);
    }
  }
}

/** @throws TypeError for what is no number, RangeError for one that is not whole or out of range. */
export function checkInteger(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number') {
    throw new TypeError(`Expected ${name} to be a number from ${min} to ${max}, got ${show(value)}`);
  }
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`Expected ${name} to be a whole number from ${min} to ${max}, got ${value}`);
  }
  return value;
}

/** @throws TypeError for what is no `tcp://` or `ipc://` address. */
export function checkAddress(name: string, value: unknown): Endpoint {
  if (typeof value !== 'string') {
    throw new TypeError(`Expected ${name} to be a string of the form ${ENDPOINT_FORM}, got ${show(value)}`);
  }
  const endpoint = parseEndpoint(value);
  if (typeof endpoint !== 'string') return endpoint;
  throw new TypeError(
    `Expected ${name} to be of the form ${ENDPOINT_FORM}, got ${show(value)}, which ${endpoint}`,
  );
}

/** A value in a message: short, on one line, and telling `'5555'` from `5555`. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `'${JSON.stringify(value.slice(0, 200)).slice(1, -1)}'`;
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
