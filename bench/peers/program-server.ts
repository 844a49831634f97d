/**
 * A server that is somebody else's program: found on the PATH, started on a free port of this machine, stopped again.
 *
 * It runs as the child of a benchmark process, which ends it even if the benchmark itself is killed.
 */
import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { BenchProcess } from '../processes/process.js';
import type { ProgramCommands } from '../processes/program.js';
import type { Server } from './peer.js';

/** Says why the program cannot be had, or `undefined` if it can. */
export function missingProgram(program: string): string | undefined {
  const isThere = (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false; // not in this one
    }
  });
  return isThere ? undefined : `${program} is not installed`;
}

/** `argumentsFor` makes the program listen at that port of 127.0.0.1. The address is that port. */
export async function startProgram(
  program: string,
  argumentsFor: (port: number) => readonly string[],
): Promise<Server> {
  const port = await freePort();
  const keeper = BenchProcess.start<ProgramCommands>('program', [
    String(port),
    program,
    ...argumentsFor(port),
  ]);
  try {
    await keeper.call('accepting', undefined);
  } catch (error) {
    await keeper.stop();
    throw error;
  }
  return { addresses: { port: String(port) }, stop: () => keeper.stop() };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
