/** What a process of ours takes: a command of those that are asked for it. */
import { setTimeout as sleep } from 'node:timers/promises';

/** In bytes. */
export interface Memory {
  readonly rss: number;
  readonly heap: number;
  /** Buffers and whatever else V8 knows to lie outside its heap. */
  readonly external: number;
}

/** Garbage of garbage is found by the next collection. */
const COLLECTIONS = 3;
const BETWEEN_MS = 100;

export const memoryCommands = {
  /** After some collections, if the process runs with `--expose-gc`. */
  async memory(_: undefined): Promise<Memory> {
    for (let i = 0; i < COLLECTIONS; i += 1) {
      global.gc?.();
      await sleep(BETWEEN_MS);
    }
    const { rss, heapUsed, external } = process.memoryUsage();
    return { rss, heap: heapUsed, external };
  },
};
