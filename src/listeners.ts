/**
 * Who listens here, by name: the index through which remote events reach listeners and iterators.
 *
 * Emittery keeps its own lists and serves local `emit`s from them; they are private to it, its `emit` makes a
 * handful of promises per event, and remote events deserve neither. This index mirrors the listeners, holds the
 * iterators, and says when the first interest in a name begins and the last one ends.
 */
import Emittery from 'emittery';

export type Listener = (data: unknown) => unknown;
export type AnyListener = (name: PropertyKey, data: unknown) => unknown;

/** Called when the first interest in a name (or, with `undefined`, in all names) begins and when the last ends. */
export type InterestHandler = (name: PropertyKey | undefined, interested: boolean) => void;

/** Called when a listener throws or rejects. */
export type FailureHandler = (name: PropertyKey, cause: unknown) => void;

/** Listeners in the order they were added, and a snapshot of them that dispatch can walk while they change. */
class ListenerSet<T> {
  readonly members = new Set<T>();
  #snapshot: readonly T[] | undefined;

  add(listener: T): void {
    this.members.add(listener);
    this.#snapshot = undefined;
  }

  delete(listener: T): void {
    this.members.delete(listener);
    this.#snapshot = undefined;
  }

  clear(): void {
    this.members.clear();
    this.#snapshot = undefined;
  }

  get snapshot(): readonly T[] {
    this.#snapshot ??= [...this.members];
    return this.#snapshot;
  }
}

export class Listeners {
  readonly #onInterest: InterestHandler;
  readonly #onFailure: FailureHandler;
  readonly #byName = new Map<PropertyKey, ListenerSet<Listener>>();
  readonly #any = new ListenerSet<AnyListener>();
  /** Emittery's iterators, in instances that have nothing else; none while there is no iterator. */
  #iterators: Emittery<Record<PropertyKey, unknown>> | undefined;
  #anyIterators: Emittery<Record<PropertyKey, unknown>> | undefined;
  /** What has been reported to {@link InterestHandler}. */
  readonly #interesting = new Set<PropertyKey>();
  #interestingAll = false;

  constructor(onInterest: InterestHandler, onFailure: FailureHandler) {
    this.#onInterest = onInterest;
    this.#onFailure = onFailure;
  }

  add(names: readonly PropertyKey[], listener: Listener): void {
    for (const name of names) {
      let set = this.#byName.get(name);
      if (set === undefined) {
        set = new ListenerSet();
        this.#byName.set(name, set);
      }
      set.add(listener);
      this.#reportName(name);
    }
  }

  delete(names: readonly PropertyKey[], listener: Listener): void {
    for (const name of names) {
      const set = this.#byName.get(name);
      if (set === undefined) continue;
      set.delete(listener);
      if (set.members.size === 0) this.#byName.delete(name);
      this.#reportName(name);
    }
  }

  addAny(listener: AnyListener): void {
    this.#any.add(listener);
    this.#reportAll();
  }

  deleteAny(listener: AnyListener): void {
    this.#any.delete(listener);
    this.#reportAll();
  }

