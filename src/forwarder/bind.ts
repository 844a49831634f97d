/**
 * Binding one side of the proxy, with what libzmq leaves out: host names, a socket file that is alive or is no
 * socket at all, and errors that say what to do.
 */
import { lstatSync } from 'node:fs';
import { connect, isIP, isIPv6 } from 'node:net';
import type { Socket } from 'zeromq';
import { type Endpoint, formatEndpoint, parseEndpoint } from '../address.js';
import { DemitterError } from '../errors.js';
import type { Binding } from './settings.js';

type TcpEndpoint = Extract<Endpoint, { protocol: 'tcp' }>;
type BindableSocket = Socket & { readonly lastEndpoint: string | null; ipv6: boolean };

/** Binds `socket` and resolves to where it listens, with the port the system chose, as a peer can dial it. */
export async function bindSocket(socket: BindableSocket, binding: Binding): Promise<Endpoint> {
  const { endpoint } = binding;
  try {
    if (endpoint.protocol === 'tcp') return bindTcp(socket, endpoint);
    await assertPathIsFree(endpoint.path);
    socket.bindSync(formatEndpoint(endpoint));
    return endpoint;
  } catch (error) {
    throw bindError(binding, error);
  }
}

/**
 * Synchronous on purpose: the binding's asynchronous `bind` waits for a thread of the libuv pool, which other
 * forwarders or the application's own work may have taken.
 */
function bindTcp(socket: BindableSocket, endpoint: TcpEndpoint): TcpEndpoint {
  // "*" then listens on both families, as "localhost" may mean ::1 to a client. Not for names: an interface would
  // be bound by its IPv6 address only.
  socket.ipv6 = endpoint.host === '*' || isIPv6(endpoint.host);
  socket.bindSync(nativeAddress(endpoint));
  const { host, port } = boundEndpoint(socket);
  // libzmq calls a wildcard "[::]", which a peer without IPv6 cannot dial; every peer can dial 0.0.0.0.
  if (endpoint.host === '*') return { ...endpoint, host: '0.0.0.0', port };
  // The name of an interface means nothing to a peer.
  return { ...endpoint, host: isIP(endpoint.host) === 0 ? host : endpoint.host, port };
}

function boundEndpoint(socket: BindableSocket): TcpEndpoint {
  const endpoint = parseEndpoint(socket.lastEndpoint ?? '');
  if (typeof endpoint === 'string' || endpoint.protocol !== 'tcp') {
    throw new Error(`libzmq reports an endpoint that ${String(endpoint)}: ${socket.lastEndpoint}`);
  }
  return endpoint;
}

/** libzmq writes "any port" as `*`. */
function nativeAddress(endpoint: TcpEndpoint): string {
  const address = formatEndpoint(endpoint);
  return endpoint.port === 0 ? address.replace(/:0$/, ':*') : address;
}

/** libzmq unlinks whatever lies at an ipc path and takes its place: a live socket, or somebody's file. */
async function assertPathIsFree(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket())
    throw Object.assign(new Error('a file that is no socket is there'), { code: 'EEXIST' });
  if (await isAlive(path))
    throw Object.assign(new Error('another process listens there'), { code: 'EADDRINUSE' });
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    // ECONNREFUSED: nobody listens. Anything else (EACCES, EAGAIN of a full backlog) may well be alive.
    probe.once('error', (error) => resolve(codeOf(error) !== 'ECONNREFUSED'));
  });
}

const REASONS: Readonly<Record<string, (binding: Binding) => string>> = {
  EADDRINUSE: ({ endpoint }) =>
    endpoint.protocol === 'ipc'
      ? 'another process listens there: stop it, or choose another path'
      : 'the port is in use: stop what uses it, or choose another (0 lets the system choose)',
  EADDRNOTAVAIL: () => 'this machine has no such address: use one of its own, or * for all of them',
  ENODEV: () =>
    'no interface or host of that name exists: use an address of this machine, or * for all of them',
  EACCES: ({ endpoint }) =>
    endpoint.protocol === 'ipc'
      ? 'the folder must not be written to: choose another path'
      : 'ports below 1024 need a privilege: choose a higher one',
  EPERM: () => 'the operating system forbids it',
  ENOENT: () => 'the folder does not exist: create it first',
  EEXIST: () => 'a file that is no socket lies there: remove it, or choose another path',
  EMFILE: () => 'this process has too many files open: raise its limit (ulimit -n)',
};

function bindError(binding: Binding, cause: unknown): DemitterError {
  const code = codeOf(cause);
  const reason = REASONS[code ?? '']?.(binding) ?? (cause instanceof Error ? cause.message : String(cause));
  const where = `${binding.side.toUpperCase()} side to ${formatEndpoint(binding.endpoint)} (${binding.source})`;
  const detail = code === undefined ? '' : ` [${code}]`;
  return new DemitterError('DEMITTER_BIND', `cannot bind the ${where}: ${reason}${detail}`, { cause });
}

export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
