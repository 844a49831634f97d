/**
 * Writes the objects that are not plain: the built-in classes that have an extension type, class instances, and the
 * refusal of those that cannot travel. Off the hot path: plain JSON never comes here.
 *
 * Built-ins are told by their brand (`node:util` types), not by prototype or `instanceof`, so that objects from another
 * realm count and an object that merely pretends to be a Date does not.
 */
import { types } from 'node:util';
import {
  BINARY_ARRAY_BUFFER,
  BINARY_DATA_VIEW,
  ERROR_FIELDS,
  EXT_BINARY,
  EXT_ERROR,
  EXT_INVALID_DATE,
  EXT_MAP,
  EXT_REGEXP,
  EXT_SET,
  EXT_TIMESTAMP,
  MAX_REGEXP_COST_PACKED,
  regExpCost,
  swapUnlessLittleEndian,
  TYPED_ARRAYS,
} from './format.js';
import { Refusal } from './refusal.js';

/** What writer.ts offers for this: where the bytes go. */
export interface ValueWriter {
  /** Of all RegExps of the value so far. */
  regExpCost: number;
  write(value: unknown, depth: number): void;
  writeArrayHeader(length: number): void;
  writeArray(values: readonly unknown[], depth: number): void;
  /** What `toJSON` returns, if there is one; otherwise as {@link writeProperties}. */
  writeInstance(object: object, depth: number): void;
  /** The own enumerable properties with string keys, in order, as a map. */
  writeProperties(object: object, depth: number): void;
  writeBinary(bytes: Uint8Array): void;
  writeExtension(type: number, bytes: Uint8Array): void;
  /** An extension whose body is written by `writeBody`. */
  writeExtensionOf(type: number, writeBody: () => void): void;
}

export function writeSpecial(writer: ValueWriter, value: object, depth: number): void {
  if (isUserClass(value)) writer.writeInstance(value, depth);
  else if (types.isDate(value)) writeDate(writer, value);
  else if (types.isMap(value)) writeMap(writer, value, depth);
  else if (types.isSet(value)) writeSet(writer, value, depth);
  else if (Buffer.isBuffer(value)) writer.writeBinary(value);
  else if (ArrayBuffer.isView(value)) writeView(writer, value);
  else if (types.isNativeError(value) || value instanceof Error) writeError(writer, value, depth);
  else if (types.isRegExp(value)) writeRegExp(writer, value, depth);
  else if (types.isArrayBuffer(value)) {
    writer.writeExtension(EXT_BINARY, binaryBody(BINARY_ARRAY_BUFFER, new Uint8Array(value), 1));
  } else if (types.isBoxedPrimitive(value)) {
    writer.write(value.valueOf(), depth + 1);
  } else {
    const name = unsendable(value);
    if (name !== undefined) throw new Refusal(`${name} cannot travel`);
    writer.writeInstance(value, depth);
  }
}

