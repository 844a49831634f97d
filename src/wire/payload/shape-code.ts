/** What the code generated for shapes has in common, reading (read-shapes.ts) and writing (write-shapes.ts). */

const SAFE_KEY = /^[A-Za-z_$][\w$-]{0,23}$/;

/**
 * Whether a key may be part of generated code: it can end no literal, is no index, means nothing special to an object
 * literal (as `__proto__` does), and has a header of one byte.
 */
export function isSafeKey(key: string): boolean {
  // By name as well: with `node --disable-proto=delete` it is no property of any prototype, and still special to a literal.
  return key !== '__proto__' && SAFE_KEY.test(key) && !(key in Object.prototype);
}

/** A piece of a key's bytes: a number of one or four bytes, little-endian. */
interface Piece {
  readonly offset: number;
  readonly value: number;
  readonly type: 'Int32' | 'Uint8';
}

/** The bytes of a safe key with its header, in as few pieces as there can be; the last may overlap the one before it. */
export function piecesOf(key: string): Piece[] {
  const bytes = Buffer.from(`\0${key}`, 'latin1');
  bytes[0] = 0xa0 | key.length;
  const last = bytes.length - 4;
  if (last < 0) return Array.from(bytes, (value, offset) => ({ offset, value, type: 'Uint8' }));
  const pieces: Piece[] = [];
  for (let at = 0; at < last + 4; at += 4) {
    const offset = Math.min(at, last);
    pieces.push({ offset, value: bytes.readInt32LE(offset), type: 'Int32' });
  }
  return pieces;
}
