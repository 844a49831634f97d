/** The settings of a proxy that takes another one's place. */
import { type Endpoint, parseEndpoint } from '../address.js';
import type { ProxySettings } from './settings.js';

/** With the ports that the system chose for the other one: whoever was connected to it knows them. */
export function atBoundPorts(
  settings: ProxySettings,
  { xsubAddress, xpubAddress }: { readonly xsubAddress: string; readonly xpubAddress: string },
): ProxySettings {
  const { xsub, xpub } = settings;
  return {
    ...settings,
    xsub: { ...xsub, endpoint: atBoundPort(xsub.endpoint, xsubAddress) },
    xpub: { ...xpub, endpoint: atBoundPort(xpub.endpoint, xpubAddress) },
  };
}

function atBoundPort(endpoint: Endpoint, bound: string): Endpoint {
  const at = parseEndpoint(bound);
  if (endpoint.protocol === 'ipc' || typeof at === 'string' || at.protocol === 'ipc') return endpoint;
  return { ...endpoint, port: at.port };
}
