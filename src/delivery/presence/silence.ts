/**
 * When a peer's silence counts. A peer that is due is not given up before something that was sent to oneself later has
 * come back: then what the peer sent until it was due would have come, too. So neither an outage of one's own link nor a
 * blocked event loop is held against anybody.
 *
 * Peers in the same process stood still with it: after a standstill, everybody gets a moment to say something first.
 */

/** A timer that is so late means that this process stood still. */
const LATE_MS = 20;
const GRACE_MS = 100;

export interface SilenceContext {
  /** A clock in milliseconds that only goes forward. */
  readonly now: () => number;
  /** When the first peer is due; infinite if there is none. */
  nextDue(): number;
  /** Sends something to oneself; {@link Silence.proved} is to be called when it is back. */
  prove(): void;
}

/**
 * - `idle`: nobody is due.
 * - `waiting`: until somebody is.
 * - `giving`: time to say something after a standstill.
 * - `proving`: that the link works.
 */
type State = 'idle' | 'waiting' | 'giving' | 'proving';

export class Silence {
  readonly #context: SilenceContext;
  #state: State = 'idle';
  #timer: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  /** What was sent from then on is a proof. */
  #provingSince = Number.POSITIVE_INFINITY;

  constructor(context: SilenceContext) {
    this.#context = context;
  }

  /** Somebody new will be due at `dueAt`, or somebody else; infinite if nobody will. */
  expect(dueAt: number): void {
    if (this.#state === 'idle' || (this.#state === 'waiting' && dueAt < this.#dueAt)) this.#wait(dueAt);
  }

  /** The link is gone, or nobody wants to know any more. */
  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
    this.#state = 'idle';
  }

  /**
   * Something came back that was sent to oneself at `sentAt`. Returns whether that is the proof: whoever was due at
   * `sentAt` is gone. Then say who is the next.
   */
  proved(sentAt: number): boolean {
    if (this.#state !== 'proving' || sentAt < this.#provingSince) return false;
    this.#state = 'idle';
    return true;
  }

  #wait(dueAt: number): void {
    this.stop();
    if (dueAt === Number.POSITIVE_INFINITY) return;
    this.#state = 'waiting';
    this.#dueAt = dueAt;
    this.#setTimer(() => this.#look(), Math.max(0, Math.ceil(dueAt - this.#context.now())));
  }

  /** Somebody was due when the timer was set; whoever spoke meanwhile is not. */
  #look(): void {
    const now = this.#context.now();
    const dueAt = this.#context.nextDue();
    if (dueAt > now) {
      this.#wait(dueAt);
    } else if (now - this.#dueAt > LATE_MS) {
      this.#state = 'giving';
      this.#setTimer(() => this.#prove(), GRACE_MS);
    } else {
      this.#prove();
    }
  }

  #prove(): void {
    this.#state = 'proving';
    this.#provingSince = Number.POSITIVE_INFINITY;
    // A turn of the loop first: what came while this process stood still is waiting in its socket.
    this.#turn = setImmediate(() => {
      this.#provingSince = this.#context.now();
      this.#context.prove();
    });
  }

  #setTimer(task: () => void, ms: number): void {
    this.#timer = setTimeout(task, ms);
    this.#timer.unref();
  }
}
