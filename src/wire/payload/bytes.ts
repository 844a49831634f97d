/**
 * The bytes being written: msgpack's scalars, strings and headers, each in its shortest form. They go into the caller's
 * buffer, and from where that ends into one of our own, which grows.
 *
 * Knows nothing of containers or classes; writer.ts puts these together.
 */
import { EXT_BIGINT, EXT_UTF16, MAX_PACKED_BYTES } from './format.js';
import { Refusal } from './refusal.js';

const INITIAL_BYTES = 16 * 1024;
/**
 * A header and a number fit between `#safeEnd` and the end, and a short key before them, so that one check per value is
 * enough.
 */
const MARGIN = 48;
const MAX_BUFFER_BYTES = MAX_PACKED_BYTES + MARGIN;
/** A buffer of our own that has grown beyond this is let go, not kept for the next value. */
const MAX_KEPT_BYTES = 1024 * 1024;
const NO_BYTES = Buffer.alloc(0);
const NO_VIEW = new DataView(NO_BYTES.buffer, 0, 0);
/** Up to here a loop in JavaScript beats the call into the runtime. */
const SHORT_STRING = 40;
const LONE_SURROGATE = /\p{Surrogate}/u;

export const TOO_LARGE = `more than ${MAX_PACKED_BYTES} bytes cannot travel as one value`;

export class ByteWriter {
  /** What is being written to: the target, or a buffer of our own once the target had no more room. */
  buffer: Buffer = NO_BYTES;
  at = 0;
  /** Where the value begins in {@link buffer}; changes when that does. */
  origin = 0;
  /** Of {@link buffer}. */
  view: DataView = NO_VIEW;
  /** How far the value may go in {@link buffer}. */
  #end = 0;
  #safeEnd = 0;
  /** Kept from value to value. */
  #target: Buffer = NO_BYTES;
  #targetView: DataView = NO_VIEW;
  #own: Buffer = NO_BYTES;
  #ownView: DataView = NO_VIEW;

  /** Begins a value, at `at` in `target`. */
  begin(target: Buffer, at: number): void {
    if (target !== this.#target) {
      this.#target = target;
      this.#targetView = viewOf(target);
    }
    this.#writeTo(target, this.#targetView, at);
    this.at = at;
  }

  /** Whether the value had no room in its target, and is in a buffer of our own. */
  get isSpilled(): boolean {
    return this.buffer === this.#own;
  }

