/**
 * Endpoints as ZeroMQ writes them: `tcp://HOST:PORT`, `tcp://[IPV6]:PORT`, `ipc://PATH`.
 *
 * One parser serves the forwarder, the client and the command line, so that they agree on what is an address and
 * on what a wildcard means. Parsing is strict: what it lets through, a socket can be asked for.
 */
import { isIP, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';

export type Endpoint =
  | { readonly protocol: 'tcp'; readonly host: string; readonly port: number }
  | { readonly protocol: 'ipc'; readonly path: string };

/** Hosts that mean "every interface" in a bind, and therefore "this machine" in a connect. */
const WILDCARD_HOSTS: ReadonlySet<string> = new Set(['*', '0.0.0.0', '::']);

/** Linux: `sockaddr_un.sun_path` has 108 bytes, the last of them NUL. */
const MAX_IPC_PATH_BYTES = 107;

/** How messages describe what {@link parseEndpoint} takes. */
export const ENDPOINT_FORM = 'tcp://HOST:PORT or ipc://PATH';

/** The parts of `address`, or what is wrong with it as a phrase ("has no port"). */
export function parseEndpoint(address: string): Endpoint | string {
  if (address.startsWith('ipc://')) return parseIpc(address.slice('ipc://'.length));
  if (address.startsWith('tcp://')) return parseTcp(address.slice('tcp://'.length));
  return 'begins with neither tcp:// nor ipc://';
}

function parseIpc(path: string): Endpoint | string {
  if (path === '' || path === '*') return 'names no path';
  // libzmq takes it for an abstract socket, node:net for a file.
  if (path.startsWith('@')) return 'names an abstract socket, which is not supported';
  if (path.includes('\0')) return 'has a NUL in its path';
  if (Buffer.byteLength(path) > MAX_IPC_PATH_BYTES) return `has a path of over ${MAX_IPC_PATH_BYTES} bytes`;
  return { protocol: 'ipc', path };
}

function parseTcp(rest: string): Endpoint | string {
  const colon = rest.lastIndexOf(':');
  if (colon === -1 || rest.endsWith(']')) return 'has no port';
  const host = parseHost(rest.slice(0, colon));
  if (host === undefined) return 'has no valid host';
  const port = parsePort(rest.slice(colon + 1));
  if (port === undefined) return 'has no port from 0 to 65535';
  return { protocol: 'tcp', host, port };
}

function parseHost(text: string): string | undefined {
  if (text.startsWith('[') && text.endsWith(']')) {
    const host = text.slice(1, -1);
    return isIPv6(host) ? host : undefined;
  }
  return /^(\*|[A-Za-z0-9_.-]+)$/.test(text) ? text : undefined;
}

/** A port written in decimal digits and nothing else, or `undefined`. 0 lets the system choose. */
export function parsePort(text: string): number | undefined {
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65_535 ? port : undefined;
}

export function formatEndpoint(endpoint: Endpoint): string {
  if (endpoint.protocol === 'ipc') return `ipc://${endpoint.path}`;
  // Nothing else has a colon. Not `isIPv6`: it takes 5 ms to compile its pattern, a third of the way to a first link.
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
  return `tcp://${host}:${endpoint.port}`;
}

/** Whether a forwarder can listen there: `localhost`, an IP address of this machine, or a path. */
export function isOfThisMachine(endpoint: Endpoint): boolean {
  return endpoint.protocol === 'ipc' || endpoint.host === 'localhost' || isOwnAddress(endpoint.host);
}

/** Whether `host` is an IP address of this machine: of the loopback, or of one of its interfaces at this moment. */
export function isOwnAddress(host: string): boolean {
  if (isIP(host) === 0) return false;
  if (host.startsWith('127.')) return true;
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address === host),
  );
}

/** The endpoint as a forwarder binds it that is for this machine only: by its address, not by its name. */
export function toBindable(endpoint: Endpoint): Endpoint {
  if (endpoint.protocol === 'ipc' || endpoint.host !== 'localhost') return endpoint;
  return { ...endpoint, host: '127.0.0.1' };
}

/** The endpoint as a client dials it: a wildcard host means this machine. */
export function toDialable(endpoint: Endpoint): Endpoint {
  if (endpoint.protocol === 'ipc' || !WILDCARD_HOSTS.has(endpoint.host)) return endpoint;
  return { ...endpoint, host: 'localhost' };
}
