/** Presence as users see it: who else is connected, and why somebody is not any more. */

/** Another emitter that takes part in presence, as it describes itself. */
export interface Peer {
  /** As its `emitter.id`. */
  readonly id: string;
  /** Its option `name`, if it has one. Several emitters may have the same. */
  readonly name?: string;
  /** Its option `meta`, if it has one: a copy of its own for each that asks. */
  readonly meta?: unknown;
  /** The host name of its machine. */
  readonly host: string;
  /** The id of its process. */
  readonly pid: number;
  /** The id of its thread (`node:worker_threads`), if that is not the main thread. */
  readonly threadId?: number;
  /** When it first had a working link, by the clock of its own machine. */
  readonly since: Date;
}

/** What `distributed:leave` carries. */
export interface PeerLeave extends Peer {
  /**
   * - `closed`: it said goodbye. It was closed, or takes no part in presence any more.
   * - `silent`: nothing came from it for three of its intervals. It died, was cut off, or stood still; if it comes back,
   *   it joins again.
   */
  readonly reason: 'closed' | 'silent';
}
