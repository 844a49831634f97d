/** How much memory this process uses for what is still referred to. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** In bytes, after a garbage collection. */
export function usedMemory(): number {
  // The second one waits until what the first one found of ArrayBuffers is freed: that is done by another thread.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
