/**
 * What `events()` and `anyEvent()` return: an iterator that buffers events until its consumer asks for them.
 *
 * It behaves as Emittery's, which cannot be used because only its `emit` can feed it, and differs where that one
 * fails: several pending `next()` are all served, and one that finished under one of its names takes no more under
 * the others instead of making every later `emit` of those reject.
 */

/** `open` → `finished` (gives what it has, takes no more) or `returned` (gives nothing more). */
type State = 'open' | 'finished' | 'returned';

export class EventIterator<T> implements AsyncIterableIterator<T, undefined> {
  readonly #onEnds: (() => void)[];
  #state: State = 'open';
  /** Items nobody has asked for, oldest at `#head`. As in Emittery they may be promises: `next()` awaits them. */
  #items: (T | PromiseLike<T>)[] = [];
  #head = 0;
  /** Consumers that asked before there was an item, in the order in which they asked. */
  #waiting: ((result: Promise<IteratorResult<T, undefined>>) => void)[] = [];

  /** `onEnd` is called once, as soon as the iterator takes no more items. */
  constructor(onEnd: () => void) {
    this.#onEnds = [onEnd];
  }

  enqueue(item: T | PromiseLike<T>): void {
    if (this.#state !== 'open') return;
    const consumer = this.#waiting.shift();
    if (consumer === undefined) this.#items.push(item);
    else consumer(resultOf(item));
  }

  /** Calls `call` when it ends, at once if it has. */
  onEnd(call: () => void): void {
    if (this.#state === 'open') this.#onEnds.push(call);
    else call();
  }

  /** Ends it for its producers: the consumer still gets what is buffered. */
  finish(): void {
    this.#end('finished');
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    if (this.#head < this.#items.length) return resultOf(this.#take());
    if (this.#state !== 'open') return done();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Ends it for its consumer: what is buffered is dropped. Resolves to `value`, awaited. */
  async return(...value: readonly unknown[]): Promise<IteratorResult<T, undefined>> {
    this.#items = [];
    this.#head = 0;
    this.#end('returned');
    return value.length === 0 ? done() : { done: true, value: (await value[0]) as undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** {@link return}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #end(state: 'finished' | 'returned'): void {
    const wasOpen = this.#state === 'open';
    this.#state = state;
    if (!wasOpen) return;
    for (const consumer of this.#waiting) consumer(Promise.resolve(done()));
    this.#waiting = [];
    for (const call of this.#onEnds) call();
  }

  #take(): T | PromiseLike<T> {
    const item = this.#items[this.#head] as T | PromiseLike<T>;
    this.#head += 1;
    // Half of it is past: the cost of moving the rest is paid for by what was taken.
    if (this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

async function resultOf<T>(item: T | PromiseLike<T>): Promise<IteratorResult<T, undefined>> {
  return { done: false, value: await item };
}

/** Without a `value`, as Emittery has it: whoever compares results sees no difference. */
function done(): IteratorReturnResult<undefined> {
  return { done: true } as IteratorReturnResult<undefined>;
}
