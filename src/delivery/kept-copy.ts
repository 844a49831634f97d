/**
 * A copy of bytes that are kept for long. `Buffer.from` cuts small ones out of blocks of 8 KiB, each of which stays for as long
 * as any piece of it does: what is counted as a hundred bytes could take eighty times as much.
 */
export function keptCopy(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}
