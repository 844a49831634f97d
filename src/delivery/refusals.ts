/**
 * Events that were not taken, counted: a flood of refusals is told as one error per turn of the event loop, with
 * the exact count, so that telling costs less than what it tells of. What a listener of errors emits in answer to it,
 * and is refused as well, is told a second later.
 */
import { DistributedError } from '../errors.js';
import { type Rights, reasonOf } from '../rights.js';

/** Between what is told, and what is refused of what listeners of errors emit because of it. */
const MS_BETWEEN_ECHOES = 1000;

export interface RefusalLimits {
  readonly maxBufferBytes: number;
  readonly rights: Rights;
}

/**
 * `overflow`: no room in the buffer. `closed`: emitted after `close()`. `unsent`: not confirmed before `closeTimeout`.
 * `forbidden`: emitted without the right to send. `unretained`: sent, but who asks for retained values could not be heard.
 */
export type RefusalReason = 'overflow' | 'closed' | 'unsent' | 'forbidden' | 'unretained';

interface Tally {
  count: number;
  /** The event's name as long as it is the same one, `undefined` after. */
  name: PropertyKey | undefined;
}

export class Refusals {
  readonly #limits: RefusalLimits;
  readonly #onError: (error: DistributedError) => void;
  readonly #tallies = new Map<RefusalReason, Tally>();
  #scheduled = false;
  #isTelling = false;

  constructor(limits: RefusalLimits, onError: (error: DistributedError) => void) {
    this.#limits = limits;
    this.#onError = onError;
  }

  add(reason: RefusalReason, name: PropertyKey | undefined, count = 1): void {
    const tally = this.#tallies.get(reason);
    if (tally === undefined) {
      this.#tallies.set(reason, { count, name });
    } else {
      tally.count += count;
      if (tally.name !== name) tally.name = undefined;
    }
    if (this.#scheduled) return;
    this.#scheduled = true;
    // A listener of errors that emits is refused again: told at once, that would go round and round.
    if (this.#isTelling) setTimeout(() => this.tell(), MS_BETWEEN_ECHOES).unref();
    else setImmediate(() => this.tell());
  }

  /** Tells what has been counted so far. */
  tell(): void {
    this.#scheduled = false;
    const tallies = [...this.#tallies];
    this.#tallies.clear();
    this.#isTelling = true;
    try {
      for (const [reason, { count, name }] of tallies) this.#onError(this.#error(reason, count, name));
    } finally {
      this.#isTelling = false;
    }
  }

  #error(reason: RefusalReason, missed: number, eventName: PropertyKey | undefined): DistributedError {
    const what = missed === 1 ? '1 event was' : `${missed} events were`;
    const details = { eventName, missed };
    switch (reason) {
      case 'overflow':
        return new DistributedError(
          'overflow',
          'DEMITTER_OVERFLOW',
          `${what} refused: ${this.#limits.maxBufferBytes} bytes are waiting to be sent (\`maxBufferBytes\`). ` +
            'Await `emit`, or raise the limit',
          details,
        );
      case 'closed':
        return new DistributedError(
          'closed',
          'DEMITTER_CLOSED',
          `${what} emitted after \`close()\` and reached this process only`,
          details,
        );
      case 'unsent':
        return new DistributedError(
          'closed',
          'DEMITTER_CLOSE_TIMEOUT',
          `${what} not known to have arrived at the forwarder when the emitter was closed`,
          details,
        );
      case 'forbidden':
        return new DistributedError(
          'security',
          'DEMITTER_NOT_PERMITTED',
          `${what} not sent, and reached this process only: ${reasonOf(this.#limits.rights)}`,
          details,
        );
      case 'unretained':
        return new DistributedError(
          'security',
          'DEMITTER_NOT_PERMITTED',
          `${what} sent, but not retained: ${reasonOf(this.#limits.rights)}, and would not hear who asks`,
          details,
        );
    }
  }
}
