/** Tells delivery what is listened to in one space. */
import type { Delivery, PrefixInterest } from './delivery/delivery.js';
import type { InterestHandlers } from './listeners.js';
import type { Pattern } from './pattern.js';
import type { Space } from './wire/space.js';
import { encodeNamePrefix } from './wire/topic.js';

/** Looks for retained values. */
export interface RetainedSeeker {
  /** Returns whether it will tell what it finds. */
  seek(name: PropertyKey, space: Space): boolean;
  forget(name: PropertyKey, space: Space): void;
}

export class SpaceInterests implements InterestHandlers {
  readonly #delivery: Delivery;
  readonly #space: Space;
  readonly #onLess: () => void;
  readonly #seeker: RetainedSeeker;
  #all: PrefixInterest | undefined;
  readonly #patterns = new Map<string, PrefixInterest>();

  /** `onLess` is called whenever an interest ends. */
  constructor(delivery: Delivery, space: Space, onLess: () => void, seeker: RetainedSeeker) {
    this.#delivery = delivery;
    this.#space = space;
    this.#onLess = onLess;
    this.#seeker = seeker;
  }

  onName(name: PropertyKey, interested: boolean): void {
    const { kind, channel } = this.#space;
    const isOwn = kind === 'event' && channel === undefined;
    if (isOwn && (name === 'distributed:join' || name === 'distributed:leave'))
      this.#delivery.watch(name, interested);
    else if (interested) this.#delivery.listen(name, this.#space);
    else this.#delivery.unlisten(name, this.#space);
    if (!interested) this.#onLess();
  }

  seeksRetained(name: PropertyKey): boolean {
    return this.#seeker.seek(name, this.#space);
  }

  forgetsRetained(name: PropertyKey): void {
    this.#seeker.forget(name, this.#space);
  }

  onAll(interested: boolean): void {
    if (interested) {
      this.#all = this.#delivery.listenToPrefix(this.#space.prefix, this.#space);
    } else if (this.#all !== undefined) {
      this.#delivery.unlistenToPrefix(this.#all);
      this.#all = undefined;
      this.#onLess();
    }
  }

  onPattern(pattern: Pattern, interested: boolean): void {
    const known = this.#patterns.get(pattern.text);
    if (interested) {
      const prefix = encodeNamePrefix(pattern.start, this.#space);
      const matches = (name: PropertyKey): boolean => pattern.matches(name);
      this.#patterns.set(pattern.text, this.#delivery.listenToPrefix(prefix, this.#space, matches));
    } else if (known !== undefined) {
      this.#delivery.unlistenToPrefix(known);
      this.#patterns.delete(pattern.text);
      this.#onLess();
    }
  }
}
