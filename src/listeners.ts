/**
 * Who listens here, by name: the index through which events reach listeners and iterators, from here and from elsewhere.
 *
 * Emittery keeps its own lists, which are private to it, and its `emit` makes a handful of promises per event. This
 * index mirrors the listeners, holds the iterators, and says when the first interest in a name begins and the last one
 * ends.
 */
import { EventIterator } from './event-iterator.js';

export type Listener = (data: unknown) => unknown;
export type AnyListener = (name: PropertyKey, data: unknown) => unknown;

/** Called when the first interest in a name (or, with `undefined`, in all names) begins and when the last ends. */
export type InterestHandler = (name: PropertyKey | undefined, interested: boolean) => void;

/** Called when a listener throws or rejects. */
export type FailureHandler = (name: PropertyKey, cause: unknown) => void;

const DONE: Promise<void> = Promise.resolve();

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

  /** Whether `listener` of `snapshot` has not been removed since. Nearly always nothing changes meanwhile. */
  stillHas(snapshot: readonly T[], listener: T): boolean {
    return this.#snapshot === snapshot || this.members.has(listener);
  }
}

export class Listeners {
  readonly #onInterest: InterestHandler;
  readonly #onFailure: FailureHandler;
  readonly #byName = new Map<PropertyKey, ListenerSet<Listener>>();
  readonly #any = new ListenerSet<AnyListener>();
  readonly #iterators = new Map<PropertyKey, Set<EventIterator<unknown>>>();
  readonly #anyIterators = new Set<EventIterator<[PropertyKey, unknown]>>();
  /** What has been reported to {@link InterestHandler}. */
  readonly #interesting = new Set<PropertyKey>();
  #interestingAll = false;

  constructor(onInterest: InterestHandler, onFailure: FailureHandler) {
    this.#onInterest = onInterest;
    this.#onFailure = onFailure;
  }

  add(name: PropertyKey, listener: Listener): void {
    let set = this.#byName.get(name);
    if (set === undefined) {
      set = new ListenerSet();
      this.#byName.set(name, set);
    }
    set.add(listener);
    this.#reportName(name);
  }

  delete(name: PropertyKey, listener: Listener): void {
    const set = this.#byName.get(name);
    if (set === undefined) return;
    set.delete(listener);
    if (set.members.size === 0) this.#byName.delete(name);
    this.#reportName(name);
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
    const iterator = new EventIterator<unknown>(() => {
      for (const name of names) {
        const set = this.#iterators.get(name);
        if (set?.delete(iterator) && set.size === 0) this.#iterators.delete(name);
        this.#reportName(name);
      }
    });
    for (const name of names) {
      const set = this.#iterators.get(name);
      if (set === undefined) this.#iterators.set(name, new Set([iterator]));
      else set.add(iterator);
      this.#reportName(name);
    }
    return iterator;
  }

  /** As Emittery's `anyEvent`, for events from here and from elsewhere. */
  anyEvent(): AsyncIterableIterator<[PropertyKey, unknown]> {
    const iterator = new EventIterator<[PropertyKey, unknown]>(() => {
      this.#anyIterators.delete(iterator);
      this.#reportAll();
    });
    this.#anyIterators.add(iterator);
    this.#reportAll();
    return iterator;
  }

