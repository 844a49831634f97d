/**
 * Big-endian integers in buffers. 64-bit fields hold at most 53 bits, so that they are exact numbers.
 *
 * Buffer's own readers check their arguments on each call; at a message every microsecond that shows.
 */
export const TWO_32 = 0x1_0000_0000;
const MAX_HIGH_WORD = 0x1f_ffff;

export function writeUint32(target: Buffer, offset: number, value: number): void {
  target[offset] = value >>> 24;
  target[offset + 1] = value >>> 16;
  target[offset + 2] = value >>> 8;
  target[offset + 3] = value;
}

export function writeUint64(target: Buffer, offset: number, value: number): void {
  writeUint32(target, offset, Math.floor(value / TWO_32));
  writeUint32(target, offset + 4, value >>> 0);
}

export function readUint32(source: Buffer, offset: number): number {
  return (
    (((source[offset] as number) << 24) |
      ((source[offset + 1] as number) << 16) |
      ((source[offset + 2] as number) << 8) |
      (source[offset + 3] as number)) >>>
    0
  );
}

/** NaN stands for a value beyond 53 bits. */
export function readUint64(source: Buffer, offset: number): number {
  const high = readUint32(source, offset);
  return high > MAX_HIGH_WORD ? Number.NaN : high * TWO_32 + readUint32(source, offset + 4);
}
