/**
 * Makes `dist/` of the library and of the auction, if what is there is older than its sources, and installs what the
 * auction needs of its own. `npm run auction` begins with it, so that a fresh clone needs `npm ci` and nothing else.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('..', import.meta.url));
const ROOT = join(HERE, '../..');
/** npm as whoever runs this has it; what it says is of interest only if it fails. */
const NPM = ['npm', '--loglevel', 'error'];

if (isOlder(join(ROOT, 'dist/index.js'), [join(ROOT, 'src'), join(ROOT, 'package.json')]))
  run('building demitter', ROOT, [...NPM, 'run', '--silent', 'build']);

if (isOlder(join(HERE, 'node_modules/.package-lock.json'), [join(HERE, 'package-lock.json')]))
  run('installing what the auction needs', HERE, [...NPM, 'ci']);

const OUTPUT = join(HERE, 'dist');
if (isOlder(join(OUTPUT, 'main.js'), [join(HERE, 'src'), join(HERE, 'tsconfig.build.json')])) {
  rmSync(OUTPUT, { recursive: true, force: true });
  run('building the auction', HERE, [
    process.execPath,
    join(ROOT, 'node_modules/typescript/bin/tsc'),
    '-p',
    'tsconfig.build.json',
  ]);
}

/** Whether `target` is missing, or was made before the newest of `sources`, which may be folders. */
function isOlder(target, sources) {
  return !existsSync(target) || sources.some((source) => newest(source) > statSync(target).mtimeMs);
}

function newest(path) {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(...readdirSync(path).map((name) => newest(join(path, name))));
}

function run(what, cwd, [command, ...args]) {
  process.stderr.write(`${what} …\n`);
  execFileSync(command, args, { cwd, stdio: ['ignore', 2, 2] });
}
