/**
 * Why packing stopped, on its way from the value found to the top, collecting the path as it passes each container.
 *
 * Not an `Error`: it never leaves the codec, and a stack trace for each level would cost more than the packing.
 */
import { PayloadError } from './format.js';

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;
/** A path longer than this is shown by its two ends. */
const MAX_SEGMENTS = 16;

export class Refusal {
  readonly #reason: string;
  readonly #cause: unknown;
  /** Innermost first. */
  readonly #path: string[] = [];

  constructor(reason: string, cause?: unknown) {
    this.#reason = reason;
    this.#cause = cause;
  }

  /** What was thrown while the value was read: a refusal of ours, or whatever a getter, `toJSON` or proxy threw. */
  static from(thrown: unknown): Refusal {
    return thrown instanceof Refusal ? thrown : new Refusal(`reading it threw ${describe(thrown)}`, thrown);
  }

  static atKey(thrown: unknown, key: string): Refusal {
    return Refusal.from(thrown).#within(IDENTIFIER.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`);
  }

  static atIndex(thrown: unknown, index: number): Refusal {
    return Refusal.from(thrown).#within(`[${index}]`);
  }

  /** A part that has no key of its own, such as `<key 3>` of a Map. */
  static atPart(thrown: unknown, part: string): Refusal {
    return Refusal.from(thrown).#within(part);
  }

  toError(): PayloadError {
    const path = this.#path.toReversed();
    if (path.length > MAX_SEGMENTS) path.splice(MAX_SEGMENTS - 4, path.length - MAX_SEGMENTS, ' … ');
    const options = this.#cause === undefined ? undefined : { cause: this.#cause };
    return new PayloadError(`data${path.join('')}: ${this.#reason}`, options);
  }

  #within(segment: string): this {
    this.#path.push(segment);
    return this;
  }
}

/** Never throws, whatever was thrown: a hostile `toString` is not asked twice. */
function describe(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return 'something that cannot be shown';
  }
}
