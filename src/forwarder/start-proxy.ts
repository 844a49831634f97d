/**
 * Chooses where a proxy runs: in this process while it has threads to spare, in a child process of its own beyond
 * that. In this process costs a tenth of the memory and starts at once; the child keeps `fs` and DNS alive.
 */
import { startChildProxy } from './child-proxy.js';
import { startGatedProxy } from './gated-proxy.js';
import type { ProxySettings, Report, RunningProxy } from './settings.js';
import { returnThread, takeThread } from './thread-slots.js';

export async function startProxy(settings: ProxySettings, report: Report): Promise<RunningProxy> {
  if (!takeThread()) return startChildProxy(settings, report);
  try {
    const proxy = await startGatedProxy(settings, report);
    void proxy.ended.then(returnThread);
    return proxy;
  } catch (error) {
    returnThread();
    throw error;
  }
}
