/** Values that arrive when they like, for tests that wait for them: by event, never by time. */
export class Mailbox<T> {
  readonly all: T[] = [];
  #waiters: (() => boolean)[] = [];

  push(value: T): void {
    this.all.push(value);
    this.#waiters = this.#waiters.filter((isDone) => !isDone());
  }

  /** The first `count` values, as soon as there are so many. */
  first(count: number): Promise<readonly T[]> {
    return this.#when(() => (this.all.length >= count ? this.all.slice(0, count) : undefined));
  }

  /** The first value that fits, be it here or to come. */
  find(fits: (value: T) => boolean): Promise<T> {
    return this.#when(() => this.all.find(fits));
  }

  #when<R>(look: () => R | undefined): Promise<R> {
    return new Promise((resolve) => {
      const isDone = (): boolean => {
        const found = look();
        if (found === undefined) return false;
        resolve(found);
        return true;
      };
      if (!isDone()) this.#waiters.push(isDone);
    });
  }
}
