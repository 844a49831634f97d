/** How far a publisher's stream has come with each name. What was noted before a name was left does not count. */
import type { Header } from '../../wire/batch.js';
import type { Interest, Interests } from './interests.js';

export interface Progress {
  /** Of the last batch. */
  sequence: number;
  /** Events that came before the next batch. */
  position: number;
  /** The interests' epoch when it was last touched. */
  epoch: number;
  /** Whether that was since {@link NameProgress.forgetIdle} last looked. */
  isRecent: boolean;
  /** Whether nothing has been delivered so far: all of it was sent before the name was listened to. */
  isEarly: boolean;
}

export class NameProgress {
  readonly #interests: Interests;
  readonly #onChange: (names: number) => void;
  readonly #byName = new Map<string, Progress>();

  /** `onChange` is told how many names more are remembered; less if negative. */
  constructor(interests: Interests, onChange: (names: number) => void) {
    this.#interests = interests;
    this.#onChange = onChange;
  }

  /** Names of which something is remembered. */
  get size(): number {
    return this.#byName.size;
  }

  of(interest: Interest): Progress | undefined {
    const progress = this.#byName.get(interest.key);
    if (progress === undefined || this.#interests.isUnbroken(interest, progress.epoch)) return progress;
    this.#byName.delete(interest.key);
    this.#onChange(-1);
    return undefined;
  }

  /** Notes that everything up to `header` has come; `progress` is what {@link of} returned. */
  advance(
    progress: Progress | undefined,
    interest: Interest,
    header: Readonly<Header>,
    position: number,
    isEarly = false,
  ): void {
    const { sequence } = header;
    const { epoch } = this.#interests;
    if (progress === undefined) {
      // First, as it may be a reason to forget others.
      this.#onChange(1);
      this.#byName.set(interest.key, { sequence, position, epoch, isRecent: true, isEarly });
      return;
    }
    progress.sequence = sequence;
    progress.position = position;
    progress.epoch = epoch;
    progress.isRecent = true;
    progress.isEarly = isEarly;
  }

  /** Forgets all names. */
  clear(): void {
    const { size } = this.#byName;
    this.#byName.clear();
    this.#onChange(-size);
  }

  /** Forgets the names that were not heard of since it last did so. */
  forgetIdle(): void {
    const { size } = this.#byName;
    for (const [name, progress] of this.#byName) {
      if (!progress.isRecent) this.#byName.delete(name);
      progress.isRecent = false;
    }
    this.#onChange(this.#byName.size - size);
  }
}
