/**
 * Where failures of distribution go: to who listens to `distributed:error`, or else, the first of each type, to the
 * process as a warning. Nothing is lost in silence, and nothing floods a log.
 */
import { inspect } from 'node:util';
import { DistributedError } from './errors.js';
import type { Listeners } from './listeners.js';

export class ErrorReporter {
  readonly #listeners: Listeners;
  /** Types that became a process warning. */
  readonly #warned = new Set<string>();

  constructor(listeners: Listeners) {
    this.#listeners = listeners;
  }

  tell(error: DistributedError): void {
    if (this.#listeners.hasInterest('distributed:error')) {
      this.#listeners.dispatchOwn('distributed:error', error);
    } else if (!this.#warned.has(error.type)) {
      this.#warned.add(error.type);
      process.emitWarning(error.message, {
        type: error.name,
        code: error.code,
        detail:
          "Listen to 'distributed:error' to handle all of them; further ones of this type are not shown.",
      });
    }
  }

  tellListenerFailure(name: PropertyKey, cause: unknown): void {
    const error = new DistributedError(
      'listener',
      'DEMITTER_LISTENER',
      `A listener of '${String(name)}' failed: ${describe(cause)}`,
      { eventName: name, cause },
    );
    // A listener of errors that fails itself must not be told of its own failure without end.
    if (name === 'distributed:error') process.emitWarning(error);
    else this.tell(error);
  }
}

/** What was thrown may be anything, also something that throws when it is looked at. */
function describe(cause: unknown): string {
  try {
    return cause instanceof Error ? String(cause.message) : inspect(cause);
  } catch {
    return 'with something that cannot be shown';
  }
}
