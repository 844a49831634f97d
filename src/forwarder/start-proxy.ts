/**
 * Chooses where a proxy runs: in this process while it has threads to spare, in a child process of its own beyond
 * that. In this process costs a tenth of the memory and starts at once; the child keeps `fs` and DNS alive.
 */
import { startChildProxy } from './child-proxy.js';
import { startNativeProxy } from './native-proxy.js';
import type { ProxySettings, RunningProxy } from './settings.js';
import { returnThread, takeThread } from './thread-slots.js';

export async function startProxy(settings: ProxySettings): Promise<RunningProxy> {
  if (!takeThread()) return startChildProxy(settings);
  try {
    const proxy = await startNativeProxy(settings);
    void proxy.ended.then(returnThread);
    return proxy;
  } catch (error) {
    returnThread();
    throw error;
  }
}
