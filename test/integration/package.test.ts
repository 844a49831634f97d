/** The package as a stranger gets it: packed, installed in an empty folder, used as the README says. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT, spawnNode, spawnProgram, spawnSource } from '../support/process.js';

let folder: string;
let packed: { filename: string; files: { path: string }[] };

async function run(command: string, args: string[], cwd: string): Promise<string> {
  // The whole environment: what npm needs to reach its registry is the machine's business.
  await using child = spawnProgram(command, { args, cwd, env: process.env as Record<string, string> });
  const { code } = await child.exit;
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${child.output}`);
  return child.stdout.join('\n');
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'demitter-package-'));
  // Without scripts: `prepack` would build again, under the feet of the other tests.
  const report = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], ROOT);
  packed = JSON.parse(report)[0];
  await writeFile(join(folder, 'package.json'), '{ "private": true }');
  await run(
    'npm',
    ['install', '--no-audit', '--no-fund', '--prefer-offline', `./${packed.filename}`],
    folder,
  );
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

/** The code of the README's quick start, by the file name the text gives it. */
async function quickStart(file: string): Promise<string> {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  const code = readme.split(`Save as \`${file}\``)[1]?.split('```js\n')[1]?.split('```')[0];
  if (code === undefined) throw new Error(`the README has no code for ${file}`);
  return code;
}

describe('the package', () => {
  test('contains what is needed to use it, and nothing else', () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']));
    expect(paths).toEqual(expect.arrayContaining(['dist/index.js', 'dist/index.d.ts', 'dist/cli.js']));
    const others = paths.filter(
      (path) =>
        !/^dist\/.*\.(js|d\.ts)$/.test(path) &&
        !/^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/.test(path),
    );
    expect(others).toEqual([]);
  });

  test('runs the quick start of the README', async () => {
    for (const file of ['subscriber.mjs', 'publisher.mjs']) {
      await writeFile(join(folder, file), await quickStart(file));
    }
    const bin = join(folder, 'node_modules/.bin/demitter-forwarder');
    await using forwarder = spawnProgram(bin, {
      cwd: folder,
      args: ['--xsub-port', '0', '--xpub-port', '0'],
    });
    const started = await forwarder.line(/forwarder started/);
    const { xsubAddress, xpubAddress } = JSON.parse(started.input);
    const env = { XSUB_ADDRESS: xsubAddress, XPUB_ADDRESS: xpubAddress };
    await using subscriber = spawnNode('subscriber.mjs', { cwd: folder, env });
    await subscriber.line(/^listening$/);
    await using publisher = spawnNode('publisher.mjs', { cwd: folder, env });
    expect(await publisher.exit).toEqual({ code: 0, signal: null });
    await subscriber.line(/^Ada logged in$/);
    expect([...publisher.stderr, ...subscriber.stderr]).toEqual([]);
    forwarder.kill('SIGTERM');
    expect(await forwarder.exit).toEqual({ code: 0, signal: null });
  });

  test('can be required, where Node can require ES modules', async () => {
    await writeFile(
      join(folder, 'main.cjs'),
      "console.log(typeof require('demitter').createDistributedEmitter)",
    );
    await using child = spawnNode('main.cjs', { cwd: folder });
    await child.line(/^function$/);
  });

  test('exports its public names and nothing else', async () => {
    await using child = spawnSource("console.log(Object.keys(await import('demitter')).sort().join())", {
      cwd: folder,
    });
    await child.line(
      /^DemitterError,DistributedEmitter,DistributedError,MemoryHub,ValidationError,createDistributedEmitter,createForwarder,createMemoryTransport,startStandaloneForwarder$/,
    );
  });
});
