/**
 * Notices a peer that has gone silent: a link that carries nothing any more, in whichever direction, or a process that
 * is frozen. TCP would let an idle connection of that kind stand for minutes, and one that sends for a quarter of an
 * hour.
 *
 * Any byte that is read proves life, so only a quiet peer is asked for some (RFC 37, "Connection Heartbeating").
 * Silence is counted in ticks, not measured: while this process does not run (a blocked event loop, a suspended
 * machine), none passes, and a tick that comes late is one tick.
 */

export interface HeartbeatTiming {
  /** From one tick to the next. */
  readonly intervalMs: number;
  /** So many ticks without a byte in between are the end: up to one interval more than so many times the interval. */
  readonly maxSilentTicks: number;
}

export interface HeartbeatSubject {
  /** Asks the peer for a sign of life. */
  ping(): void;
  writeProgress(): WriteProgress;
  /** The peer is taken for dead. Once; the heartbeat has stopped. */
  onSilent(silentMs: number): void;
}

/** How far the kernel has come with what it was given to send. */
export interface WriteProgress {
  /** Bytes of finished writes since the connection began. */
  readonly finishedBytes: number;
  /** Bytes of the write under way that it has not taken: over 0 only when its own buffer is full. */
  readonly waitingBytes: number;
}

/**
 * A full buffer of the kernel's that takes more has been acknowledged some: this too is life, while the answer to a
 * PING may still stand behind all that is in the buffers of both ends. They hold less than this.
 */
const MAX_BYTES_ON_THE_WAY = 16 * 1024 * 1024;

export class Heartbeat {
  readonly #timing: HeartbeatTiming;
  readonly #subject: HeartbeatSubject;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #heard = false;
  #silentTicks = 0;
  #lastProgress: WriteProgress;
  #finishedWhenHeard: number;

  /** Begins at once. */
  constructor(timing: HeartbeatTiming, subject: HeartbeatSubject) {
    this.#timing = timing;
    this.#subject = subject;
    this.#lastProgress = subject.writeProgress();
    this.#finishedWhenHeard = this.#lastProgress.finishedBytes;
    this.#wait();
  }

  /** Something was read. */
  heard(): void {
    this.#heard = true;
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
  }

  /** Timers run before sockets are read, immediates after it: what came while the loop was blocked counts. */
  #wait(): void {
    this.#timer = setTimeout(() => {
      this.#immediate = setImmediate(() => this.#tick());
    }, this.#timing.intervalMs);
  }

  #tick(): void {
    const progress = this.#subject.writeProgress();
    if (this.#heard) {
      this.#heard = false;
      this.#silentTicks = 0;
      this.#finishedWhenHeard = progress.finishedBytes;
    } else {
      if (this.#isTaken(progress)) this.#silentTicks = 0;
      else this.#silentTicks += 1;
      if (this.#silentTicks >= this.#timing.maxSilentTicks) {
        this.#subject.onSilent(this.#silentTicks * this.#timing.intervalMs);
        return;
      }
      this.#subject.ping();
    }
    this.#lastProgress = progress;
    this.#wait();
  }

  /** Whether the kernel, whose buffer was full at the last tick, got rid of some of it. */
  #isTaken(progress: WriteProgress): boolean {
    const { finishedBytes, waitingBytes } = this.#lastProgress;
    if (waitingBytes === 0) return false;
    if (progress.finishedBytes - this.#finishedWhenHeard >= MAX_BYTES_ON_THE_WAY) return false;
    return progress.finishedBytes !== finishedBytes || progress.waitingBytes !== waitingBytes;
  }
}
