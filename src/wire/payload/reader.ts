/**
 * Reads msgpack that may come from anyone. Checks and decodes in one pass: no length is believed before the bytes for it
 * are seen to be there, no extension type is known but those of the table in payload.ts, and nothing is taken on trust.
 */
import {
  BASE_HEAP_BYTES,
  EXT_UTF16,
  HEAP_BYTES_PER_BYTE,
  HeapCost,
  indexCost,
  LONG_KEY_LENGTH,
  MAX_DEPTH,
  MAX_LONG_KEYS,
  PayloadError,
} from './format.js';
import { KeyWatch } from './key-watch.js';
import { findShape, fingerprint, MAX_SHAPE_DEPTH, noteShape, type ShapeReader } from './read-shapes.js';
import { readSpecial, type ValueReader } from './read-special.js';
import { findRepeated, keepRepeated } from './repeated.js';
import { StringReader } from './strings.js';

/** Cheaper than a DataView of its own over each message. */
const scratch = new DataView(new ArrayBuffer(8));

/** The last of the characters that an index begins with; some before are no digits. */
const NINE = 0x39;

const NO_KEYS: readonly string[] = [];

const NO_BYTES = Buffer.alloc(0);

/** Messages lie in the memory that the transport reads into. A view of more would keep one large message alive. */
const MAX_KEPT_VIEW_BYTES = 64 * 1024;

/** Over the memory that was read from last: making a view costs as much as reading a small event. */
let keptMemory: ArrayBufferLike = NO_BYTES.buffer;
let keptView: DataView = new DataView(keptMemory);

function viewOf(memory: ArrayBufferLike): DataView {
  if (memory === keptMemory) return keptView;
  const view = new DataView(memory);
  if (memory.byteLength <= MAX_KEPT_VIEW_BYTES) {
    keptMemory = memory;
    keptView = view;
  }
  return view;
}

/** For one message after another: {@link begin}, {@link read} once for each value, and {@link letGo}. */
export class PayloadReader implements ValueReader, ShapeReader {
  bytes: Buffer = NO_BYTES;
  at = 0;
  regExpCost = 0;
  readonly regExps = new Set<string>();
  readonly keys = new KeyWatch();
  #longKeys = 0;
  readonly #strings = new StringReader();
  #end = 0;
  #mayShare = false;
  /** Over the memory that the bytes lie in, from `#base` on, once it was needed. */
  #view: DataView | undefined;
  #base = 0;
  /**
   * How many more values containers may promise. Every value takes a byte at least and is in one container at most, so all
   * headers together cannot promise more than there are bytes: what is allocated for them stays in proportion.
   */
  #promises = 0;
  /** How much memory the values may still take. */
  #heapRoom = 0;

  begin(bytes: Buffer, offset: number, mayShare: boolean): void {
    this.bytes = bytes;
    this.at = offset;
    this.regExpCost = 0;
    this.keys.begin();
    this.#longKeys = 0;
    this.#heapRoom = BASE_HEAP_BYTES + (bytes.length - offset) * HEAP_BYTES_PER_BYTE;
    this.#end = bytes.length;
    this.#mayShare = mayShare;
    this.#promises = bytes.length - offset;
    this.#strings.begin(bytes);
  }

  /** Refers to the bytes no longer. */
  letGo(): void {
    this.bytes = NO_BYTES;
    if (this.regExps.size > 0) this.regExps.clear();
    this.#view = undefined;
    this.#strings.begin(NO_BYTES);
  }

