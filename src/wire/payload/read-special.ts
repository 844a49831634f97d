/**
 * Reads the extension types: the counterpart of write-special.ts. Every form is checked to the byte, and what comes
 * out is the listener's own: binary data is copied, which also aligns it for its element type.
 */
import {
  BINARY_ARRAY_BUFFER,
  BINARY_DATA_VIEW,
  BINARY_UINT8_ARRAY,
  ERROR_FIELDS,
  EXT_BIGINT,
  EXT_BINARY,
  EXT_ERROR,
  EXT_INVALID_DATE,
  EXT_MAP,
  EXT_REGEXP,
  EXT_SET,
  EXT_TIMESTAMP,
  EXT_UNDEFINED,
  HeapCost,
  MAX_REGEXP_COST_UNPACKED,
  type PayloadError,
  regExpCost,
  swapUnlessLittleEndian,
  TYPED_ARRAYS,
} from './format.js';
import type { KeyWatch } from './key-watch.js';

/** What reader.ts offers for this: where the bytes are. */
export interface ValueReader {
  readonly bytes: Buffer;
  at: number;
  /** Of all RegExps of the call so far that differ, and those of them that cost something. */
  regExpCost: number;
  readonly regExps: Set<string>;
  /** Over all keys of Maps and Sets. */
  readonly keys: KeyWatch;
  /** Counts memory that a value takes, in bytes. Throws if it is more than the message may. */
  charge(heapBytes: number): void;
  /** Counts a key. Throws if too many are very long. */
  countKey(key: unknown): void;
  read(depth: number): unknown;
  readArray(depth: number): unknown[];
  readObject(depth: number): Record<string, unknown>;
  error(found: string): PayloadError;
}

type ErrorClass = new (message?: string) => Error;
interface ElementsClass {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): ArrayBufferView;
}

/** One value from `reader.at` to `end`, moving `reader.at` along. */
export function readSpecial(reader: ValueReader, type: number, end: number, depth: number): unknown {
  switch (type) {
    case EXT_UNDEFINED:
      expectZero(reader, end);
      return undefined;
    case EXT_BIGINT:
      return readBigInt(reader, end);
    case EXT_TIMESTAMP:
      return readDate(reader, end);
    case EXT_INVALID_DATE:
      expectZero(reader, end);
      return new Date(Number.NaN);
    case EXT_BINARY:
      return readBinary(reader, end);
    case EXT_MAP:
      return readMap(reader, depth);
    case EXT_SET:
      return readSet(reader, depth);
    case EXT_REGEXP:
      return readRegExp(reader, depth);
    case EXT_ERROR:
      return readError(reader, depth);
    default:
      throw reader.error(`extension type ${(type << 24) >> 24}, which is not in use`);
  }
}

/** The two types that say it all by themselves have a body of one zero byte. */
function expectZero(reader: ValueReader, end: number): void {
  if (end - reader.at !== 1 || reader.bytes[reader.at] !== 0)
    throw reader.error('an extension of the wrong form');
  reader.at = end;
}

function readBigInt(reader: ValueReader, end: number): bigint {
  const { bytes, at } = reader;
  if (end === at) throw reader.error('a BigInt without digits');
  reader.at = end;
  if (end - at === 8) return bytes.readBigInt64BE(at);
  const value = BigInt(`0x${bytes.toString('hex', at, end)}`);
  return (bytes[at] as number) < 0x80 ? value : value - (1n << BigInt((end - at) * 8));
}

function readDate(reader: ValueReader, end: number): Date {
  const { bytes, at } = reader;
  let seconds: number;
  let nanoseconds = 0;
  switch (end - at) {
    case 4:
      seconds = bytes.readUInt32BE(at);
      break;
    case 8: {
      const first = bytes.readUInt32BE(at);
      nanoseconds = first >>> 2;
      seconds = (first & 3) * 2 ** 32 + bytes.readUInt32BE(at + 4);
      break;
    }
    case 12:
      nanoseconds = bytes.readUInt32BE(at);
      seconds = Number(bytes.readBigInt64BE(at + 4));
      break;
    default:
      throw reader.error('a timestamp of the wrong length');
  }
  const date = new Date(seconds * 1000 + Math.floor(nanoseconds / 1_000_000));
  if (nanoseconds > 999_999_999 || Number.isNaN(date.getTime()))
    throw reader.error('a timestamp out of range');
  reader.at = end;
  return date;
}

