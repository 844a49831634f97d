/**
 * The history: the batches that were sent last, for receivers that missed some.
 *
 * Sequences have no holes, so it is a queue in which a batch is found by counting. Very many small batches must cost
 * neither time nor garbage: there is no object per batch, but six numbers in typed arrays, in *pages* of 1,024 batches,
 * and the slabs that the bytes lie in. A slab is kept as long as any batch in it is, and counts as a whole.
 */
import type { Batch } from './batch-builder.js';

const PAGE_BITS = 10;
const PAGE_SIZE = 1 << PAGE_BITS;
const PAGE_BYTES = PAGE_SIZE * (4 * 4 + 2 * 8);

/** How rarely it is looked for batches that are too old, so that a steady stream does not mean a steady sweep. */
const SWEEP_MS = 1000;

export interface HistoryOptions {
  /** What is kept at most, in bytes of slabs and pages; 0 for nothing. */
  readonly historyBytes: number;
  /** How long a batch is kept after it was sent, in milliseconds. */
  readonly historyAge: number;
}

/** What is known of {@link PAGE_SIZE} batches in a row. */
interface Page {
  /** The slab's number, counted modulo 2^32. */
  readonly slab: Uint32Array;
  readonly offset: Uint32Array;
  readonly length: Uint32Array;
  readonly topicHash: Int32Array;
  readonly finishedAt: Float64Array;
  readonly sentAt: Float64Array;
}

export class History {
  /** Called with each slab that nothing here lies in any more. */
  onForgotten: (slab: ArrayBufferLike) => void = () => {};
  /** Called when nothing is kept any more. */
  onEmptied: () => void = () => {};
  readonly #options: HistoryOptions;
  readonly #now: () => number;
  /** Oldest first; the first one holds `#first`, the last one `#last`. None while the history is empty. */
  #pages: Page[] = [];
  /** The page forgotten last: the next one to be opened. */
  #sparePage: Page | undefined;
  #slabs: ArrayBufferLike[] = [];
  /** The slab that the last batch lies in. */
  #slab: ArrayBufferLike | undefined;
  /** Number of the first slab in `#slabs`. */
  #firstSlab = 0;
  /** The sequence that the first place of the first page stands for. */
  #base = 1;
  #first = 1;
  #last = 0;
  #bytes = 0;
  #messageBytes = 0;
  #goneFinishedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** `now` is a clock in milliseconds that only goes forward. */
  constructor(options: HistoryOptions, now: () => number) {
    this.#options = options;
    this.#now = now;
  }

  /** Sequence of the oldest batch that is kept; that of the next one to come if none is. */
  get first(): number {
    return this.#first;
  }

  /** Sequence of the last batch that was sent, kept or not; 0 before the first. */
  get last(): number {
    return this.#last;
  }

  /** What is kept, in bytes of slabs and pages. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The batches that are kept, in bytes. */
  get messageBytes(): number {
    return this.#messageBytes;
  }

  /** When the newest batch that is not kept any more was finished; minus infinity if all are kept. */
  get goneFinishedAt(): number {
    return this.#goneFinishedAt;
  }