  read(depth: number): unknown {
    const { at } = this;
    if (at >= this.#end) throw this.error('the end, where a value belongs');
    const token = this.bytes[at] as number;
    this.at = at + 1;
    if (token < 0x80) return token;
    if (token >= 0xa0 && token < 0xc0) return this.#string(token & 0x1f);
    if (token < 0x90) return this.#object(token & 0x0f, depth);
    if (token < 0xa0) return this.#array(token & 0x0f, depth);
    if (token >= 0xe0) return token - 0x100;
    switch (token) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#binary(this.#byte());
      case 0xc5:
        return this.#binary(this.#uint16());
      case 0xc6:
        return this.#binary(this.#uint32());
      case 0xc7:
        return this.#extension(this.#byte(), depth);
      case 0xc8:
        return this.#extension(this.#uint16(), depth);
      case 0xc9:
        return this.#extension(this.#uint32(), depth);
      case 0xca:
        scratch.setUint32(0, this.#uint32());
        return scratch.getFloat32(0);
      case 0xcb:
        return this.#eight().getFloat64(0);
      case 0xcc:
        return this.#byte();
      case 0xcd:
        return this.#uint16();
      case 0xce:
        return this.#uint32();
      case 0xcf:
        return numberIfSafe(this.#eight().getBigUint64(0));
      case 0xd0:
        return (this.#byte() << 24) >> 24;
      case 0xd1:
        return (this.#uint16() << 16) >> 16;
      case 0xd2:
        return this.#uint32() | 0;
      case 0xd3:
        return numberIfSafe(this.#eight().getBigInt64(0));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (token - 0xd4), depth);
      case 0xd9:
        return this.#string(this.#byte());
      case 0xda:
        return this.#string(this.#uint16());
      case 0xdb:
        return this.#string(this.#uint32());
      case 0xdc:
        return this.#array(this.#uint16(), depth);
      case 0xdd:
        return this.#array(this.#uint32(), depth);
      case 0xde:
        return this.#object(this.#uint16(), depth);
      case 0xdf:
        return this.#object(this.#uint32(), depth);
      default:
        throw this.error('0xc1, which msgpack never uses');
    }
  }

  readRepeated(length: number, place: number): string {
    const start = ++this.at;
    const end = this.#skip(length);
    const view = this.#view as DataView;
    const known = findRepeated(place, view, this.#base + start, length);
    if (known !== undefined) return known;
    const string = this.#strings.read(start, end);
    keepRepeated(string, view, this.#base + start, length);
    return string;
  }

  #makeView(): DataView {
    const { bytes } = this;
    this.#base = bytes.byteOffset;
    this.#view = viewOf(bytes.buffer);
    return this.#view;
  }

  readArray(depth: number): unknown[] {
    const token = this.#byte();
    if ((token & 0xf0) === 0x90) return this.#array(token & 0x0f, depth);
    if (token === 0xdc) return this.#array(this.#uint16(), depth);
    if (token === 0xdd) return this.#array(this.#uint32(), depth);
    throw this.error('no array, where one belongs');
  }

  readObject(depth: number): Record<string, unknown> {
    const token = this.#byte();
    if ((token & 0xf0) === 0x80) return this.#object(token & 0x0f, depth);
    if (token === 0xde) return this.#object(this.#uint16(), depth);
    if (token === 0xdf) return this.#object(this.#uint32(), depth);
    throw this.error('no map, where one belongs');
  }

  error(found: string): PayloadError {
    return new PayloadError(`byte ${this.at}: ${found}`);
  }

  #array(length: number, depth: number): unknown[] {
    this.#enter(length, depth);
    this.charge(length === 0 ? HeapCost.emptyArray : HeapCost.array + length * HeapCost.element);
    const array: unknown[] = [];
    for (let i = 0; i < length; i++) array.push(this.read(depth + 1));
    return array;
  }

  #object(size: number, depth: number): Record<string, unknown> {
    this.#enter(size * 2, depth);
    this.charge(HeapCost.object + size * HeapCost.property);
    if (size === 0) return {};
    const readShape = depth < MAX_SHAPE_DEPTH ? findShape(this.bytes, this.at, size) : undefined;
    if (readShape !== undefined) {
      const view = this.#view ?? this.#makeView();
      return readShape(this, this.bytes, view, this.#base, size, depth + 1);
    }
    return this.readRest(size, depth + 1, NO_KEYS, NO_KEYS, 0);
  }

  readRest(
    size: number,
    depth: number,
    keys: readonly string[],
    values: readonly unknown[],
    seen: number,
  ): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    let print = size;
    let isNew = false;
    for (let i = 0; i < seen; i++) {
      const key = keys[i] as string;
      object[key] = values[i];
      const { length } = key;
      const middle = key.charCodeAt(length >> 1);
      print = fingerprint(print, length, key.charCodeAt(0), middle, key.charCodeAt(length - 1));
    }
    for (let i = seen; i < size; i++) {
      const token = this.#byte();
      if ((token & 0xe0) === 0xa0) {
        const start = this.at;
        const end = start + (token & 0x1f);
        if (end > this.#end) throw this.error('a property name that goes beyond the end');
        const key = this.#strings.known(start, end);
        if (key !== undefined) {
          this.at = end;
          const { bytes } = this;
          if ((bytes[start] as number) <= NINE) this.charge(indexCost(key));
          object[key] = this.read(depth);
          const middle = bytes[start + (key.length >> 1)] as number;
          print = fingerprint(print, key.length, bytes[start] as number, middle, bytes[end - 1] as number);
          continue;
        }
      }
      this.at--;
      this.#rareProperty(object, depth);
      isNew = true;
    }
    // Not with a name that has just been seen for the first time, and may never be again.
    if (!isNew && depth <= MAX_SHAPE_DEPTH) noteShape(print, size, object);
    return object;
  }

  /** A name not seen before, or one that needs care: `__proto__` and whatever else an assignment might not define. */
  #rareProperty(object: Record<string, unknown>, depth: number): void {
    const token = this.bytes[this.at] as number;
    const start = this.at + 1;
    const key = this.read(depth);
    if (typeof key !== 'string') throw this.error('a property name that is not a string');
    const end = this.at;
    this.charge(indexCost(key));
    this.countKey(key);
    const value = this.read(depth);
    if (key in Object.prototype) {
      Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
    } else {
      object[key] = value;
      if ((token & 0xe0) === 0xa0) this.#strings.remember(key, start, end);
    }
  }

  charge(heapBytes: number): void {
    this.#heapRoom -= heapBytes;
    if (this.#heapRoom < 0) throw this.error('more objects than may come in one message');
  }

  countKey(key: unknown): void {
    if (typeof key !== 'string' || key.length < LONG_KEY_LENGTH) return;
    this.#longKeys += 1;
    if (this.#longKeys > MAX_LONG_KEYS) throw this.error('too many keys that are very long');
  }

  #enter(promised: number, depth: number): void {
    if (depth >= MAX_DEPTH) throw this.error(`nested deeper than ${MAX_DEPTH} levels`);
    this.#promises -= promised;
    if (this.#promises < 0) throw this.error('more elements than there are bytes');
  }

  #string(length: number): string {
    const start = this.at;
    return this.#strings.read(start, this.#skip(length));
  }

  /** A copy, as a rule: the listener may keep it, and a few bytes must not keep the frame they came in. */
  #binary(length: number): Buffer {
    this.charge(HeapCost.buffer);
    const part = this.bytes.subarray(this.at, this.#skip(length));
    return this.#mayShare && length >= this.#end / 2 ? part : Buffer.from(part);
  }

  #extension(length: number, depth: number): unknown {
    const type = this.#byte();
    const start = this.at;
    const end = this.#skip(length);
    if (type === EXT_UTF16) {
      if (length % 2 !== 0) throw this.error('half a UTF-16 unit');
      return this.bytes.toString('utf16le', start, end);
    }
    this.at = start;
    const value = readSpecial(this, type, end, depth);
    if (this.at !== end) throw this.error('an extension that is not as long as it says');
    return value;
  }

  #byte(): number {
    if (this.at >= this.#end) throw this.error('the end, where a value belongs');
    return this.bytes[this.at++] as number;
  }

  #uint16(): number {
    const start = this.at;
    this.#skip(2);
    return ((this.bytes[start] as number) << 8) | (this.bytes[start + 1] as number);
  }

  #uint32(): number {
    const { bytes, at } = this;
    this.#skip(4);
    return uint32At(bytes, at);
  }

  /** The next eight bytes, where they can be read as what they are. */
  #eight(): DataView {
    const { bytes, at } = this;
    this.#skip(8);
    scratch.setUint32(0, uint32At(bytes, at));
    scratch.setUint32(4, uint32At(bytes, at + 4));
    return scratch;
  }

  /** Moves on by `length` bytes, which must be there; gives the new place. */
  #skip(length: number): number {
    const end = this.at + length;
    if (end > this.#end) throw this.error(`${length} bytes announced, ${this.#end - this.at} left`);
    this.at = end;
    return end;
  }
}

function uint32At(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) * 0x1000000 +
    (((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number))
  );
}

/** What other languages write as a 64-bit integer is a number here, as in JSON, unless that would lose digits. */
function numberIfSafe(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
