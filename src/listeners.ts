/**
 * Who listens here, by name: the index through which events reach listeners and iterators, from here and from elsewhere.
 *
 * Emittery keeps its own lists, which are private to it, and its `emit` makes a handful of promises per event. This
 * index mirrors the listeners, holds the iterators, and says when the first interest in a name begins and the last one
 * ends.
 */
import { EventIterator } from './event-iterator.js';
import { ListenerSet, type Member } from './listener-set.js';
import type { Pattern } from './pattern.js';
import { isThenable, mayBeAwaited } from './thenable.js';

export type Listener = (data: unknown) => unknown;
export type AnyListener = (name: PropertyKey, data: unknown) => unknown;
type NamedItem = [name: PropertyKey, data: unknown];

/** Told when the first interest begins and when the last ends. */
export interface InterestHandlers {
  onName(name: PropertyKey, interested: boolean): void;
  /** Each time somebody begins to listen to a name. Returns whether {@link Listeners.giveRetained} will be called for it. */
  seeksRetained(name: PropertyKey): boolean;
  /** Nobody waits for that any more. */
  forgetsRetained(name: PropertyKey): void;
  onAll(interested: boolean): void;
  onPattern(pattern: Pattern, interested: boolean): void;
}

/** Called when a listener or its filter throws or rejects. */
export type FailureHandler = (name: PropertyKey, cause: unknown) => void;

/** Calls `deliver` for the event with this index in its batch. */
export type Surroundings = (index: number, deliver: () => void) => void;

/** Who waits for the retained value of a name, and what gives it. */
export type RetainedSeekers = ReadonlyMap<object, (data: unknown) => void>;

const DONE: Promise<void> = Promise.resolve();

/** Names whose patterns are known; forgotten in bulk when they become too many. */
const MAX_MATCHED_NAMES = 4096;

type NamedSnapshot = readonly [ListenerSet<AnyListener>, readonly Member<AnyListener>[]];
const NOBODY: readonly NamedSnapshot[] = [];

/** Those who listen to one pattern. */
class PatternListeners {
  readonly pattern: Pattern;
  readonly listeners = new ListenerSet<AnyListener>();
  readonly iterators = new Set<EventIterator<NamedItem>>();

  constructor(pattern: Pattern) {
    this.pattern = pattern;
  }

  get isEmpty(): boolean {
    return this.listeners.size === 0 && this.iterators.size === 0;
  }
}

export class Listeners {
  readonly #onInterest: InterestHandlers;
  readonly #onFailure: FailureHandler;
  readonly #byName = new Map<PropertyKey, ListenerSet<Listener>>();
  readonly #any = new ListenerSet<AnyListener>();
  readonly #iterators = new Map<PropertyKey, Set<EventIterator<unknown>>>();
  readonly #anyIterators = new Set<EventIterator<NamedItem>>();
  readonly #patterns = new Map<string, PatternListeners>();
  readonly #matched = new Map<PropertyKey, readonly PatternListeners[]>();
  /** Those who get a retained value if one is found before an event of the name comes. */
  readonly #awaitRetained = new Map<PropertyKey, Map<object, (data: unknown) => void>>();
  /** What has been reported to {@link InterestHandlers}. */
  readonly #interesting = new Set<PropertyKey>();
  #interestingAll = false;

  constructor(onInterest: InterestHandlers, onFailure: FailureHandler) {
    this.#onInterest = onInterest;
    this.#onFailure = onFailure;
  }

  /** Whether nobody listens to anything. */
  get isEmpty(): boolean {
    return this.#interesting.size === 0 && !this.#interestingAll && this.#patterns.size === 0;
  }

  add(name: PropertyKey, listener: Listener, filter?: Listener): void {
    let set = this.#byName.get(name);
    if (set === undefined) {
      set = new ListenerSet();
      this.#byName.set(name, set);
    }
    const isNew = set.add(listener, filter);
    this.#reportName(name);
    if (isNew) this.#seekRetained(name, listener, (data) => this.#callOne(set, listener, name, data));
  }

