import type { PublisherId } from '../../wire/batch.js';

/** Who listens to one name, as far as the publisher knows: what the pacer keeps of it. */
export interface Audience {
  /** Those who acknowledged batches of it; who is not waited for any more is taken out when it is met. */
  readonly receivers: Set<PublisherId>;
  /** Sent since a batch of this name last asked, or was left out. */
  messages: number;
  bytes: number;
  /** Sequence of the batch of this name that asked last; 0 before the first. */
  asked: number;
  /** How often the name's own mark was left out since then. */
  leftOut: number;
}

export function emptyAudience(): Audience {
  return { receivers: new Set(), messages: 0, bytes: 0, asked: 0, leftOut: 0 };
}
