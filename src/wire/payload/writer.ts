/**
 * Writes one value as msgpack: everything JSON has, `undefined` and BigInt. What has a class of its own is written by
 * write-special.ts, in terms of this.
 *
 * This is the hot path: one pass over the value, no look ahead, no allocation. Whatever cannot travel is found on the
 * way, as a {@link Refusal} that collects the path to it while the calls return.
 */
import { ByteWriter } from './bytes.js';
import { EXT_UNDEFINED, MAX_DEPTH } from './format.js';
import { Refusal } from './refusal.js';
import { noteUnknown, type ShapeWriter, shapeOf } from './write-shapes.js';
import { type ValueWriter, writeSpecial } from './write-special.js';

/** Only from this depth on is it worth remembering the way down, to tell a cycle from deep data. */
const SUSPICIOUS_DEPTH = 16;

/** In a for-in loop the engine sees through this one, and not through Object.hasOwn: a fifth of all packing. */
const { hasOwnProperty: isOwn } = Object.prototype;

export class PayloadWriter extends ByteWriter implements ValueWriter, ShapeWriter {
  regExpCost = 0;
  readonly #ancestors: object[] = [];

  /** Begins a value, at `at` in `target`; the last one may have failed half-way. */
  override begin(target: Buffer, at: number): void {
    super.begin(target, at);
    this.regExpCost = 0;
    if (this.#ancestors.length > 0) this.#ancestors.length = 0;
  }

  write(value: unknown, depth: number): void {
    this.reserve();
    switch (typeof value) {
      case 'string':
        this.writeString(value);
        return;
      case 'number':
        this.writeNumber(value);
        return;
      case 'boolean':
        this.buffer[this.at++] = value ? 0xc3 : 0xc2;
        return;
      case 'object':
        if (value === null) this.buffer[this.at++] = 0xc0;
        else if (depth < SUSPICIOUS_DEPTH) this.#object(value, depth);
        else this.#deepObject(value, depth);
        return;
      case 'undefined':
        this.buffer[this.at++] = 0xd4;
        this.buffer[this.at++] = EXT_UNDEFINED;
        this.buffer[this.at++] = 0;
        return;
      case 'bigint':
        this.writeBigInt(value);
        return;
      default:
        throw new Refusal(`a ${typeof value} cannot travel`);
    }
  }

  writeArray(values: readonly unknown[], depth: number): void {
    // A proxy may answer anything, and the header must hold what follows.
    const length = values.length >>> 0;
    this.writeArrayHeader(length);
    let i = 0;
    try {
      for (; i < length; i++) this.write(values[i], depth + 1);
    } catch (thrown) {
      throw Refusal.atIndex(thrown, i);
    }
  }

  writeInstance(object: object, depth: number): void {
    const { toJSON } = object as { toJSON?: unknown };
    const sent: unknown = typeof toJSON === 'function' ? toJSON.call(object) : object;
    if (sent === object) this.writeProperties(object, depth);
    else this.write(sent, depth + 1);
  }

  writeProperties(object: object, depth: number): void {
    const writeShape = shapeOf(object);
    if (writeShape !== undefined) {
      writeShape(this, object, depth + 1);
      return;
    }
    noteUnknown(object);
    const record = object as Record<string, unknown>;
    const start = this.at++ - this.origin;
    let size = 0;
    let current: string | undefined;
    try {
      for (const key in record) {
        if (!isOwn.call(record, key)) continue;
        current = key;
        this.reserve();
        this.writeString(key);
        this.write(record[key], depth + 1);
        size++;
      }
    } catch (thrown) {
      throw current === undefined ? Refusal.from(thrown) : Refusal.atKey(thrown, current);
    }
    this.writeMapHeader(start, size);
  }

  writeRemaining(object: object, depth: number, keys: readonly string[], from: number, start: number): void {
    const record = object as Record<string, unknown>;
    let size = from;
    // The header is taken to be one byte long by what writes it in the end.
    if (keys.length >= 0x10) this.dropBytes(start + 1, 2);
    for (let i = from; i < keys.length; i++) {
      const key = keys[i] as string;
      if (!isOwn.call(record, key)) continue;
      try {
        this.reserve();
        this.writeString(key);
        this.write(record[key], depth);
      } catch (thrown) {
        throw Refusal.atKey(thrown, key);
      }
      size++;
    }
    this.writeMapHeader(start, size);
  }

  #object(value: object, depth: number): void {
    if (Array.isArray(value)) {
      this.writeArray(value, depth);
      return;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) this.writeInstance(value, depth);
    else writeSpecial(this, value, depth);
  }

  #deepObject(value: object, depth: number): void {
    if (this.#ancestors.includes(value)) throw new Refusal('a circular structure cannot travel');
    if (depth >= MAX_DEPTH) throw new Refusal(`nested deeper than ${MAX_DEPTH} levels`);
    this.#ancestors.push(value);
    this.#object(value, depth);
    this.#ancestors.pop();
  }
}
