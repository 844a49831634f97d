/** Tells delivery what is listened to in one space. */
import type { Delivery, PrefixInterest } from './delivery/delivery.js';
import type { InterestHandlers } from './listeners.js';
import type { Pattern } from './pattern.js';
import type { Space } from './wire/space.js';
import { encodeNamePrefixes } from './wire/topic.js';

/** Looks for retained values. */
export interface RetainedSeeker {
  /** Returns whether it will tell what it finds. */
  seek(name: PropertyKey, space: Space): boolean;
  forget(name: PropertyKey, space: Space): void;
}

export class SpaceInterests implements InterestHandlers {
  readonly #delivery: Delivery;
  readonly #space: Space;
  readonly #onChange: () => void;
  readonly #seeker: RetainedSeeker;
  #all: PrefixInterest | undefined;
  readonly #patterns = new Map<string, readonly PrefixInterest[]>();

  /** `onChange` is called whenever an interest begins or ends. */
  constructor(delivery: Delivery, space: Space, onChange: () => void, seeker: RetainedSeeker) {
    this.#delivery = delivery;
    this.#space = space;
    this.#onChange = onChange;
    this.#seeker = seeker;
  }

  onName(name: PropertyKey, interested: boolean): void {
    const { kind, channel } = this.#space;
    const isOwn = kind === 'event' && channel === undefined;
    if (isOwn && (name === 'distributed:join' || name === 'distributed:leave'))
      this.#delivery.watch(name, interested);
    else if (interested) this.#delivery.listen(name, this.#space);
    else this.#delivery.unlisten(name, this.#space);
    this.#onChange();
  }

  seeksRetained(name: PropertyKey): boolean {
    return this.#seeker.seek(name, this.#space);
  }

  forgetsRetained(name: PropertyKey): void {
    this.#seeker.forget(name, this.#space);
  }

  onAll(interested: boolean): void {
    if (this.#all !== undefined) this.#delivery.unlistenToPrefix(this.#all);
    this.#all = interested ? this.#delivery.listenToPrefix(this.#space.prefix, this.#space) : undefined;
    this.#onChange();
  }

  onPattern({ text, start, matches }: Pattern, interested: boolean): void {
    if (interested) {
      const interests = encodeNamePrefixes(start, this.#space).map((prefix) =>
        this.#delivery.listenToPrefix(prefix, this.#space, matches),
      );
      this.#patterns.set(
        text,
        interests.filter((interest) => interest !== undefined),
      );
    } else {
      for (const interest of this.#patterns.get(text) ?? []) this.#delivery.unlistenToPrefix(interest);
      this.#patterns.delete(text);
    }
    this.#onChange();
  }
}