/** Of a class with no internal slots, told in one step: every built-in asked for below has a tag of its own. */
function isUserClass(value: object): boolean {
  return (
    (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === undefined &&
    Object.prototype.toString.call(value) === '[object Object]'
  );
}

/** The form msgpack defines, the shortest of three: seconds, nanoseconds, or both with a signed 64-bit second. */
function writeDate(writer: ValueWriter, date: Date): void {
  const ms = Date.prototype.getTime.call(date);
  if (Number.isNaN(ms)) {
    writer.writeExtension(EXT_INVALID_DATE, Uint8Array.of(0));
    return;
  }
  const seconds = Math.floor(ms / 1000);
  const nanoseconds = (ms - seconds * 1000) * 1_000_000;
  if (seconds < 0 || seconds >= 2 ** 34) {
    const body = Buffer.alloc(12);
    body.writeUInt32BE(nanoseconds, 0);
    body.writeBigInt64BE(BigInt(seconds), 4);
    writer.writeExtension(EXT_TIMESTAMP, body);
  } else if (nanoseconds > 0 || seconds >= 2 ** 32) {
    const body = Buffer.alloc(8);
    body.writeUInt32BE(nanoseconds * 4 + Math.floor(seconds / 2 ** 32), 0);
    body.writeUInt32BE(seconds % 2 ** 32, 4);
    writer.writeExtension(EXT_TIMESTAMP, body);
  } else {
    const body = Buffer.alloc(4);
    body.writeUInt32BE(seconds, 0);
    writer.writeExtension(EXT_TIMESTAMP, body);
  }
}

// Map and Set are copied first: a getter or a `toJSON` inside them may change them while they are written.
function writeMap(writer: ValueWriter, map: ReadonlyMap<unknown, unknown>, depth: number): void {
  const flat: unknown[] = [];
  for (const [key, value] of Map.prototype.entries.call(map)) flat.push(key, value);
  writeParts(writer, EXT_MAP, flat, depth, (i) => `<${i % 2 === 0 ? 'key' : 'value'} ${i >> 1}>`);
}

function writeSet(writer: ValueWriter, set: ReadonlySet<unknown>, depth: number): void {
  const members = [...Set.prototype.values.call(set)];
  writeParts(writer, EXT_SET, members, depth, (i) => `<member ${i}>`);
}

/** An array as the body of an extension, whose elements are called by other names in a refusal. */
function writeParts(
  writer: ValueWriter,
  type: number,
  parts: readonly unknown[],
  depth: number,
  nameOf: (index: number) => string,
): void {
  writer.writeExtensionOf(type, () => {
    writer.writeArrayHeader(parts.length);
    for (const [i, part] of parts.entries()) {
      try {
        writer.write(part, depth + 1);
      } catch (thrown) {
        throw Refusal.atPart(thrown, nameOf(i));
      }
    }
  });
}

function writeRegExp(writer: ValueWriter, { source, flags }: RegExp, depth: number): void {
  writer.regExpCost += regExpCost(source, flags);
  if (writer.regExpCost > MAX_REGEXP_COST_PACKED) {
    throw new Refusal('too many Unicode property escapes in RegExps to travel as one value');
  }
  writer.writeExtensionOf(EXT_REGEXP, () => writer.writeArray([source, flags], depth));
}

function writeView(writer: ValueWriter, view: ArrayBufferView): void {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  if (types.isDataView(view)) {
    writer.writeExtension(EXT_BINARY, binaryBody(BINARY_DATA_VIEW, bytes, 1));
    return;
  }
  // The tag, not the constructor: a subclass travels as what it extends.
  const name = (view as Uint8Array)[Symbol.toStringTag];
  const code = TYPED_ARRAYS.indexOf(name as (typeof TYPED_ARRAYS)[number]);
  if (code < 0) throw new Refusal(`a ${name} cannot travel`);
  const { BYTES_PER_ELEMENT } = view as Uint8Array;
  writer.writeExtension(EXT_BINARY, binaryBody(code, bytes, BYTES_PER_ELEMENT));
}

function binaryBody(code: number, bytes: Uint8Array, elementSize: number): Uint8Array {
  const body = new Uint8Array(bytes.length + 1);
  body[0] = code;
  body.set(bytes, 1);
  swapUnlessLittleEndian(body.subarray(1), elementSize);
  return body;
}

/** Two maps: what every Error has, then the own enumerable properties, so that both come back as they were. */
function writeError(writer: ValueWriter, error: Error, depth: number): void {
  const fields: Record<string, unknown> = {};
  for (const name of ERROR_FIELDS) {
    if (Object.prototype.propertyIsEnumerable.call(error, name)) continue;
    const value = (error as unknown as Record<string, unknown>)[name];
    if (value !== undefined || Object.hasOwn(error, name)) fields[name] = value;
  }
  // An Error stays an Error: a `toJSON` of its own is neither asked nor in the way.
  const { toJSON: _, ...own } = error as Error & { toJSON?: unknown };
  writer.writeExtensionOf(EXT_ERROR, () => {
    writer.writeArrayHeader(2);
    writer.writeProperties(fields, depth);
    writer.writeProperties(own, depth);
  });
}

/** What would arrive as `{}` although it is something: better refused than emptied. */
function unsendable(value: object): string | undefined {
  if (types.isPromise(value)) return 'a Promise';
  if (types.isWeakMap(value)) return 'a WeakMap';
  if (types.isWeakSet(value)) return 'a WeakSet';
  if (value instanceof WeakRef) return 'a WeakRef';
  if (types.isSharedArrayBuffer(value)) return 'a SharedArrayBuffer';
  // Headers, iterators, streams, Intl formats …: all have a tag, and their state where nobody can see it.
  const { [Symbol.toStringTag]: tag, toJSON } = value as { [Symbol.toStringTag]?: unknown; toJSON?: unknown };
  if (typeof tag !== 'string' || typeof toJSON === 'function' || Object.keys(value).length > 0)
    return undefined;
  return `an object of the class ${tag}`;
}