function readBinary(reader: ValueReader, end: number): ArrayBuffer | ArrayBufferView {
  reader.charge(HeapCost.binary);
  const code = end > reader.at ? (reader.bytes[reader.at] as number) : -1;
  const copy = new Uint8Array(Math.max(end - reader.at - 1, 0));
  copy.set(reader.bytes.subarray(reader.at + 1, end));
  // By far the most frequent, and V8 keeps it on its heap as long as nobody asks for its buffer.
  if (code === BINARY_UINT8_ARRAY) {
    reader.at = end;
    return copy;
  }
  const { buffer } = copy;
  const name = TYPED_ARRAYS[code];
  if (name !== undefined) {
    const Elements = (globalThis as Record<string, unknown>)[name] as ElementsClass | undefined;
    if (Elements === undefined) throw reader.error(`a ${name}, which this version of Node.js does not have`);
    if (copy.length % Elements.BYTES_PER_ELEMENT !== 0)
      throw reader.error(`a ${name} that ends within an element`);
    swapUnlessLittleEndian(copy, Elements.BYTES_PER_ELEMENT);
    reader.at = end;
    return new Elements(buffer);
  }
  if (code !== BINARY_ARRAY_BUFFER && code !== BINARY_DATA_VIEW)
    throw reader.error('binary data of an unknown kind');
  reader.at = end;
  return code === BINARY_ARRAY_BUFFER ? buffer : new DataView(buffer);
}

function readMap(reader: ValueReader, depth: number): Map<unknown, unknown> {
  const flat = reader.readArray(depth);
  if (flat.length % 2 !== 0) throw reader.error('a Map whose last key has no value');
  const map = new Map<unknown, unknown>();
  fill(reader, flat.length / 2, (i) => {
    const key = flat[i * 2];
    reader.countKey(key);
    map.set(key, flat[i * 2 + 1]);
  });
  return map;
}

function readSet(reader: ValueReader, depth: number): Set<unknown> {
  const members = reader.readArray(depth);
  const set = new Set<unknown>();
  fill(reader, members.length, (i) => {
    reader.countKey(members[i]);
    set.add(members[i]);
  });
  return set;
}

function fill(reader: ValueReader, count: number, insert: (i: number) => void): void {
  reader.charge(HeapCost.collection + count * HeapCost.entry);
  if (!reader.keys.run(count, insert)) throw reader.error('keys of a Map or a Set that were made to collide');
}

function readRegExp(reader: ValueReader, depth: number): RegExp {
  const [source, flags, ...rest] = reader.readArray(depth);
  if (typeof source !== 'string' || typeof flags !== 'string' || rest.length > 0) {
    throw reader.error('a RegExp of the wrong form');
  }
  // The engine has kept those that it compiled a moment ago.
  const text = `/${source}/${flags}`;
  if (!reader.regExps.has(text)) {
    const regExpsCost = regExpCost(source, flags);
    reader.regExpCost += regExpsCost;
    if (regExpsCost > 0) reader.regExps.add(text);
  }
  if (reader.regExpCost > MAX_REGEXP_COST_UNPACKED)
    throw reader.error('too many Unicode property escapes in RegExps');
  reader.charge(HeapCost.regExp);
  try {
    return new RegExp(source, flags);
  } catch {
    throw reader.error('a RegExp that does not compile');
  }
}

const ERROR_CLASSES: ReadonlyMap<unknown, ErrorClass> = new Map<unknown, ErrorClass>([
  ['EvalError', EvalError],
  ['RangeError', RangeError],
  ['ReferenceError', ReferenceError],
  ['SyntaxError', SyntaxError],
  ['TypeError', TypeError],
  ['URIError', URIError],
  ['AggregateError', AggregateError.bind(undefined, []) as unknown as ErrorClass],
]);

function readError(reader: ValueReader, depth: number): Error {
  if (reader.bytes[reader.at] !== 0x92) throw reader.error('an Error of the wrong form');
  reader.at++;
  reader.charge(HeapCost.error);
  const fields = reader.readObject(depth);
  const own = reader.readObject(depth);
  checkShown(reader, fields);
  checkShown(reader, own);
  const error = createError(fields.name);
  // The trace of this process would mislead: it shows where the error was read.
  define(
    error,
    'stack',
    typeof fields.message === 'string' ? `${error.name}: ${fields.message}` : error.name,
    false,
  );
  for (const name of Object.keys(fields)) {
    if (!(ERROR_FIELDS as readonly string[]).includes(name))
      throw reader.error('an Error with an unknown field');
    if (name !== 'name' || fields.name !== error.name) define(error, name, fields[name], false);
  }
  for (const name of Object.keys(own)) define(error, name, own[name], true);
  return error;
}

/** What an Error is shown by: `console.log` throws if one of these cannot be made a string, or takes its time over it. */
const SHOWN = ['name', 'message', 'stack'] as const;

function checkShown(reader: ValueReader, properties: Record<string, unknown>): void {
  for (const name of SHOWN) {
    if (Object.hasOwn(properties, name) && !isShown(properties[name]))
      throw reader.error(`an Error whose ${name} cannot be shown`);
  }
}

function isShown(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return !Array.isArray(value) && !(value instanceof Error) && !Object.hasOwn(value, 'toString');
}

/** An instance of the built-in class of that name, without the cost of a stack trace. */
function createError(name: unknown): Error {
  const limit = Error.stackTraceLimit;
  Reflect.set(Error, 'stackTraceLimit', 0);
  try {
    return new (ERROR_CLASSES.get(name) ?? Error)();
  } finally {
    Reflect.set(Error, 'stackTraceLimit', limit);
  }
}

function define(target: object, name: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(target, name, { value, enumerable, writable: true, configurable: true });
}
