/** Listeners in the order they were added, and a snapshot of them that dispatch can walk while they change. */

/** A listener, and what decides whether it is called. */
export interface Member<T> {
  readonly listener: T;
  readonly filter: T | undefined;
}

export class ListenerSet<T> {
  readonly #members = new Map<T, Member<T>>();
  #snapshot: readonly Member<T>[] | undefined;

  get size(): number {
    return this.#members.size;
  }

  /** Each listener is there once; the last filter counts. Returns whether it was not there before. */
  add(listener: T, filter?: T): boolean {
    const isNew = !this.#members.has(listener);
    this.#members.set(listener, { listener, filter });
    this.#snapshot = undefined;
    return isNew;
  }

  get(listener: T): Member<T> | undefined {
    return this.#members.get(listener);
  }

  delete(listener: T): void {
    this.#members.delete(listener);
    this.#snapshot = undefined;
  }

  clear(): void {
    this.#members.clear();
    this.#snapshot = undefined;
  }

  get snapshot(): readonly Member<T>[] {
    this.#snapshot ??= [...this.#members.values()];
    return this.#snapshot;
  }

  /** Whether `member` of `snapshot` has not been removed since. Nearly always nothing changes meanwhile. */
  stillHas(snapshot: readonly Member<T>[], { listener }: Member<T>): boolean {
    return this.#snapshot === snapshot || this.#members.has(listener);
  }
}