  /** As Emittery's `events`, for events from here and from elsewhere. */
  events(names: readonly PropertyKey[]): AsyncIterableIterator<unknown> {
    this.#iterators ??= iteratorHub();
    const iterator = this.#iterators.events(names);
    const report = (): void => {
      if (this.#iterators?.listenerCount() === 0) this.#iterators = undefined;
      for (const name of names) this.#reportName(name);
    };
    report();
    return withReturn(iterator, report);
  }

  /** As Emittery's `anyEvent`, for events from here and from elsewhere. */
  anyEvent(): AsyncIterableIterator<[PropertyKey, unknown]> {
    this.#anyIterators ??= iteratorHub();
    const iterator = this.#anyIterators.anyEvent() as AsyncIterableIterator<[PropertyKey, unknown]>;
    const report = (): void => {
      if (this.#anyIterators?.listenerCount() === 0) this.#anyIterators = undefined;
      this.#reportAll();
    };
    report();
    return withReturn(iterator, report);
  }

  /** Forgets the listeners of one name and finishes its iterators. */
  clear(name: PropertyKey): void {
    this.#byName.get(name)?.clear();
    this.#byName.delete(name);
    this.#iterators?.clearListeners(name);
    this.#reportName(name);
  }

  /** Forgets all listeners and finishes all iterators. */
  clearAll(): void {
    for (const set of this.#byName.values()) set.clear();
    this.#byName.clear();
    this.#any.clear();
    this.finishIterators();
  }

  finishIterators(): void {
    this.#iterators?.clearListeners();
    this.#anyIterators?.clearListeners();
    // After `clearListeners()` Emittery 1.2's `anyEvent` registers where `emit` does not look: start afresh.
    this.#iterators = undefined;
    this.#anyIterators = undefined;
    for (const name of [...this.#interesting]) this.#reportName(name);
    this.#reportAll();
  }

  /** How many iterators there are for each of `names` (`undefined`: for all), as `listenerCount` counts them. */
  iteratorCount(names: readonly (PropertyKey | undefined)[]): number {
    const any = this.#anyIterators?.listenerCount() ?? 0;
    let count = 0;
    for (const name of names) count += any + this.#namedIteratorCount(name);
    return count;
  }

  /** Whether an `emit` of `name` here has a listener to call. */
  hasListener(name: PropertyKey): boolean {
    return this.#byName.has(name) || this.#any.members.size > 0;
  }

  /** Whether somebody asked for `name` by name: a listener or an iterator. */
  hasInterest(name: PropertyKey): boolean {
    return this.#interesting.has(name);
  }

  /** Hands an event to the iterators that wait for it. */
  enqueue(name: PropertyKey, data: unknown): void {
    if (!this.#interesting.has(name) && !this.#interestingAll) return;
    void this.#iterators?.emit(name, data);
    void this.#anyIterators?.emit(name, data);
  }

  /**
   * Delivers remote events in order: to iterators, to the listeners of the name, to those of all names. What a
   * listener throws, or rejects with, is reported and stops nobody else.
   */
  dispatch(name: PropertyKey, values: readonly unknown[]): void {
    for (const value of values) {
      this.enqueue(name, value);
      this.#call(name, value);
      const any = this.#any.snapshot;
      for (const listener of any) {
        // As in Emittery: who is removed while an event is being delivered does not get it any more.
        if (!this.#any.members.has(listener)) continue;
        try {
          this.#watch(name, listener(name, value));
        } catch (cause) {
          this.#onFailure(name, cause);
        }
      }
    }
  }

  /** Delivers an event of the library's own: to those who asked for it by name, and not to `onAny`. */
  dispatchOwn(name: PropertyKey, data: unknown): void {
    if (!this.#interesting.has(name)) return;
    void this.#iterators?.emit(name, data);
    this.#call(name, data);
  }

  #call(name: PropertyKey, value: unknown): void {
    const set = this.#byName.get(name);
    if (set === undefined) return;
    for (const listener of set.snapshot) {
      if (!set.members.has(listener)) continue;
      try {
        this.#watch(name, listener(value));
      } catch (cause) {
        this.#onFailure(name, cause);
      }
    }
  }

  /** A listener may be asynchronous; nobody waits for it, but its failure is not lost. */
  #watch(name: PropertyKey, result: unknown): void {
    if (typeof result !== 'object' || result === null) return;
    const then = (result as { then?: unknown }).then;
    if (typeof then === 'function')
      then.call(result, undefined, (cause: unknown) => this.#onFailure(name, cause));
  }

  #namedIteratorCount(name: PropertyKey | undefined): number {
    if (this.#iterators === undefined) return 0;
    return name === undefined ? this.#iterators.listenerCount() : this.#iterators.listenerCount(name);
  }

  #reportName(name: PropertyKey): void {
    const interested = this.#byName.has(name) || this.#namedIteratorCount(name) > 0;
    if (interested === this.#interesting.has(name)) return;
    if (interested) this.#interesting.add(name);
    else this.#interesting.delete(name);
    this.#onInterest(name, interested);
  }

  #reportAll(): void {
    const interested = this.#any.members.size > 0 || this.#anyIterators !== undefined;
    if (interested === this.#interestingAll) return;
    this.#interestingAll = interested;
    this.#onInterest(undefined, interested);
  }
}

/** A plain Emittery that logs nothing: the instance in front of it already did. */
function iteratorHub(): Emittery<Record<PropertyKey, unknown>> {
  return new Emittery<Record<PropertyKey, unknown>>({
    debug: { name: '', enabled: false, logger: () => {} },
  });
}

/** `iterator` with `after` called as soon as its consumer has returned it. */
function withReturn<T>(iterator: AsyncIterableIterator<T>, after: () => void): AsyncIterableIterator<T> {
  return {
    next: () => iterator.next(),
    return(...value: [] | [unknown]) {
      const result =
        iterator.return?.(...(value as [])) ?? Promise.resolve({ done: true, value: undefined as T });
      after();
      return result;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
