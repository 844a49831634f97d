/**
 * What both directions of the payload codec agree on: the extension types, the limits and the error.
 *
 * The byte form of every type is the table at the head of payload.ts.
 */

/** Why a value cannot be packed, or bytes cannot be unpacked: what was found, and where. */
export class PayloadError extends Error {
  override readonly name = 'PayloadError';
}

/** Containers within containers, counted the same way on both sides: 512 is fine, 513 is refused. */
export const MAX_DEPTH = 512;

/** One packed value cannot be larger, so that a sparse array or a cycle of large parts fails soon, not late. */
export const MAX_PACKED_BYTES = 256 * 1024 * 1024;

/** Application extension types. The three that msgpackr frames as standard msgpack have msgpackr's numbers. */
export const EXT_UNDEFINED = 0x00;
export const EXT_BIGINT = 0x42;
export const EXT_BINARY = 0x74;
export const EXT_INVALID_DATE = 0x44;
export const EXT_ERROR = 0x45;
export const EXT_MAP = 0x4d;
export const EXT_REGEXP = 0x52;
export const EXT_SET = 0x53;
export const EXT_UTF16 = 0x55;
/** The one extension type msgpack itself defines, as the unsigned byte it is on the wire. */
export const EXT_TIMESTAMP = 0xff;

/** First body byte of {@link EXT_BINARY}: the index here, or one of the two below. */
export const TYPED_ARRAYS = [
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
  'Float16Array',
] as const;
export const BINARY_UINT8_ARRAY = 1;
export const BINARY_ARRAY_BUFFER = 16;
export const BINARY_DATA_VIEW = 17;

/** What every Error has, enumerable or not; the first map of {@link EXT_ERROR} holds these and nothing else. */
export const ERROR_FIELDS = ['name', 'message', 'stack', 'cause', 'errors', 'code'] as const;

/**
 * Compiling a Unicode property escape takes tens of microseconds, one of emoji sequences milliseconds: a megabyte of them
 * would stop the process for minutes. So they are counted before compiling; all other patterns are cheap for their length.
 */
export function regExpCost(source: string, flags: string): number {
  if (!/[uv]/.test(flags)) return 0;
  return count(source, /\\p/gi) + 64 * count(source, /\\p\{(?:RGI|Basic)_/g);
}

/** In one value packed. Leaves room for many such values in the one message that a receiver limits. */
export const MAX_REGEXP_COST_PACKED = 1024;
/** In one call of `unpackPayloads`: more property escapes than an emitter's batch of 4 KiB can hold, some 70 ms of compiling. */
export const MAX_REGEXP_COST_UNPACKED = 2048;

/**
 * What the values of one call of `unpackPayloads` may take of memory, as estimated by {@link HeapCost}: much of what arrives
 * is far larger in memory, and two bytes can make 200. Enough for what people send, and not for what stops a process.
 */
export const BASE_HEAP_BYTES = 256 * 1024 * 1024;
export const HEAP_BYTES_PER_BYTE = 8;

/** What values take of memory beside their content, about, as V8 has them. What is not here takes at most ten times its bytes. */
export const HeapCost = {
  emptyArray: 32,
  /** The first element makes room for 17. */
  array: 184,
  element: 12,
  object: 64,
  property: 24,
  buffer: 200,
  binary: 400,
  collection: 256,
  entry: 48,
  error: 512,
  regExp: 512,
} as const;

/** V8 makes an array of an object's properties up to this index, and half as many again. */
const MAX_INDEX_IN_ARRAY = 1023;
const INDEX = /^\d{1,4}$/;

/** What a property name costs that is an index: room for all indexes before it. */
export function indexCost(key: string): number {
  if (!INDEX.test(key)) return 0;
  const index = Number(key);
  return index > MAX_INDEX_IN_ARRAY ? 0 : (index + 17) * HeapCost.element;
}

/** Longer keys have a hash that is their length and nothing else, so that all of a length collide: only so many come with one call. */
export const LONG_KEY_LENGTH = 8192;
export const MAX_LONG_KEYS = 64;

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

const littleEndianHost = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Typed array elements are little-endian on the wire; swaps `bytes` in place on the few hosts that are not. */
export function swapUnlessLittleEndian(
  bytes: Uint8Array,
  elementSize: number,
  little = littleEndianHost,
): void {
  if (little || elementSize === 1) return;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (elementSize === 2) buffer.swap16();
  else if (elementSize === 4) buffer.swap32();
  else buffer.swap64();
}