  /** The value that {@link isSpilled}. Its memory is used again for the next that does. */
  get spilled(): Uint8Array {
    return new Uint8Array(this.#own.buffer, 0, this.at);
  }

  /** Lets go of buffers that are too large to keep. */
  letGo(): void {
    if (this.#own.length <= MAX_KEPT_BYTES && this.#target.length <= MAX_KEPT_BYTES) return;
    this.#own = NO_BYTES;
    this.#ownView = NO_VIEW;
    this.#target = NO_BYTES;
    this.#targetView = NO_VIEW;
    this.buffer = NO_BYTES;
    this.view = NO_VIEW;
  }

  /** Makes sure that a header or a number can be written without another check. */
  reserve(): void {
    if (this.at > this.#safeEnd) this.#grow(0);
  }

  /** The header of the map whose entries begin one byte after `start`, as counted from the origin, and end here. */
  writeMapHeader(start: number, size: number): void {
    if (size < 0x10) this.buffer[this.origin + start] = 0x80 | size;
    else {
      // The header was taken to be one byte long, as it nearly always is.
      const end = this.#insert(start + 1, size < 0x10000 ? 2 : 4);
      this.at = this.origin + start;
      this.#sized(size, 0xde);
      this.at = end;
    }
  }

  /** Takes back `count` bytes that were written at `start`, as counted from the origin. */
  dropBytes(start: number, count: number): void {
    const at = this.origin + start;
    this.buffer.copyWithin(at, at + count, this.at);
    this.at -= count;
  }

  writeArrayHeader(length: number): void {
    if (length < 0x10) this.buffer[this.at++] = 0x90 | length;
    else {
      // Every element takes a byte at least, so a sparse array of thousands of millions of holes fails here.
      if (length > MAX_PACKED_BYTES) throw new Refusal(TOO_LARGE);
      this.#sized(length, 0xdc);
    }
  }

  writeExtension(type: number, bytes: Uint8Array): void {
    const { length } = bytes;
    this.#grow(length);
    const fixed = length > 0 && length <= 16 ? 31 - Math.clz32(length) : -1;
    if (1 << fixed === length) this.buffer[this.at++] = 0xd4 + fixed;
    else this.#sized8(length, 0xc7);
    this.buffer[this.at++] = type;
    this.buffer.set(bytes, this.at);
    this.at += length;
  }

  writeExtensionOf(type: number, writeBody: () => void): void {
    this.reserve();
    const start = this.at - this.origin;
    this.at += 3;
    writeBody();
    const length = this.at - this.origin - start - 3;
    let end = this.at;
    if (length >= 0x100) end = this.#insert(start + 3, length < 0x10000 ? 1 : 3);
    this.at = this.origin + start;
    this.#sized8(length, 0xc7);
    this.buffer[this.at] = type;
    this.at = end;
  }

  writeBinary(bytes: Uint8Array): void {
    this.#grow(bytes.length);
    this.#sized8(bytes.length, 0xc4);
    this.buffer.set(bytes, this.at);
    this.at += bytes.length;
  }

  writeNumber(value: number): void {
    const { buffer } = this;
    if (value >>> 0 === value) {
      if (value < 0x80) {
        if (value === 0 && Object.is(value, -0)) this.#float(value);
        else buffer[this.at++] = value;
      } else if (value < 0x100) {
        buffer[this.at++] = 0xcc;
        buffer[this.at++] = value;
      } else if (value < 0x10000) {
        buffer[this.at++] = 0xcd;
        this.#uint16(value);
      } else {
        buffer[this.at++] = 0xce;
        this.#uint32(value);
      }
    } else if (value >> 0 === value) {
      if (value >= -0x20) buffer[this.at++] = value;
      else if (value >= -0x80) {
        buffer[this.at++] = 0xd0;
        buffer[this.at++] = value;
      } else if (value >= -0x8000) {
        buffer[this.at++] = 0xd1;
        this.#uint16(value);
      } else {
        buffer[this.at++] = 0xd2;
        this.#uint32(value);
      }
    } else this.#float(value);
  }

  #float(value: number): void {
    this.buffer[this.at] = 0xcb;
    this.view.setFloat64(this.at + 1, value);
    this.at += 9;
  }

  writeBigInt(value: bigint): void {
    if (BigInt.asIntN(64, value) === value) {
      this.buffer[this.at] = 0xd7;
      this.buffer[this.at + 1] = EXT_BIGINT;
      this.view.setBigInt64(this.at + 2, value);
      this.at += 10;
      return;
    }
    const negative = value < 0n;
    // Two's complement: of a negative number the bits of its complement, inverted. One bit more, for the sign.
    const magnitude = (negative ? ~value : value).toString(16);
    const bytes = Buffer.from(magnitude.padStart((magnitude.length + 2) & ~1, '0'), 'hex');
    if (negative) for (let i = 0; i < bytes.length; i++) bytes[i] = ~(bytes[i] as number);
    this.writeExtension(EXT_BIGINT, bytes);
  }

  writeString(value: string): void {
    const { length } = value;
    if (length > SHORT_STRING) {
      this.#longString(value);
      return;
    }
    if (this.at + length > this.#safeEnd) this.#grow(length);
    const { buffer } = this;
    const header = length < 0x20 ? 1 : 2;
    const start = this.at + header;
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i);
      if (unit > 0x7f) {
        this.#longString(value);
        return;
      }
      buffer[start + i] = unit;
    }
    if (header === 1) buffer[this.at] = 0xa0 | length;
    else {
      buffer[this.at] = 0xd9;
      buffer[this.at + 1] = length;
    }
    this.at = start + length;
  }

  #longString(value: string): void {
    const { length } = value;
    // No character takes more than three bytes. Another pass over the text where that much room is not at hand.
    if (this.at + length * 3 > this.#safeEnd) this.#grow(Buffer.byteLength(value));
    // The header is sized as if all were ASCII; what is not makes it grow, and the text is moved.
    const guess = stringHeaderBytes(length);
    const start = this.at + guess;
    const bytes = this.buffer.write(value, start, 'utf8');
    if (bytes !== length && LONE_SURROGATE.test(value)) {
      this.writeExtension(EXT_UTF16, Buffer.from(value, 'utf16le'));
      return;
    }
    const header = stringHeaderBytes(bytes);
    if (header !== guess) this.buffer.copyWithin(this.at + header, start, start + bytes);
    if (header === 1) this.buffer[this.at++] = 0xa0 | bytes;
    else this.#sized8(bytes, 0xd9);
    this.at += bytes;
  }

  /** A length of 8, 16 or 32 bits after the token for it; the three tokens follow one another. */
  #sized8(length: number, token: number): void {
    if (length >= 0x100) this.#sized(length, token + 1);
    else {
      this.buffer[this.at++] = token;
      this.buffer[this.at++] = length;
    }
  }

  /** The same of 16 or 32 bits. */
  #sized(length: number, token: number): void {
    if (length < 0x10000) {
      this.buffer[this.at++] = token;
      this.#uint16(length);
    } else {
      this.buffer[this.at++] = token + 1;
      this.#uint32(length);
    }
  }

  #uint16(value: number): void {
    this.buffer[this.at++] = value >> 8;
    this.buffer[this.at++] = value;
  }

  #uint32(value: number): void {
    this.view.setUint32(this.at, value);
    this.at += 4;
  }

  /** Moves what was written from `start` on, as counted from the origin, up by `gap`; gives the new end. */
  #insert(start: number, gap: number): number {
    this.#grow(gap);
    const from = this.origin + start;
    this.buffer.copyWithin(from + gap, from, this.at);
    return this.at + gap;
  }

  /** Makes room for `bytes` more, and the margin. */
  #grow(bytes: number): void {
    if (this.at + bytes + MARGIN <= this.#end) return;
    const written = this.at - this.origin;
    const needed = written + bytes + MARGIN;
    if (needed > MAX_BUFFER_BYTES) throw new Refusal(TOO_LARGE);
    const { buffer, origin } = this;
    if (needed > this.#own.length) {
      const grown = Math.max(needed, INITIAL_BYTES, this.#own.length * 2);
      this.#own = Buffer.allocUnsafeSlow(Math.min(grown, MAX_BUFFER_BYTES));
      this.#ownView = viewOf(this.#own);
    }
    buffer.copy(this.#own, 0, origin, this.at);
    this.#writeTo(this.#own, this.#ownView, 0);
    this.at = written;
  }

  #writeTo(buffer: Buffer, view: DataView, origin: number): void {
    this.buffer = buffer;
    this.view = view;
    this.origin = origin;
    this.#end = Math.min(buffer.length, origin + MAX_BUFFER_BYTES);
    this.#safeEnd = this.#end - MARGIN;
  }
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}

function stringHeaderBytes(bytes: number): number {
  if (bytes < 0x20) return 1;
  if (bytes < 0x100) return 2;
  return bytes < 0x10000 ? 3 : 5;
}
