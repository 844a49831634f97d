/**
 * The bytes being written: msgpack's scalars, strings and headers, each in its shortest form, into a buffer that grows.
 *
 * Knows nothing of containers or classes; writer.ts puts these together.
 */
import { EXT_BIGINT, EXT_UTF16, MAX_PACKED_BYTES } from './format.js';
import { Refusal } from './refusal.js';

const INITIAL_BYTES = 16 * 1024;
/** Every header and every number fits between `#safeEnd` and the end, so that one check per value is enough. */
const MARGIN = 32;
const MAX_BUFFER_BYTES = MAX_PACKED_BYTES + MARGIN;
/** Up to here a loop in JavaScript beats the call into the runtime. */
const SHORT_STRING = 40;
const LONE_SURROGATE = /\p{Surrogate}/u;

export const TOO_LARGE = `more than ${MAX_PACKED_BYTES} bytes cannot travel as one value`;

export class ByteWriter {
  buffer: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  at = 0;
  #view = new DataView(this.buffer.buffer);
  #safeEnd = INITIAL_BYTES - MARGIN;

  /** Makes sure that a header or a number can be written without another check. */
  reserve(): void {
    if (this.at > this.#safeEnd) this.#grow(0);
  }

  /** The header of the map whose entries begin one byte after `start` and end here. */
  writeMapHeader(start: number, size: number): void {
    if (size < 0x10) this.buffer[start] = 0x80 | size;
    else {
      // The header was taken to be one byte long, as it nearly always is.
      const end = this.#insert(start + 1, size < 0x10000 ? 2 : 4);
      this.at = start;
      this.#sized(size, 0xde);
      this.at = end;
    }
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
    const start = this.at;
    this.at += 3;
    writeBody();
    const length = this.at - start - 3;
    let end = this.at;
    if (length >= 0x100) end = this.#insert(start + 3, length < 0x10000 ? 1 : 3);
    this.at = start;
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
    this.#view.setFloat64(this.at + 1, value);
    this.at += 9;
  }

  writeBigInt(value: bigint): void {
    if (BigInt.asIntN(64, value) === value) {
      this.buffer[this.at] = 0xd7;
      this.buffer[this.at + 1] = EXT_BIGINT;
      this.#view.setBigInt64(this.at + 2, value);
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
    // Exact where it is worth another pass over the text.
    this.#grow(length < 0x10000 ? length * 3 : Buffer.byteLength(value));
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
    this.#view.setUint32(this.at, value);
    this.at += 4;
  }

  /** Moves what was written from `from` on up by `gap`; gives the new end. */
  #insert(from: number, gap: number): number {
    this.#grow(gap);
    this.buffer.copyWithin(from + gap, from, this.at);
    return this.at + gap;
  }

  /** Makes room for `bytes` more, and the margin. */
  #grow(bytes: number): void {
    const needed = this.at + bytes + MARGIN;
    if (needed <= this.buffer.length) return;
    if (needed > MAX_BUFFER_BYTES) throw new Refusal(TOO_LARGE);
    const larger = Buffer.allocUnsafeSlow(
      Math.min(Math.max(needed, this.buffer.length * 2), MAX_BUFFER_BYTES),
    );
    this.buffer.copy(larger, 0, 0, this.at);
    this.buffer = larger;
    this.#view = new DataView(larger.buffer);
    this.#safeEnd = larger.length - MARGIN;
  }
}

function stringHeaderBytes(bytes: number): number {
  if (bytes < 0x20) return 1;
  if (bytes < 0x100) return 2;
  return bytes < 0x10000 ? 3 : 5;
}
