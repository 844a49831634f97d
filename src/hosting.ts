/**
 * The contract between an emitter and whoever may run the forwarder for it, within this process.
 *
 * Delivery knows when its link works and when it closes; only the other side knows sockets, processes and who else is
 * there. Neither sees more of the other than this.
 */
export interface Hosting {
  /** Whether the forwarder that this emitter uses runs in this process, or in a child process of it. */
  readonly isHosting: boolean;
  /** Why a forwarder could not be started here, the last time that it was tried. */
  readonly failure: Error | undefined;

  /** Starts a forwarder unless there is one, and resolves when that is decided. Never rejects. */
  open(): Promise<void>;

  /** The emitter's link changed: while it is down, a forwarder is started here as soon as there is none. */
  setLink(link: 'up' | 'down'): void;

  /**
   * The emitter is about to close and has sent everything.
   *
   * @returns what stops the forwarder, if it runs here for nobody in this process any more, and emitters of other
   *   processes are connected to it. What it has not given out by then is lost with it, so that the emitter should
   *   stay for those who ask. Takes a fraction of a second, and never longer than until `deadline` (of
   *   `performance.now()`).
   */
  handOver(deadline: number): Promise<(() => Promise<void>) | undefined>;

  /** The emitter is closed: stops the forwarder if it runs here for nobody any more. Idempotent. */
  release(): Promise<void>;
}
