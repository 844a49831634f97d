/**
 * How many connections the kernel has to an address of this machine: the cheap and certain way to know whether anybody
 * is connected to a forwarder. libzmq does not tell; its monitor would, but stops the I/O thread if the event loop is
 * blocked while it fills up; and a receiver that is asked by message may be too busy to answer.
 */
import { readFileSync } from 'node:fs';
import type { Endpoint } from '../address.js';

/** As /proc writes the states of a connection. */
const TCP_ESTABLISHED = '01';
const UNIX_CONNECTED = '03';

/** `undefined` where the system does not say: everywhere but on Linux. */
export function countConnections(endpoint: Endpoint): number | undefined {
  try {
    return endpoint.protocol === 'ipc'
      ? countUnix(readFileSync('/proc/net/unix', 'utf8'), endpoint.path)
      : countTcp(readTcp(), endpoint.port);
  } catch {
    // No /proc here.
    return undefined;
  }
}

function readTcp(): string {
  const ipv4 = readFileSync('/proc/net/tcp', 'latin1');
  try {
    return ipv4 + readFileSync('/proc/net/tcp6', 'latin1');
  } catch {
    // A kernel without IPv6.
    return ipv4;
  }
}

/** `sl  local_address rem_address   st …`, in hexadecimal. Of a connection within this machine, one end counts. */
export function countTcp(table: string, port: number): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table.split('\n').filter((line) => {
    const [, local, , state] = line.trim().split(/ +/);
    return state === TCP_ESTABLISHED && local?.endsWith(suffix);
  }).length;
}

/** `Num RefCount Protocol Flags Type St Inode Path`: accepted connections have the listener's path. */
export function countUnix(table: string, path: string): number {
  return table.split('\n').filter((line) => {
    const [, state, boundTo] = /^\S+ \S+ \S+ \S+ \S+ (\S+) +\d+ (.*)$/.exec(line) ?? [];
    return state === UNIX_CONNECTED && boundTo === path;
  }).length;
}
