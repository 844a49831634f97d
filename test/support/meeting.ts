/** Where emitters of this process meet: over each transport, for what has to hold over all of them. */
import { describe } from 'vitest';
import { createDistributedEmitter, type DistributedEmitter } from '../../src/emitter.js';
import type { AnyEvents } from '../../src/event-map.js';
import type { DistributedEmitterOptions } from '../../src/options.js';
import { createMemoryTransport, MemoryHub } from '../../src/transport/memory.js';
import { Bus } from './bus.js';

/** What they meet over, by a name for test titles. */
export const MEETING_PLACES = ['memory', 'a forwarder'] as const;

export interface Meeting extends AsyncDisposable {
  /** A connected emitter, closed at the end of the meeting. */
  emitter<Events = AnyEvents>(options?: DistributedEmitterOptions): Promise<DistributedEmitter<Events>>;
}

/** A bus that nobody else is on. */
export async function meet(place: (typeof MEETING_PLACES)[number]): Promise<Meeting> {
  if (place === 'a forwarder') return Bus.start();
  const transport = createMemoryTransport(new MemoryHub());
  const emitters: DistributedEmitter[] = [];
  return {
    async emitter<Events>(options: DistributedEmitterOptions = {}) {
      const emitter = await createDistributedEmitter<Events>({ transport, ...options });
      emitters.push(emitter as unknown as DistributedEmitter);
      return emitter;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(emitters.map((emitter) => emitter.close()));
    },
  };
}

/** Describes `title` over each transport. */
export function describeOverEach(title: string, define: (start: () => Promise<Meeting>) => void): void {
  describe.each(MEETING_PLACES)(`${title} - over %s`, (place) => define(() => meet(place)));
}
