/**
 * A lock on an `ipc://` path that one process holds at a time, and that the system takes from a process that dies.
 *
 * libzmq removes whatever lies at an ipc path before it binds there, a live socket as well: looking first is not enough
 * where several processes look at once. A TCP port needs no lock, the system gives it to one of them. So here the
 * system is asked for something of the same kind: a name in the abstract namespace of Unix sockets (Linux), which
 * belongs to who binds it and leaves no file behind.
 */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { codeOf } from './bind.js';

/** All of `sun_path` behind its NUL: versions of libuv differ in whether they fill up what is shorter. */
const NAME_LENGTH = 107;

export interface PathLock {
  release(): Promise<void>;
}

/** The lock on `path`, or `undefined` if another process holds it. */
export function lockPath(path: string): Promise<PathLock | undefined> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((done, fail) => {
    server.once('error', (error) => (codeOf(error) === 'EADDRINUSE' ? done(undefined) : fail(error)));
    server.listen({ path: `\0${lockName(path)}` }, () => {
      server.unref();
      done({ release: () => new Promise((released) => server.close(() => released())) });
    });
  });
}

/** The same for every spelling of `path`. */
function lockName(path: string): string {
  return `demitter.${createHash('sha512').update(canonical(path)).digest('hex')}`.slice(0, NAME_LENGTH);
}

function canonical(path: string): string {
  const absolute = resolve(path);
  try {
    return join(realpathSync(dirname(absolute)), basename(absolute));
  } catch {
    // No such folder: binding will say so.
    return absolute;
  }
}
