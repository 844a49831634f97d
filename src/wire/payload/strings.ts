/**
 * Strings out of received bytes, fast. A call into the runtime costs as much as six short strings, so short ones are cut
 * out of one text made of some KiB at once, and property names come from a cache.
 */
import { isUtf8 } from 'node:buffer';
import { PayloadError } from './format.js';

const CACHE_SLOTS = 1024;
const MAX_CACHED_BYTES = 24;
/** V8 copies a substring this short; a longer one would keep the entire window in memory. */
const MAX_CUT_BYTES = 12;
/** Up to here it is cheaper to look at each byte than to search the text for what stands for bytes that are no UTF-8. */
const MAX_SHORT_BYTES = 24;
const WINDOW_BYTES = 4096;

const NO_BYTES = Buffer.alloc(0);

/**
 * Property names seen before, by hash. One cache for the process, since the same names come from all sides. Bounded, and no
 * secret: all that hostile names can do is to push others out.
 */
const cachedNames: (string | undefined)[] = new Array(CACHE_SLOTS).fill(undefined);
const cachedLengths = new Uint8Array(CACHE_SLOTS).fill(0xff);
const cachedBytes = new Uint8Array(CACHE_SLOTS * MAX_CACHED_BYTES);

/** Of the length and three of the bytes, which is enough to tell the names of one application apart. */
function slotOf(bytes: Uint8Array, start: number, length: number): number {
  if (length === 0) return 0;
  const last = start + length - 1;
  const middle = start + (length >> 1);
  const mixed =
    (bytes[start] as number) * 31 +
    (bytes[middle] as number) * 131 +
    (bytes[last] as number) * 521 +
    length * 7;
  return (mixed ^ (mixed >> 7)) & (CACHE_SLOTS - 1);
}

export class StringReader {
  #bytes: Buffer = NO_BYTES;
  #text = '';
  #from = 0;
  #to = 0;

  begin(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#text = '';
    this.#from = 0;
    this.#to = 0;
  }

  /** The string in `[start, end)`, which lies within the bytes. */
  read(start: number, end: number): string {
    const length = end - start;
    if (length <= MAX_SHORT_BYTES && this.#isAscii(start, end)) {
      if (length > MAX_CUT_BYTES) return this.#bytes.toString('latin1', start, end);
      if (end > this.#to || start < this.#from) this.#move(start);
      return this.#text.slice(start - this.#from, end - this.#from);
    }
    const string = this.#bytes.toString('utf8', start, end);
    if (string.includes('\uFFFD') && !isUtf8(this.#bytes.subarray(start, end))) {
      throw new PayloadError(`byte ${start}: a string that is not UTF-8`);
    }
    return string;
  }

  /** The property name in `[start, end)` if it is known and safe to assign to; see {@link remember}. */
  known(start: number, end: number): string | undefined {
    const length = end - start;
    if (length > MAX_CACHED_BYTES) return undefined;
    const bytes = this.#bytes;
    const slot = slotOf(bytes, start, length);
    if (cachedLengths[slot] !== length) return undefined;
    const from = slot * MAX_CACHED_BYTES;
    for (let i = 0; i < length; i++) if (cachedBytes[from + i] !== bytes[start + i]) return undefined;
    return cachedNames[slot];
  }

  /** Keeps a name that was read from `[start, end)` and that makes an own property when assigned to. */
  remember(name: string, start: number, end: number): void {
    const length = end - start;
    if (length > MAX_CACHED_BYTES) return;
    const slot = slotOf(this.#bytes, start, length);
    cachedNames[slot] = name;
    cachedLengths[slot] = length;
    const from = slot * MAX_CACHED_BYTES;
    for (let i = 0; i < length; i++) cachedBytes[from + i] = this.#bytes[start + i] as number;
  }

  #isAscii(start: number, end: number): boolean {
    const bytes = this.#bytes;
    for (let i = start; i < end; i++) if ((bytes[i] as number) > 0x7f) return false;
    return true;
  }

  #move(start: number): void {
    this.#from = start;
    this.#to = Math.min(start + WINDOW_BYTES, this.#bytes.length);
    this.#text = this.#bytes.toString('latin1', this.#from, this.#to);
  }
}
