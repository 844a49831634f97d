/** Which forwarders are open to everybody who reaches them, and which connections are worth asking about. */
import type { Endpoint } from '../../address.js';
import type { BareProxy, ProxySettings, Side } from '../settings.js';

/** Whether anybody could ever be refused at that side. If nobody, ZeroMQ need not ask. */
export function isGuarded({ access, ...settings }: ProxySettings, side: Side): boolean {
  return access.keys !== undefined || (access.from !== 'anywhere' && isReachable(settings[side].endpoint));
}

/** What to warn of at the start, if anybody on the network can read and emit everything. */
export function warnOfOpenness(
  { access, xsub, xpub }: ProxySettings,
  { xsubAddress, xpubAddress }: Pick<BareProxy, 'xsubAddress' | 'xpubAddress'>,
): string | undefined {
  if (access.keys !== undefined || access.from !== 'anywhere') return undefined;
  const open = [
    ...(isReachable(xsub.endpoint) ? [xsubAddress] : []),
    ...(isReachable(xpub.endpoint) ? [xpubAddress] : []),
  ];
  if (open.length === 0) return undefined;
  const where = open.join(' and ');
  return `unprotected: whoever reaches ${where} can read and emit every event. Use keys, or allow the networks of your own (docs/security.md)`;
}

/** Whether other machines can get there. A name may stand for any address. */
function isReachable(endpoint: Endpoint): boolean {
  if (endpoint.protocol === 'ipc') return false;
  return !endpoint.host.startsWith('127.') && endpoint.host !== '::1';
}
