/**
 * Where the time goes: the functions with the most self time in CPU profiles, for instance of
 *
 *   npm run bench -- --rounds 1 --peer demitter --only 'one name, un-awaited' --cpu-prof /tmp/profiles
 *   node --import tsx bench/profile.ts /tmp/profiles/*.cpuprofile
 *
 * Time in which the process waited is left out, so that the shares are of the time it worked.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

const TOP = 25;

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

for (const file of process.argv.slice(2)) {
  const profile = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
  const times = selfTimes(profile);
  const total = [...times.values()].reduce((sum, time) => sum + time, 0);
  console.log(`\n${basename(file)}: ${(total / 1000).toFixed(0)} ms of work`);
  const top = [...times].sort(([, a], [, b]) => b - a).slice(0, TOP);
  for (const [name, time] of top)
    console.log(
      `${((time / total) * 100).toFixed(1).padStart(6)} %  ${(time / 1000).toFixed(0).padStart(6)} ms  ${name}`,
    );
}

/** Microseconds spent in each function itself, by its name and file. */
function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): Map<string, number> {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const place = url === '' ? '' : `  ${url.split('/').slice(-2).join('/')}:${lineNumber + 1}`;
      return [id, `${functionName || '(anonymous)'}${place}`];
    }),
  );
  const times = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const name = names.get(id);
    if (name === undefined || name === '(idle)' || name === '(program)') continue;
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  }
  return times;
}
