/**
 * The messages that the link has taken and that may not have reached its other side: how large each is, and how many
 * events it stands for. So that what a link still had can be told in events when it ends.
 *
 * There may be very many between two looks at the link: they are numbers in one typed array, not objects.
 */

/** Messages before it is worth a look at how far the link has come. */
const MIN_LENGTH = 64;

export class HandedOver {
  /** Pairs of bytes and events, oldest first, from `#head` to `#end`. */
  #records = new Uint32Array(4 * MIN_LENGTH);
  #head = 0;
  #end = 0;
  #bytes = 0;
  #events = 0;
  #nextLook = MIN_LENGTH;

  get events(): number {
    return this.#events;
  }

  /** Whether there are so many that {@link keepLast} should be called. */
  get isDue(): boolean {
    return this.#end - this.#head >= 2 * this.#nextLook;
  }

  add(bytes: number, events: number): void {
    if (this.#end === this.#records.length) this.#makeRoom();
    this.#records[this.#end] = bytes;
    this.#records[this.#end + 1] = events;
    this.#end += 2;
    this.#bytes += bytes;
    this.#events += events;
  }

  /** Forgets all but the last `bytes`; a message that is only partly among them is kept. */
  keepLast(bytes: number): void {
    const records = this.#records;
    while (this.#head < this.#end) {
      const size = records[this.#head] as number;
      if (this.#bytes - size < bytes) break;
      this.#bytes -= size;
      this.#events -= records[this.#head + 1] as number;
      this.#head += 2;
    }
    // Twice as many as are left: the cost of looking is paid for by what came since.
    this.#nextLook = Math.max(MIN_LENGTH, this.#end - this.#head);
  }

  #makeRoom(): void {
    const kept = this.#records.subarray(this.#head, this.#end);
    const records = new Uint32Array(2 * Math.max(2 * MIN_LENGTH, kept.length));
    records.set(kept);
    this.#records = records;
    this.#head = 0;
    this.#end = kept.length;
  }
}
