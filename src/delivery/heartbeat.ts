/**
 * The heartbeat: while the link is proven, a message to oneself through the forwarder, once a second.
 *
 * Its return gives the round-trip time and proves that what was sent until then has arrived: messages keep their order.
 * One that comes late or not at all hints at an outage that nobody announced, such as a forwarder that had to drop
 * what this emitter did not take. Time in which this process did not run is never held against the link.
 */
const INTERVAL_MS = 1000;

/** A return that takes so much longer than the quickest hints at losses. */
const LATE_MS = 1000;

/** So many intervals in which nothing at all came mean that the ring is broken. */
const MAX_SILENT_INTERVALS = 3;

/** So many intervals in which other things came, but no beat came back, hint that beats have no way back. */
const MAX_BEATLESS_INTERVALS = 3;

export interface HeartbeatHandlers {
  /** Sends a beat to oneself. */
  beat(number: number): void;
  /** For `withinMs`, until now, anything may have been lost without a trace. */
  onOutage(withinMs: number): void;
  /** Nothing has come for so long that the link cannot be said to work. */
  onSilence(): void;
  /** Things come in, but beats do not come back; again and again for as long as it stays so. */
  onBeatless(): void;
  /** A beat came back that was sent at `sentAt`: what the forwarder passed on before it has arrived. */
  onReturn?(sentAt: number): void;
}

export class Heartbeat {
  readonly #now: () => number;
  readonly #handlers: HeartbeatHandlers;
  #timer: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;
  #number = 0;
  /** When the beats that are on their way were sent. */
  readonly #sentAt = new Map<number, number>();
  /** When the last thing was sent that is known to have come back. */
  #provenAt = Number.NEGATIVE_INFINITY;
  /** For how long in all it was known to work. */
  #provenMs = 0;
  #latency: number | undefined;
  /** When the last thing was sent that came back in time, while they come late. */
  #lateSince: number | undefined;
  /** The least latency on this link. */
  #quickest = Number.POSITIVE_INFINITY;
  #hasHeard = false;
  #silentIntervals = 0;
  #beatlessIntervals = 0;

  /** `now` is a clock in milliseconds that only goes forward. */
  constructor(now: () => number, handlers: HeartbeatHandlers) {
    this.#now = now;
    this.#handlers = handlers;
  }

  /** The last round trip, in milliseconds. */
  get latency(): number | undefined {
    return this.#latency;
  }

  /** How long ago the last thing was sent that is known to have come back; infinite before the first. */
  get unprovenMs(): number {
    return this.#now() - this.#provenAt;
  }

  /** For how long, in milliseconds and in all, the link was known to work: between beats that came back in time. */
  get provenMs(): number {
    return this.#provenMs;
  }

  /** The link is proven, by something that was sent just now: beats from here on. */
  start(): void {
    if (this.#timer !== undefined) return;
    const now = this.#now();
    if (this.#provenAt !== Number.NEGATIVE_INFINITY) this.#handlers.onOutage(now - this.#provenAt);
    this.#provenAt = now;
    this.#silentIntervals = 0;
    this.#beatlessIntervals = 0;
    this.#timer = setInterval(() => this.#tick(), INTERVAL_MS);
    this.#timer.unref();
    this.#beat();
  }

  /** The link is gone: what was on its way is lost. */
  stop(): void {
    clearInterval(this.#timer);
    clearImmediate(this.#turn);
    this.#timer = undefined;
    this.#quickest = Number.POSITIVE_INFINITY;
    this.#lateSince = undefined;
    this.#sentAt.clear();
  }

  /** An extra beat, for a proof at once. Only while the link is proven. */
  beatNow(): void {
    if (this.#timer !== undefined) this.#beat();
  }

  /** Something came in. */
  heard(): void {
    this.#hasHeard = true;
  }

  /** A beat came back. */
  receive(number: number): void {
    const sentAt = this.#sentAt.get(number);
    if (sentAt === undefined) return;
    this.#beatlessIntervals = 0;
    const provenAt = this.#provenAt;
    let isMissing = false;
    for (const earlier of this.#sentAt.keys()) {
      if (earlier >= number) break;
      isMissing = true;
      this.#sentAt.delete(earlier);
    }
    this.#sentAt.delete(number);
    this.#provenAt = sentAt;
    const now = this.#now();
    this.#latency = now - sentAt;
    this.#quickest = Math.min(this.#quickest, this.#latency);
    const isLate = this.#latency > this.#quickest + LATE_MS;
    if (!isLate && !isMissing) this.#provenMs += sentAt - provenAt;
    this.#hint(isLate, isMissing, provenAt);
    this.#handlers.onReturn?.(sentAt);
  }

  /** Once when beats begin to be late, and once when that is over: in between, everything is late anyway. */
  #hint(isLate: boolean, isMissing: boolean, provenAt: number): void {
    const began = this.#lateSince ?? provenAt;
    const isHint = isLate ? this.#lateSince === undefined : isMissing || this.#lateSince !== undefined;
    this.#lateSince = isLate ? began : undefined;
    if (isHint) this.#handlers.onOutage(this.#now() - began);
  }

  #noteBeatless(): void {
    this.#beatlessIntervals = 0;
    this.#handlers.onBeatless();
  }

  #beat(): void {
    this.#number += 1;
    this.#sentAt.set(this.#number, this.#now());
    this.#handlers.beat(this.#number);
  }

  #tick(): void {
    this.#beat();
    // A turn of the loop first: if this process stood still itself, what came is waiting in its socket.
    this.#turn = setImmediate(() => {
      this.#silentIntervals = this.#hasHeard ? 0 : this.#silentIntervals + 1;
      this.#hasHeard = false;
      this.#beatlessIntervals += 1;
      if (this.#silentIntervals >= MAX_SILENT_INTERVALS) this.#handlers.onSilence();
      else if (this.#beatlessIntervals >= MAX_BEATLESS_INTERVALS) this.#noteBeatless();
    });
  }
}
