/** Starting: until a link works, and until the code is there. Fresh processes each, since a process starts only once. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startForwarderServer } from '../peers/forwarder-server.js';
import { BenchProcess } from '../processes/process.js';
import type { StarterCommands, StarterKind } from '../processes/starter.js';
import type { Effort, Measurement } from '../scenario.js';
import { median } from './statistics.js';

const execute = promisify(execFile);

/** From where packages are found, `demitter` itself among them. */
const PACKAGE_ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** In plain Node: a loader of TypeScript would have its part in each import. */
const IMPORT = `
const begun = performance.now();
for (const name of process.argv.slice(1)) await import(name);
console.log(performance.now() - begun);`;

/** Milliseconds from nothing to a link that works in both directions. */
export async function measureLink(kind: StarterKind, { starts, execArgv }: Effort): Promise<Measurement> {
  const server = await startForwarderServer();
  const arguments_ = [kind, JSON.stringify(server.addresses)];
  try {
    return await medianOf(starts, async () => {
      const starter = BenchProcess.start<StarterCommands>('starter', arguments_, execArgv);
      try {
        return await starter.call('start', undefined);
      } finally {
        await starter.stop();
      }
    });
  } finally {
    await server.stop();
  }
}

/** Milliseconds to import packages. */
export function measureImport(packages: readonly string[], { starts }: Effort): Promise<Measurement> {
  return medianOf(starts, async () => {
    const { stdout } = await execute(
      process.execPath,
      ['--input-type=module', '--eval', IMPORT, ...packages],
      { cwd: PACKAGE_ROOT },
    );
    return Number(stdout);
  });
}

async function medianOf(count: number, measureTime: () => Promise<number>): Promise<Measurement> {
  const times: number[] = [];
  // One more, whose files are not in the cache of the system yet.
  await measureTime();
  while (times.length < count) times.push(await measureTime());
  return { figures: { time: median(times) } };
}
