/** Chooses where a proxy runs. */
import { startNativeProxy } from './native-proxy.js';
import type { StartProxy } from './settings.js';

export const startProxy: StartProxy = startNativeProxy;