  /** Takes the batch that was just sent, at `sentAt`. Its sequence follows the last one's. */
  add(batch: Batch, sentAt: number): void {
    const { message, sequence, publication, finishedAt } = batch;
    const slab = message.buffer;
    this.#last = sequence;
    if (slab !== this.#slab) {
      if (slab.byteLength + PAGE_BYTES > this.#options.historyBytes) {
        this.#forgetAll(finishedAt);
        return;
      }
      this.#slab = slab;
      this.#slabs.push(slab);
      this.#bytes += slab.byteLength;
    }
    if (this.#pages.length === 0) this.#base = sequence;
    const at = (sequence - this.#base) & (PAGE_SIZE - 1);
    if (at === 0) this.#openPage();
    const page = this.#pages[this.#pages.length - 1] as Page;
    page.slab[at] = this.#firstSlab + this.#slabs.length - 1;
    page.offset[at] = message.byteOffset;
    page.length[at] = message.length;
    page.topicHash[at] = publication.topicHash;
    page.finishedAt[at] = finishedAt;
    page.sentAt[at] = sentAt;
    this.#messageBytes += message.length;
    while (this.#bytes > this.#options.historyBytes) this.#forgetFirst();
    if (this.#timer === undefined) this.#startTimer();
  }

  /** Forgets what is older than `historyAge`. Call it before asking for anything that depends on it. */
  expire(): void {
    const since = this.#now() - this.#options.historyAge;
    while (this.#first <= this.#last && this.#sentAt(this.#first) < since) this.#forgetFirst();
  }

  /** The first sequence that is kept of those that were finished at `time` or later; the next to come if there is none. */
  firstSince(time: number): number {
    let from = this.#first;
    let to = this.#last + 1;
    while (from < to) {
      const middle = Math.floor((from + to) / 2);
      if (this.finishedAt(middle) < time) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** Of a batch that is kept, as are the following. */
  finishedAt(sequence: number): number {
    const page = this.#pageOf(sequence);
    return page.finishedAt[this.#placeOf(sequence)] as number;
  }

  topicHash(sequence: number): number {
    const page = this.#pageOf(sequence);
    return page.topicHash[this.#placeOf(sequence)] as number;
  }

  message(sequence: number): Buffer {
    const page = this.#pageOf(sequence);
    const at = this.#placeOf(sequence);
    const slab = this.#slabs[((page.slab[at] as number) - this.#firstSlab) >>> 0] as ArrayBuffer;
    return Buffer.from(slab, page.offset[at], page.length[at]);
  }

  /** Forgets everything and releases the timer. */
  stop(): void {
    this.#forgetAll(this.#first > this.#last ? this.#goneFinishedAt : this.finishedAt(this.#last));
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #pageOf(sequence: number): Page {
    return this.#pages[(sequence - this.#base) >>> PAGE_BITS] as Page;
  }

  #placeOf(sequence: number): number {
    return (sequence - this.#base) & (PAGE_SIZE - 1);
  }

  #sentAt(sequence: number): number {
    return this.#pageOf(sequence).sentAt[this.#placeOf(sequence)] as number;
  }

  #openPage(): void {
    this.#pages.push(this.#sparePage ?? newPage());
    this.#sparePage = undefined;
    this.#bytes += PAGE_BYTES;
  }

  #forgetFirst(): void {
    const first = this.#first;
    const finishedAt = this.finishedAt(first);
    if (first === this.#last) {
      this.#forgetAll(finishedAt);
      return;
    }
    this.#messageBytes -= this.#pageOf(first).length[this.#placeOf(first)] as number;
    const next = first + 1;
    const nextSlab = this.#pageOf(next).slab[this.#placeOf(next)] as number;
    this.#first = next;
    this.#goneFinishedAt = finishedAt;
    const forgotten = nextSlab === this.#firstSlab ? undefined : this.#slabs.shift();
    if (forgotten !== undefined) {
      this.#bytes -= forgotten.byteLength;
      this.#firstSlab = nextSlab;
    }
    if (next - this.#base === PAGE_SIZE) {
      this.#sparePage = this.#pages.shift();
      this.#bytes -= PAGE_BYTES;
      this.#base = next;
    }
    if (forgotten !== undefined) this.onForgotten(forgotten);
  }

  #forgetAll(finishedAt: number): void {
    this.#pages = [];
    this.#sparePage = undefined;
    this.#slabs = [];
    this.#slab = undefined;
    this.#bytes = 0;
    this.#messageBytes = 0;
    this.#first = this.#last + 1;
    this.#goneFinishedAt = finishedAt;
    this.onEmptied();
  }

  /** Gives memory back while nothing is sent. */
  #startTimer(): void {
    const left = this.#sentAt(this.#first) + this.#options.historyAge - this.#now();
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.expire();
        if (this.#first <= this.#last) this.#startTimer();
      },
      Math.max(SWEEP_MS, left),
    );
    this.#timer.unref();
  }
}

function newPage(): Page {
  return {
    slab: new Uint32Array(PAGE_SIZE),
    offset: new Uint32Array(PAGE_SIZE),
    length: new Uint32Array(PAGE_SIZE),
    topicHash: new Int32Array(PAGE_SIZE),
    finishedAt: new Float64Array(PAGE_SIZE),
    sentAt: new Float64Array(PAGE_SIZE),
  };
}
