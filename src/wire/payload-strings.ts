/**
 * Strings out of received bytes, fast. A call into the runtime costs as much as six short strings, so short ones are cut
 * out of one text made of some KiB at once, and property names come from a cache.
 */
import { isUtf8 } from 'node:buffer';
import { PayloadError } from './payload-format.js';

const CACHE_SLOTS = 1024;
const MAX_CACHED_BYTES = 24;
/** V8 copies a substring this short; a longer one would keep the entire window in memory. */
const MAX_CUT_BYTES = 12;
const WINDOW_BYTES = 4096;

/**
 * Property names seen before, by hash. One for the process, since the names of events repeat across emitters. Bounded, and
 * no secret: all that hostile names can do is to push others out.
 */
const cache: (string | undefined)[] = new Array(CACHE_SLOTS).fill(undefined);

export class StringReader {
  #bytes: Buffer;
  #text = '';
  #from = 0;
  #to = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The string in `[start, end)`, which lies within the bytes. */
  read(start: number, end: number): string {
    if (end - start <= MAX_CUT_BYTES && this.#isAscii(start, end)) {
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
    if (end - start > MAX_CACHED_BYTES) return undefined;
    const bytes = this.#bytes;
    const known = cache[this.#slot(start, end)];
    if (known === undefined || known.length !== end - start) return undefined;
    for (let i = 0; i < known.length; i++) if (known.charCodeAt(i) !== bytes[start + i]) return undefined;
    return known;
  }

  /** Keeps a name that was read from `[start, end)` and that makes an own property when assigned to. */
  remember(key: string, start: number, end: number): void {
    if (end - start <= MAX_CACHED_BYTES && this.#isAscii(start, end)) cache[this.#slot(start, end)] = key;
  }

  #slot(start: number, end: number): number {
    const bytes = this.#bytes;
    let hash = end - start;
    for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + (bytes[i] as number)) | 0;
    return (hash ^ (hash >>> 10)) & (CACHE_SLOTS - 1);
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