  delete(name: PropertyKey, listener: Listener): void {
    const set = this.#byName.get(name);
    if (set === undefined) return;
    set.delete(listener);
    if (set.size === 0) this.#byName.delete(name);
    this.#seekNoMore(name, listener);
    this.#reportName(name);
  }

  addAny(listener: AnyListener, filter?: AnyListener): void {
    this.#any.add(listener, filter);
    this.#reportAll();
  }

  deleteAny(listener: AnyListener): void {
    this.#any.delete(listener);
    this.#reportAll();
  }

  addPattern(pattern: Pattern, listener: AnyListener, filter?: AnyListener): void {
    this.#openPattern(pattern).listeners.add(listener, filter);
  }

  deletePattern(pattern: Pattern, listener: AnyListener): void {
    const listeners = this.#patterns.get(pattern.text);
    if (listeners === undefined) return;
    listeners.listeners.delete(listener);
    this.#closePattern(listeners);
  }

  /** As Emittery's `events`, for events from here and from elsewhere. */
  events(names: readonly PropertyKey[]): EventIterator<unknown> {
    const iterator = new EventIterator<unknown>(() => {
      for (const name of names) {
        const set = this.#iterators.get(name);
        if (set?.delete(iterator) && set.size === 0) this.#iterators.delete(name);
        this.#seekNoMore(name, iterator);
        this.#reportName(name);
      }
    });
    for (const name of names) {
      const set = this.#iterators.get(name);
      if (set === undefined) this.#iterators.set(name, new Set([iterator]));
      else set.add(iterator);
      this.#reportName(name);
      this.#seekRetained(name, iterator, (data) => iterator.enqueue(data));
    }
    return iterator;
  }

  /** As Emittery's `anyEvent`, for events from here and from elsewhere. */
  anyEvent(): EventIterator<NamedItem> {
    const iterator = new EventIterator<NamedItem>(() => {
      this.#anyIterators.delete(iterator);
      this.#reportAll();
    });
    this.#anyIterators.add(iterator);
    this.#reportAll();
    return iterator;
  }

  /** As {@link anyEvent}, for names that match. */
  patternEvents(pattern: Pattern): EventIterator<NamedItem> {
    const listeners = this.#openPattern(pattern);
    const iterator = new EventIterator<NamedItem>(() => {
      listeners.iterators.delete(iterator);
      this.#closePattern(listeners);
    });
    listeners.iterators.add(iterator);
    return iterator;
  }

  /** Those who wait for a retained value of `name` now, for {@link giveRetained}. */
  retainedSeekers(name: PropertyKey): RetainedSeekers | undefined {
    return this.#awaitRetained.get(name);
  }

