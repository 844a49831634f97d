/**
 * The aftermath of an outage: the link works again, and receivers may still have to find their way back and ask for
 * what they missed. Only while this emitter lives can they: so `close()` waits for its end.
 *
 * It ends when nobody has asked for a while. A new outage begins it anew.
 */

/**
 * A receiver dials again within 300 ms, then needs some round trips: to connect, to shake hands, to prove its link, to
 * hear of a reminder and to ask.
 */
const GRACE_MS = 750;
const GRACE_ROUND_TRIPS = 6;

/** `outage`: the link is not proven. `aftermath`: it is again. */
type State = 'none' | 'outage' | 'aftermath';

export class Aftermath {
  readonly #roundTripMs: () => number;
  readonly #onOver: () => void;
  #state: State = 'none';
  #since = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;
  #waiters: (() => void)[] = [];

  /** `onOver` is called at each end. */
  constructor(roundTripMs: () => number, onOver: () => void) {
    this.#roundTripMs = roundTripMs;
    this.#onOver = onOver;
  }

  /** Since when what was sent may be lost, if receivers can be told so now; otherwise `undefined`. */
  get since(): number | undefined {
    return this.#state === 'aftermath' ? this.#since : undefined;
  }

  /** The link does not work: what was sent after `since` may be lost. */
  begin(since: number): void {
    this.#state = 'outage';
    this.#since = Math.min(this.#since, since);
    this.#stopTimer();
  }

  /** The link is proven again. Further proofs of the same link, as each `ready()` may have one, change nothing. */
  proven(): void {
    if (this.#state !== 'outage') return;
    this.#state = 'aftermath';
    this.#startTimer();
  }

  /** Somebody asked for what was sent. */
  asked(): void {
    if (this.#state === 'aftermath') this.#startTimer();
  }

  /** Resolves when receivers have what was sent at `lastSentAt` and before, as far as that can be known. */
  async over(lastSentAt: number): Promise<void> {
    if (lastSentAt <= this.#since) return;
    await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  /** Releases the timer. */
  stop(): void {
    this.#stopTimer();
    this.#state = 'none';
  }

  #startTimer(): void {
    this.#stopTimer();
    this.#timer = setTimeout(
      () => {
        // A turn of the loop first: if this process stood still itself, the questions are waiting in its socket.
        this.#turn = setImmediate(() => this.#end());
      },
      GRACE_MS + GRACE_ROUND_TRIPS * this.#roundTripMs(),
    );
    this.#timer.unref();
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
  }

  #end(): void {
    this.#state = 'none';
    this.#since = Number.POSITIVE_INFINITY;
    const waiters = this.#waiters;
    this.#waiters = [];
    this.#onOver();
    for (const resolve of waiters) resolve();
  }
}