  /** Forgets the listeners of one name and finishes its iterators. */
  clear(name: PropertyKey): void {
    // The set stays, as in Emittery: an event on its way finds in it who is added again.
    this.#byName.get(name)?.clear();
    for (const iterator of this.#iterators.get(name) ?? []) iterator.finish();
    this.#reportName(name);
  }

  /** Forgets all listeners and finishes all iterators. */
  clearAll(): void {
    for (const set of this.#byName.values()) set.clear();
    this.#byName.clear();
    this.#any.clear();
    this.finishIterators();
    for (const name of [...this.#interesting]) this.#reportName(name);
    this.#reportAll();
  }

  finishIterators(): void {
    for (const set of [...this.#iterators.values()]) for (const iterator of set) iterator.finish();
    for (const iterator of this.#anyIterators) iterator.finish();
  }

  /** How many iterators there are for each of `names` (`undefined`: for all), as `listenerCount` counts them. */
  iteratorCount(names: readonly (PropertyKey | undefined)[]): number {
    let count = 0;
    for (const name of names) {
      count += this.#anyIterators.size;
      if (name !== undefined) count += this.#iterators.get(name)?.size ?? 0;
      else for (const set of this.#iterators.values()) count += set.size;
    }
    return count;
  }

  /**
   * Calls the listeners of an event that was emitted here, as Emittery's `emit` does: those of now, in a microtask, those
   * of the name first; not who is removed meanwhile. All are called, also if one throws.
   *
   * @returns a promise that resolves when all are done, and rejects with what the first of them threw or rejected with;
   *   `undefined` if there is no listener.
   */
  emit(name: PropertyKey, data: unknown): Promise<void> | undefined {
    const set = this.#byName.get(name);
    const isNobodyThere = (set === undefined || set.members.size === 0) && this.#any.members.size === 0;
    return isNobodyThere ? undefined : this.#emit(set, name, data);
  }

  /** Whether somebody asked for `name` by name: a listener or an iterator. */
  hasInterest(name: PropertyKey): boolean {
    return this.#interesting.has(name);
  }

  /** Hands an event to the iterators that wait for it. */
  enqueue(name: PropertyKey, data: unknown): void {
    this.#enqueueByName(name, data);
    if (this.#anyIterators.size === 0) return;
    // As in Emittery: data that is a promise is awaited by whoever asks for the item.
    const item = mayBeAwaited(data) ? Promise.all([name, data]) : ([name, data] as [PropertyKey, unknown]);
    for (const iterator of this.#anyIterators) iterator.enqueue(item);
  }

  /**
   * Delivers remote events in order: to iterators, to the listeners of the name, to those of all names. What a
   * listener throws, or rejects with, is reported and stops nobody else.
   */
  dispatch(name: PropertyKey, values: readonly unknown[]): void {
    let set = this.#byName.get(name);
    for (const value of values) {
      // As in Emittery: who is added while an event is being delivered does not get it yet.
      const any = this.#any.snapshot;
      this.enqueue(name, value);
      // A set that has become empty may have made way for another one.
      if (set === undefined || set.members.size === 0) set = this.#byName.get(name);
      if (set !== undefined) this.#call(set, name, value);
      for (const listener of any) {
        // Nor does who is removed meanwhile get it any more.
        if (!this.#any.stillHas(any, listener)) continue;
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
    this.#enqueueByName(name, data);
    const set = this.#byName.get(name);
    if (set !== undefined) this.#call(set, name, data);
  }

  async #emit(set: ListenerSet<Listener> | undefined, name: PropertyKey, data: unknown): Promise<void> {
    const listeners = set?.snapshot ?? [];
    const any = this.#any.snapshot;
    await DONE;
    // Most listeners return nothing to wait for. What was thrown comes before what was rejected, as in Emittery.
    const pending: unknown[] = [];
    const thrown: Promise<never>[] = [];
    for (const listener of listeners) {
      if (!set?.stillHas(listeners, listener)) continue;
      try {
        const result = listener(data);
        if (isThenable(result)) pending.push(result);
      } catch (cause) {
        thrown.push(Promise.reject(cause));
      }
    }
    for (const listener of any) {
      if (!this.#any.stillHas(any, listener)) continue;
      try {
        const result = listener(name, data);
        if (isThenable(result)) pending.push(result);
      } catch (cause) {
        thrown.push(Promise.reject(cause));
      }
    }
    if (pending.length + thrown.length > 0) await Promise.all([...thrown, ...pending]);
  }

  #enqueueByName(name: PropertyKey, data: unknown): void {
    if (this.#iterators.size === 0) return;
    const set = this.#iterators.get(name);
    if (set === undefined) return;
    for (const iterator of set) iterator.enqueue(data);
  }

  #call(set: ListenerSet<Listener>, name: PropertyKey, value: unknown): void {
    const { snapshot } = set;
    for (const listener of snapshot) {
      if (!set.stillHas(snapshot, listener)) continue;
      try {
        this.#watch(name, listener(value));
      } catch (cause) {
        this.#onFailure(name, cause);
      }
    }
  }

  /** A listener may be asynchronous; nobody waits for it, but its failure is not lost. */
  #watch(name: PropertyKey, result: unknown): void {
    if (isThenable(result)) result.then(undefined, (cause: unknown) => this.#onFailure(name, cause));
  }

  #reportName(name: PropertyKey): void {
    const listeners = this.#byName.get(name)?.members.size ?? 0;
    const interested = listeners > 0 || this.#iterators.has(name);
    if (interested === this.#interesting.has(name)) return;
    if (interested) this.#interesting.add(name);
    else this.#interesting.delete(name);
    this.#onInterest(name, interested);
  }

  #reportAll(): void {
    const interested = this.#any.members.size > 0 || this.#anyIterators.size > 0;
    if (interested === this.#interestingAll) return;
    this.#interestingAll = interested;
    this.#onInterest(undefined, interested);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== 'function' && (typeof value !== 'object' || value === null)) return false;
  return typeof (value as { then?: unknown }).then === 'function';
}

/** Also what throws when it is asked: that is for whoever awaits it. */
function mayBeAwaited(value: unknown): boolean {
  try {
    return isThenable(value);
  } catch {
    return true;
  }
}
