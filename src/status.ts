/**
 * The life of an emitter as one value: what it can be, and what can follow what.
 */

/**
 * - `idle`: made with `new`, `connect()` not called yet; events wait in the outbox.
 * - `connecting`: on the way to the first working link.
 * - `ready`: the link carried a message to the forwarder and back.
 * - `reconnecting`: it worked before and is being made again; events wait in the outbox.
 * - `closing`, `closed`: `close()` was called, and has finished.
 */
export type Status = 'idle' | 'connecting' | 'ready' | 'reconnecting' | 'closing' | 'closed';

/** What the local event `distributed:status` carries. */
export interface StatusChange {
  readonly status: Status;
  readonly previous: Status;
  /** Why the link was lost, with `reconnecting`. */
  readonly cause?: Error | undefined;
}

const NEXT: Readonly<Record<Status, readonly Status[]>> = {
  idle: ['connecting', 'closing'],
  connecting: ['ready', 'closing'],
  ready: ['reconnecting', 'closing'],
  reconnecting: ['ready', 'closing'],
  closing: ['closed'],
  closed: [],
};

export function canFollow(from: Status, to: Status): boolean {
  return NEXT[from].includes(to);
}
