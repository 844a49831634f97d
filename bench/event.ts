/** The event every peer carries, and the names it carries it under. */

/** About 135 bytes of msgpack, 160 of JSON: an everyday event. */
export interface BenchEvent {
  /** Position in its series, from 0: by it the subscriber sees loss, repetition and disorder. */
  readonly seq: number;
  readonly user: string;
  readonly action: string;
  readonly amount: number;
  readonly currency: string;
  readonly at: number;
  readonly tags: readonly string[];
  readonly paid: boolean;
  readonly source: string;
}

export const PROBE = 'bench:probe';
export const PING = 'bench:ping';
export const PONG = 'bench:pong';
/** What is requested. */
export const QUERY = 'bench:query';

/** A fresh object each time, as applications emit them. */
export function makeEvent(seq: number): BenchEvent {
  return {
    seq,
    user: 'user-184467',
    action: 'order:placed',
    amount: 129.95,
    currency: 'EUR',
    at: 1_760_000_000_000 + seq,
    tags: ['mobile', 'returning'],
    paid: true,
    source: 'eu-west-1/shop',
  };
}

/** The names that a series rotates through. */
export function eventNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `bench:event-${index}`);
}
