/** Waiting until events have arrived, or provably will not, without waiting for time to pass. */
import type { DistributedEmitter } from '../../src/emitter.js';

export const MARKER = Symbol.for('demitter.test.marker');

/** Resolves when `receiver` has been given everything that `sender` emitted so far: events of one emitter keep order. */
export async function caughtUp(sender: DistributedEmitter, receiver: DistributedEmitter): Promise<void> {
  const marker = receiver.once(MARKER);
  await receiver.ready();
  await sender.emit(MARKER);
  await marker;
}
