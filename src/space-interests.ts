/** Tells delivery what is listened to in one space. */
import type { Delivery, PrefixInterest } from './delivery/delivery.js';
import type { InterestHandlers } from './listeners.js';
import type { Pattern } from './pattern.js';
import type { Space } from './wire/space.js';
import { encodeNamePrefixes } from './wire/topic.js';

export class SpaceInterests implements InterestHandlers {
  readonly #delivery: Delivery;
  readonly #space: Space;
  readonly #onChange: () => void;
  #all: PrefixInterest | undefined;
  readonly #patterns = new Map<string, readonly PrefixInterest[]>();

  /** `onChange` is called whenever an interest begins or ends. */
  constructor(delivery: Delivery, space: Space, onChange: () => void) {
    this.#delivery = delivery;
    this.#space = space;
    this.#onChange = onChange;
  }

  onName(name: PropertyKey, interested: boolean): void {
    if (interested) this.#delivery.listen(name, this.#space);
    else this.#delivery.unlisten(name, this.#space);
    this.#onChange();
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
