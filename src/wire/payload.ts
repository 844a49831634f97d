/**
 * The payload codec: one value in, its msgpack bytes out, and back. It promises that what arrives equals what was emitted,
 * by type and value, and that bytes from a stranger can do no harm.
 *
 * The bytes are standard msgpack (https://github.com/msgpack/msgpack/blob/master/spec.md), in its shortest forms: nil, bool,
 * int, float 64, str, bin, array, map with str keys, ext. What JSON has is read by any msgpack library as it is. A number is
 * an int if it is an integer of 32 bits (signed or unsigned), else a float 64; a Buffer is bin. A reader also takes float 32,
 * and 64-bit ints, which arrive as a number, or as a BigInt beyond 2^53 - 1. The rest are extension
 * types; a body given as an array or a map is msgpack itself, in an ext 8, 16 or 32 that holds just that:
 *
 * | type        | value            | body |
 * |-------------|------------------|------|
 * | -1          | Date             | the timestamp msgpack defines, 4, 8 or 12 bytes, to the millisecond |
 * | 0x00        | undefined        | one byte `00` |
 * | 0x42 `B`    | BigInt           | two's complement, big-endian, 8 bytes or as many as it takes beyond 64 bits |
 * | 0x44 `D`    | invalid Date     | one byte `00` |
 * | 0x45 `E`    | Error            | an array of two maps: those of `name message stack cause errors code` that are not enumerable; the enumerable own properties |
 * | 0x4d `M`    | Map              | an array: key, value, key, value … |
 * | 0x52 `R`    | RegExp           | an array: source, flags |
 * | 0x53 `S`    | Set              | an array of the members |
 * | 0x55 `U`    | ill-formed string | UTF-16 code units, little-endian: only strings with a lone surrogate, which UTF-8 cannot hold; also as a map key |
 * | 0x74 `t`    | other binary     | one byte for the kind, then the bytes, elements little-endian: 0 Int8Array, 1 Uint8Array, 2 Uint8ClampedArray, 3 Int16Array, 4 Uint16Array, 5 Int32Array, 6 Uint32Array, 7 Float32Array, 8 Float64Array, 9 BigInt64Array, 10 BigUint64Array, 11 Float16Array, 16 ArrayBuffer, 17 DataView |
 *
 * Not exact, by intent: holes in arrays arrive as `undefined`; null-prototype objects and class instances as plain objects
 * with their own enumerable properties; boxed primitives as primitives; subclasses of built-ins as the built-in; symbol keys,
 * a RegExp's `lastIndex` and an array's extra properties not at all; the same object twice as two equal ones. A `toJSON` method
 * is asked of every object but the built-ins above, as `JSON.stringify` does. `__proto__` arrives as an own property. An Error
 * arrives as an instance of the built-in class its `name` names, else of Error, with the stack of where it was made.
 *
 * What a stranger can cost us: {@link unpackPayloads} takes time in proportion to the bytes, and 256 MiB of memory and 8 bytes
 * for each byte at most. The limits on depth, on RegExps and on keys that collide are the same idea: see payload/format.ts and
 * payload/key-watch.ts. Matching a received RegExp is the listener's own risk, and what an object's properties are called is
 * the sender's choice: `toString` may be a number.
 *
 * Why not msgpackr: its extensions live in one table per process, so a user's own `addExtension` would change our bytes and
 * ours would change theirs; it renames `__proto__`, drops a leading byte order mark, mangles lone surrogates, sends functions
 * as `undefined`, and every received byte would need a check before it. One pass that checks and decodes is faster than that.
 */
import { PayloadError } from './payload/format.js';
import { PayloadReader } from './payload/reader.js';
import { Refusal } from './payload/refusal.js';
import { PayloadWriter } from './payload/writer.js';

export { PayloadError };

const NO_ROOM = Buffer.alloc(0);

/** The writer for the next value; none while one is at work, so that a getter may itself pack something. */
let idleWriter: PayloadWriter | undefined;
/** The reader for the next message. */
let idleReader: PayloadReader | undefined;
/** The last value packed that found no room. */
let spilled: Uint8Array = NO_ROOM;

/**
 * Writes the msgpack bytes of one value into `target`, from `at` on, where what comes after `at` is free to be written to.
 *
 * @returns where they end; -1 if there is no room for them, or hardly, and they are to be had from {@link takeSpilled}.
 *
 * @throws {PayloadError} for what cannot travel: functions, symbols, cycles, more than 512 levels or 256 MiB, Promises,
 * WeakMaps, WeakSets, WeakRefs, SharedArrayBuffers, iterators and other objects that would arrive as `{}` (those with a
 * `Symbol.toStringTag` and nothing else to see), and getters, proxies and `toJSON`s that throw. The message says where.
 */
export function packInto(value: unknown, target: Buffer, at: number): number {
  const writer = idleWriter ?? new PayloadWriter();
  idleWriter = undefined;
  try {
    writer.begin(target, at);
    writer.write(value, 0);
    if (!writer.isSpilled) return writer.at;
    ({ spilled } = writer);
    return -1;
  } catch (thrown) {
    throw Refusal.from(thrown).toError();
  } finally {
    writer.letGo();
    idleWriter = writer;
  }
}

/** The bytes of the value for which {@link packInto} just found no room. Valid until the next is packed: the caller copies them. */
export function takeSpilled(): Uint8Array {
  const bytes = spilled;
  spilled = NO_ROOM;
  return bytes;
}

/** The msgpack bytes of one value, as of {@link packInto}. Valid until the next is packed: the caller copies them. */
export function packPayload(value: unknown): Uint8Array {
  packInto(value, NO_ROOM, 0);
  return takeSpilled();
}

/**
 * Exactly `count` values standing one after another in `bytes` from `offset` to its end: all of them or none.
 *
 * @param maxValueBytes how long one value may be. Default: no limit but that of the bytes.
 * @param mayShare whether a Buffer that is most of the bytes may be a part of them instead of a copy. Default: false.
 * @throws {PayloadError} and nothing else, on anything that is not exactly that.
 */
export function unpackPayloads(
  bytes: Buffer,
  offset: number,
  count: number,
  maxValueBytes = Number.POSITIVE_INFINITY,
  mayShare = false,
): unknown[] {
  const reader = idleReader ?? new PayloadReader();
  idleReader = undefined;
  reader.begin(bytes, offset, mayShare);
  const values: unknown[] = [];
  try {
    for (let i = 0; i < count; i++) {
      const start = reader.at;
      values.push(reader.read(0));
      const length = reader.at - start;
      if (length > maxValueBytes)
        throw reader.error(`a value of ${length} bytes, over the limit of ${maxValueBytes}`);
    }
    if (reader.at !== bytes.length) throw reader.error('more bytes than values');
    return values;
  } catch (thrown) {
    if (thrown instanceof PayloadError) throw thrown;
    // What the engine refuses: a Map of more than 2^24 keys, a string longer than it can hold, no memory, no stack.
    throw new PayloadError(`byte ${reader.at}: ${String(thrown)}`, { cause: thrown });
  } finally {
    reader.letGo();
    idleReader = reader;
  }
}