  /** Gives a retained value to those who waited for it and have had no event of the name yet; or to nobody. */
  giveRetained(
    name: PropertyKey,
    found: { readonly data: unknown } | undefined,
    waiting: RetainedSeekers | undefined,
  ): void {
    if (this.#awaitRetained.get(name) !== waiting) return;
    this.#awaitRetained.delete(name);
    if (found !== undefined) for (const give of waiting?.values() ?? []) give(found.data);
  }

  /** Forgets the listeners of one name and finishes its iterators. */
  clear(name: PropertyKey): void {
    // The set stays, as in Emittery: an event on its way finds in it who is added again.
    this.#byName.get(name)?.clear();
    if (this.#awaitRetained.delete(name)) this.#onInterest.forgetsRetained(name);
    for (const iterator of this.#iterators.get(name) ?? []) iterator.finish();
    this.#reportName(name);
  }

  /** Forgets all listeners and finishes all iterators. */
  clearAll(): void {
    for (const set of this.#byName.values()) set.clear();
    this.#byName.clear();
    this.#any.clear();
    this.finishIterators();
    for (const name of this.#awaitRetained.keys()) this.#onInterest.forgetsRetained(name);
    this.#awaitRetained.clear();
    for (const listeners of [...this.#patterns.values()]) {
      listeners.listeners.clear();
      this.#closePattern(listeners);
    }
    for (const name of [...this.#interesting]) this.#reportName(name);
    this.#reportAll();
  }

  finishIterators(): void {
    for (const set of [...this.#iterators.values()]) for (const iterator of set) iterator.finish();
    for (const iterator of this.#anyIterators) iterator.finish();
    for (const { iterators } of [...this.#patterns.values()])
      for (const iterator of iterators) iterator.finish();
  }

  /** How many listeners there are for each of `names` (`undefined`: for all), as Emittery's `listenerCount` counts them. */
  listenerCount(names: readonly (PropertyKey | undefined)[]): number {
    let count = 0;
    for (const name of names) {
      count += this.#any.size;
      if (name !== undefined) count += this.#byName.get(name)?.size ?? 0;
      else for (const set of this.#byName.values()) count += set.size;
    }
    return count + this.iteratorCount(names);
  }

  /** How many iterators, and listeners to patterns, there are for each of `names` (`undefined`: for all). */
  iteratorCount(names: readonly (PropertyKey | undefined)[]): number {
    let count = 0;
    for (const name of names) {
      count += this.#anyIterators.size;
      const patterns = name === undefined ? this.#patterns.values() : this.#patternsOf(name);
      for (const { listeners, iterators } of patterns) count += listeners.size + iterators.size;
      if (name !== undefined) count += this.#iterators.get(name)?.size ?? 0;
      else for (const set of this.#iterators.values()) count += set.size;
    }
    return count;
  }

  /**
   * Calls the listeners of an event that was emitted here, as Emittery's `emit` does: those of now, in a microtask, those
   * of the name first; not who is removed meanwhile. All are called, also if one throws.
   *
   * @returns a promise that resolves when all are done, and rejects with what the first of them threw, or else rejected
   *   with; `undefined` if there is no listener.
   */
  emit(name: PropertyKey, data: unknown): Promise<void> | undefined {
    return this.#hasListeners(name) ? this.#emit(name, data) : undefined;
  }

  /** As {@link emit}, one listener after another; nobody is called after one that fails. */
  emitSerial(name: PropertyKey, data: unknown): Promise<void> | undefined {
    return this.#hasListeners(name) ? this.#emitSerial(name, data) : undefined;
  }

  /** Whether somebody asked for `name` by name: a listener or an iterator. */
  hasInterest(name: PropertyKey): boolean {
    return this.#interesting.has(name);
  }

  /** Hands an event to the iterators that wait for it. */
  enqueue(name: PropertyKey, data: unknown): void {
    this.#enqueueByName(name, data);
    if (this.#patterns.size > 0)
      for (const { iterators } of this.#patternsOf(name)) this.#enqueueNamed(iterators, name, data);
    if (this.#anyIterators.size > 0) this.#enqueueNamed(this.#anyIterators, name, data);
  }

  /**
   * Delivers remote events in order: to iterators, to the listeners of the name, of patterns, and of all names. What a
   * listener throws, or rejects with, is reported and stops nobody else.
   */
  dispatch(name: PropertyKey, values: readonly unknown[], surroundings?: Surroundings): void {
    if (surroundings !== undefined) {
      for (const [i, value] of values.entries()) surroundings(i, () => this.dispatch(name, [value]));
      return;
    }
    let set = this.#byName.get(name);
    for (const value of values) {
      // As in Emittery: who is added while an event is being delivered does not get it yet.
      const named = this.#namedSnapshots(name);
      this.enqueue(name, value);
      // A set that has become empty may have made way for another one.
      if (set === undefined || set.size === 0) set = this.#byName.get(name);
      if (set !== undefined) this.#call(set, name, value);
      for (const [owner, snapshot] of named) this.#callNamed(owner, snapshot, name, value);
    }
  }

  /** Delivers an event of the library's own: to those who asked for it by name, and not to `onAny`. */
  dispatchOwn(name: PropertyKey, data: unknown): void {
    this.#enqueueByName(name, data);
    const set = this.#byName.get(name);
    if (set !== undefined) this.#call(set, name, data);
  }

  #hasListeners(name: PropertyKey): boolean {
    if (this.#any.size > 0 || (this.#byName.get(name)?.size ?? 0) > 0) return true;
    return this.#patterns.size > 0 && this.#patternsOf(name).some(({ listeners }) => listeners.size > 0);
  }

  async #emit(name: PropertyKey, data: unknown): Promise<void> {
    const set = this.#byName.get(name);
    const listeners = set?.snapshot ?? [];
    const named = this.#namedSnapshots(name);
    await DONE;
    // Most listeners return nothing to wait for. What was thrown comes before what was rejected, as in Emittery.
    const pending: unknown[] = [];
    const thrown: Promise<never>[] = [];
    for (const member of listeners) {
      if (!set?.stillHas(listeners, member)) continue;
      try {
        if (!this.#passes(member.filter, name, data)) continue;
        const result = member.listener(data);
        if (isThenable(result)) pending.push(result);
      } catch (cause) {
        thrown.push(Promise.reject(cause));
      }
    }
    for (const [owner, snapshot] of named) {
      for (const member of snapshot) {
        if (!owner.stillHas(snapshot, member)) continue;
        try {
          if (!this.#passesNamed(member.filter, name, data)) continue;
          const result = member.listener(name, data);
          if (isThenable(result)) pending.push(result);
        } catch (cause) {
          thrown.push(Promise.reject(cause));
        }
      }
    }
    if (pending.length + thrown.length > 0) await Promise.all([...thrown, ...pending]);
  }

  async #emitSerial(name: PropertyKey, data: unknown): Promise<void> {
    const set = this.#byName.get(name);
    const listeners = set?.snapshot ?? [];
    const named = this.#namedSnapshots(name);
    await DONE;
    for (const member of listeners) {
      if (!set?.stillHas(listeners, member)) continue;
      if (this.#passes(member.filter, name, data)) await member.listener(data);
    }
    for (const [owner, snapshot] of named) {
      for (const member of snapshot) {
        if (!owner.stillHas(snapshot, member)) continue;
        if (this.#passesNamed(member.filter, name, data)) await member.listener(name, data);
      }
    }
  }

  /** Those who are called with the name as well: of patterns first. */
  #namedSnapshots(name: PropertyKey): readonly NamedSnapshot[] {
    if (this.#patterns.size === 0 && this.#any.size === 0) return NOBODY;
    const all: NamedSnapshot[] = [];
    if (this.#patterns.size > 0)
      for (const { listeners } of this.#patternsOf(name)) all.push([listeners, listeners.snapshot]);
    if (this.#any.size > 0) all.push([this.#any, this.#any.snapshot]);
    return all;
  }

  #seekRetained(name: PropertyKey, seeker: object, give: (data: unknown) => void): void {
    if (!this.#onInterest.seeksRetained(name)) return;
    const waiting = this.#awaitRetained.get(name) ?? new Map<object, (data: unknown) => void>();
    this.#awaitRetained.set(name, waiting);
    waiting.set(seeker, give);
  }

  #seekNoMore(name: PropertyKey, seeker: object): void {
    const waiting = this.#awaitRetained.get(name);
    if (waiting?.delete(seeker) !== true || waiting.size > 0) return;
    this.#awaitRetained.delete(name);
    this.#onInterest.forgetsRetained(name);
  }

  #enqueueByName(name: PropertyKey, data: unknown): void {
    // What is retained came before this.
    if (this.#awaitRetained.size > 0 && this.#awaitRetained.delete(name)) {
      // Who begins to listen from here on is to get a newer one than what that search has found.
      this.#onInterest.forgetsRetained(name);
    }
    if (this.#iterators.size === 0) return;
    const set = this.#iterators.get(name);
    if (set === undefined) return;
    for (const iterator of set) iterator.enqueue(data);
  }

  #enqueueNamed(iterators: Iterable<EventIterator<NamedItem>>, name: PropertyKey, data: unknown): void {
    // As in Emittery: data that is a promise is awaited by whoever asks for the item.
    const item = mayBeAwaited(data) ? Promise.all([name, data]) : ([name, data] as NamedItem);
    for (const iterator of iterators) iterator.enqueue(item);
  }

  #call(set: ListenerSet<Listener>, name: PropertyKey, value: unknown): void {
    const { snapshot } = set;
    for (const member of snapshot) {
      if (!set.stillHas(snapshot, member)) continue;
      if (!this.#passes(member.filter, name, value)) continue;
      try {
        this.#watch(name, member.listener(value));
      } catch (cause) {
        this.#onFailure(name, cause);
      }
    }
  }

  /** One that is still there. */
  #callOne(set: ListenerSet<Listener>, listener: Listener, name: PropertyKey, value: unknown): void {
    const member = set.get(listener);
    if (member === undefined || !this.#passes(member.filter, name, value)) return;
    try {
      this.#watch(name, member.listener(value));
    } catch (cause) {
      this.#onFailure(name, cause);
    }
  }

  #callNamed(
    set: ListenerSet<AnyListener>,
    snapshot: readonly Member<AnyListener>[],
    name: PropertyKey,
    value: unknown,
  ): void {
    for (const member of snapshot) {
      // Nor does who is removed meanwhile get it any more.
      if (!set.stillHas(snapshot, member)) continue;
      if (!this.#passesNamed(member.filter, name, value)) continue;
      try {
        this.#watch(name, member.listener(name, value));
      } catch (cause) {
        this.#onFailure(name, cause);
      }
    }
  }

  /** What a filter throws is told, and the listener not called. */
  #passes(filter: Listener | undefined, name: PropertyKey, data: unknown): boolean {
    if (filter === undefined) return true;
    try {
      const result = filter(data);
      if (!isThenable(result)) return Boolean(result);
      // What it will decide comes too late, and how it fails is not to be an unhandled rejection.
      result.then(undefined, () => {});
      throw new TypeError('Expected `filter` to return a boolean, got a promise');
    } catch (cause) {
      this.#onFailure(name, cause);
      return false;
    }
  }

  #passesNamed(filter: AnyListener | undefined, name: PropertyKey, data: unknown): boolean {
    return filter === undefined || this.#passes((value) => filter(name, value), name, data);
  }

  /** A listener may be asynchronous; nobody waits for it, but its failure is not lost. */
  #watch(name: PropertyKey, result: unknown): void {
    if (isThenable(result)) result.then(undefined, (cause: unknown) => this.#onFailure(name, cause));
  }

  #openPattern(pattern: Pattern): PatternListeners {
    const known = this.#patterns.get(pattern.text);
    if (known !== undefined) return known;
    const listeners = new PatternListeners(pattern);
    this.#patterns.set(pattern.text, listeners);
    this.#matched.clear();
    this.#onInterest.onPattern(pattern, true);
    return listeners;
  }

  #closePattern(listeners: PatternListeners): void {
    const { pattern } = listeners;
    if (!listeners.isEmpty || this.#patterns.get(pattern.text) !== listeners) return;
    this.#patterns.delete(pattern.text);
    this.#matched.clear();
    this.#onInterest.onPattern(pattern, false);
  }

  #patternsOf(name: PropertyKey): readonly PatternListeners[] {
    const known = this.#matched.get(name);
    if (known !== undefined) return known;
    const matched = [...this.#patterns.values()].filter(({ pattern }) => pattern.matches(name));
    if (this.#matched.size >= MAX_MATCHED_NAMES) this.#matched.clear();
    this.#matched.set(name, matched);
    return matched;
  }

  #reportName(name: PropertyKey): void {
    const listeners = this.#byName.get(name)?.size ?? 0;
    const interested = listeners > 0 || this.#iterators.has(name);
    if (interested === this.#interesting.has(name)) return;
    if (interested) this.#interesting.add(name);
    else this.#interesting.delete(name);
    this.#onInterest.onName(name, interested);
  }

  #reportAll(): void {
    const interested = this.#any.size > 0 || this.#anyIterators.size > 0;
    if (interested === this.#interestingAll) return;
    this.#interestingAll = interested;
    this.#onInterest.onAll(interested);
  }
}
