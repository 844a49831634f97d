/**
 * Notices a peer that has gone silent: a link that carries nothing any more, in whichever direction, or a process that
 * is frozen. TCP would let an idle connection of that kind stand for minutes, and one that sends for a quarter of an
 * hour.
 *
 * Any byte that is read proves that the peer lives, and the answer to a PING that it hears us as well (RFC 37,
 * "Connection Heartbeating").
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
  onDead(reason: string): void;
}

/** How far the kernel has come with what it was given to send. */
export interface WriteProgress {
  /** Bytes of finished writes since the connection began. */
  readonly finishedBytes: number;
  /** Bytes of the write under way that it has not taken: over 0 only when its own buffer is full. */
  readonly waitingBytes: number;
}

/** More than lies in the buffers of both kernels, and of a proxy between them. An answer that comes comes before it. */
export const MAX_BYTES_ON_THE_WAY = 32 * 1024 * 1024;

/** Less than this, read since a PING, cannot have stood before its answer on any but a very slow link. */
const FEW_BYTES = 1024 * 1024;

/** Node reads so much at once; a smaller chunk means that the kernel had no more. */
const FULL_CHUNK_BYTES = 64 * 1024;

/** A PING that is not answered. */
interface Question {
  /** Read before it was sent. */
  readonly readBytes: number;
  ticks: number;
  /** Whether all that had come was read since, late enough for the answer to be among it. */
  hasCaughtUp: boolean;
}

export class Heartbeat {
  readonly #timing: HeartbeatTiming;
  readonly #subject: HeartbeatSubject;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #silentTicks = 0;
  #readBytes = 0;
  #readAtLastTick = 0;
  /** The first one that is not answered. */
  #question: Question | undefined;
  #lastProgress: WriteProgress;
  #finishedWhenRead: number;

  /** Begins at once. */
  constructor(timing: HeartbeatTiming, subject: HeartbeatSubject) {
    this.#timing = timing;
    this.#subject = subject;
    this.#lastProgress = subject.writeProgress();
    this.#finishedWhenRead = this.#lastProgress.finishedBytes;
    this.#wait();
  }

  /** So much was read, of whatever kind. */
  read(bytes: number): void {
    this.#readBytes += bytes;
    const question = this.#question;
    if (question !== undefined && bytes < FULL_CHUNK_BYTES)
      question.hasCaughtUp = question.ticks >= this.#timing.maxSilentTicks - 1;
  }

  /** A PONG was among it. */
  answered(): void {
    this.#question = undefined;
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
    const { intervalMs, maxSilentTicks } = this.#timing;
    const progress = this.#subject.writeProgress();
    const isRead = this.#readBytes !== this.#readAtLastTick;
    if (isRead) this.#finishedWhenRead = progress.finishedBytes;
    this.#silentTicks = isRead || this.#isTaken(progress) ? 0 : this.#silentTicks + 1;
    this.#lastProgress = progress;
    this.#readAtLastTick = this.#readBytes;
    if (this.#silentTicks >= maxSilentTicks) {
      this.#subject.onDead(`The peer has been silent for ${this.#silentTicks * intervalMs} ms`);
      return;
    }
    if (this.#question !== undefined) this.#question.ticks += 1;
    if (this.#isDeaf()) {
      this.#subject.onDead(`The peer has not answered for ${maxSilentTicks * intervalMs} ms`);
      return;
    }
    this.#subject.ping();
    this.#question ??= { readBytes: this.#readBytes, ticks: 0, hasCaughtUp: false };
    this.#wait();
  }

  /**
   * Whether the kernel, whose buffer was full at the last tick, got rid of some of it: then the peer's has acknowledged
   * some. This too is life, while the answer may still stand behind all that is on the way: a large message takes its
   * time on a slow link.
   */
  #isTaken(progress: WriteProgress): boolean {
    const { finishedBytes, waitingBytes } = this.#lastProgress;
    if (waitingBytes === 0) return false;
    if (progress.finishedBytes - this.#finishedWhenRead >= MAX_BYTES_ON_THE_WAY) return false;
    return progress.finishedBytes !== finishedBytes || progress.waitingBytes !== waitingBytes;
  }

  /**
   * Whether the peer sends, but does not hear us. A receiver that is overloaded reads the answer late, behind what
   * came before it: so it must have read all that had come, or more than there can be on the way.
   */
  #isDeaf(): boolean {
    const question = this.#question;
    if (question === undefined || question.ticks < this.#timing.maxSilentTicks) return false;
    const bytes = this.#readBytes - question.readBytes;
    return (question.hasCaughtUp && bytes < FEW_BYTES) || bytes >= MAX_BYTES_ON_THE_WAY;
  }
}
