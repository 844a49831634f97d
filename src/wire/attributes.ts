/**
 * Attributes: what an event carries beside its data. Where there are any, the value in the batch is a pair, an array of a
 * map of attributes and the data, and so is every value of that batch (docs/protocol.md, section 3.4).
 */
import { PayloadError } from './payload.js';

export interface Attributes {
  readonly headers?: Headers | undefined;
}

/** As in HTTP: texts by name. */
export type Headers = Readonly<Record<string, string>>;

/** Short names: they are on every event that has attributes. */
interface WireAttributes {
  h?: Headers;
}

export function toPair(attributes: Attributes, data: unknown): readonly [WireAttributes, unknown] {
  const map: WireAttributes = {};
  if (attributes.headers !== undefined) map.h = attributes.headers;
  return [map, data];
}

/**
 * Leaves the data of each pair in its place among `values`, and returns the attributes. Those that are not known are
 * passed over: a newer publisher may have them.
 *
 * @throws PayloadError if one is no such pair.
 */
export function separateAttributes(values: unknown[]): Attributes[] {
  return values.map((pair, i) => {
    if (!Array.isArray(pair) || pair.length !== 2) throw new PayloadError('no pair of attributes and data');
    const [map, data] = pair as [unknown, unknown];
    if (!isPlainObject(map)) throw new PayloadError('attributes that are no map');
    const { h: headers } = map;
    if (headers !== undefined && !isHeaders(headers))
      throw new PayloadError('headers that are no map of texts');
    values[i] = data;
    return { headers };
  });
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function isHeaders(value: unknown): value is Headers {
  return isPlainObject(value) && Object.values(value).every((text) => typeof text === 'string');
}
