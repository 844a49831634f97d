/** The command `demitter-forwarder` as a shell, a service manager and a terminal see it. */
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  DIST,
  type ProcessOptions,
  ROOT,
  spawnNode,
  spawnProgram,
  type TestProcess,
} from '../support/process.js';

const FLOOD = fileURLToPath(new URL('../support/flood-program.mjs', import.meta.url));
const CLI = join(DIST, 'cli.js');
const ANY_PORT = ['--xsub-port', '0', '--xpub-port', '0'];
const STARTED = /forwarder started: XSUB (\S+), XPUB ([^\s"]+)/;

function run(args: readonly string[], options: ProcessOptions = {}): TestProcess {
  return spawnNode(CLI, { ...options, args });
}

async function takePort() {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { port: (server.address() as AddressInfo).port, close, [Symbol.asyncDispose]: close };
}

async function freePort(): Promise<number> {
  const { port, close } = await takePort();
  await close();
  return port;
}

describe('starting', () => {
  test('writes JSON lines to stdout: one at the start with both addresses, one at the end with the reason', async () => {
    await using child = run(ANY_PORT);
    await child.line(STARTED, 'stdout');
    child.kill('SIGTERM');
    expect(await child.exit).toEqual({ code: 0, signal: null });
    expect(child.stdout.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({
        level: 30,
        xsubAddress: expect.stringMatching(/^tcp:/),
        xpubAddress: expect.stringMatching(/^tcp:/),
      }),
      expect.objectContaining({ level: 30, reason: 'received SIGTERM' }),
    ]);
    expect(child.stderr).toEqual([]);
  });

  test('takes environment variables, which flags beat; a port flag also beats an address', async () => {
    const [fromEnvironment, fromFlag] = [await freePort(), await freePort()];
    const env = { XSUB_PORT: `${fromEnvironment}`, XPUB_ADDRESS: 'tcp://192.0.2.1:1', LOG_LEVEL: 'debug' };
    await using child = run(['--xpub-port', `${fromFlag}`], { env });
    const [, xsub, xpub] = await child.line(STARTED);
    expect([xsub, xpub]).toEqual([`tcp://0.0.0.0:${fromEnvironment}`, `tcp://0.0.0.0:${fromFlag}`]);
    await child.line(/"level":20/);
  });

  test('is silent with --log-level silent, and healthy', async () => {
    const ports = ['--xsub-port', `${await freePort()}`, '--xpub-port', `${await freePort()}`];
    await using child = run([...ports, '--log-level', 'silent']);
    await using health = run(['health', ...ports, '--timeout', '10000']);
    expect((await health.exit).code).toBe(0);
    child.kill('SIGINT');
    expect((await child.exit).code).toBe(0);
    expect(child.output).toBe('');
  });

  test('also as `node dist/forwarder.js`, through a link of another name, and from a path with spaces', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'demitter with spaces-'));
    try {
      cpSync(DIST, join(folder, 'dist'), { recursive: true });
      cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
      symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
      symlinkSync(join(folder, 'dist', 'forwarder.js'), join(folder, 'link'));
      const files = [
        join(DIST, 'forwarder.js'),
        join(DIST, 'forwarder'),
        join(folder, 'link'),
        join(folder, 'dist/cli.js'),
      ];
      for (const file of files) {
        await using child = spawnNode(file, { args: ANY_PORT });
        await child.line(STARTED);
        child.kill();
        expect((await child.exit).code).toBe(0);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('does not happen when the package is only imported', async () => {
    await using child = spawnProgram(process.execPath, {
      args: ['--input-type=module', '--eval', `await import(${JSON.stringify(`${DIST}forwarder.js`)})`],
    });
    expect((await child.exit).code).toBe(0);
    expect(child.output).toBe('');
  });

  test('survives a stdout that nobody reads', async () => {
    await using child = run([...ANY_PORT, '--log-level', 'debug']);
    await child.line(STARTED);
    child.child.stdout?.destroy();
    child.kill('SIGTERM');
    expect(await child.exit).toEqual({ code: 0, signal: null });
    expect(child.stderr).toEqual([]);
  });
});

describe('ending', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it with exit code 0', async (signal) => {
    await using child = run(ANY_PORT);
    await child.line(STARTED);
    child.kill(signal);
    expect(await child.exit).toEqual({ code: 0, signal: null });
    await child.line(new RegExp(`forwarder stopped: received ${signal}`));
  });

  test('takes less than 2 s while messages flow', async () => {
    await using child = run(ANY_PORT);
    const [, xsub = '', xpub = ''] = await child.line(STARTED);
    await using flood = spawnNode(FLOOD, { args: [xsub, xpub] });
    await flood.line(/flooding/);
    const started = performance.now();
    child.kill('SIGTERM');
    expect(await child.exit).toEqual({ code: 0, signal: null });
    expect(performance.now() - started).toBeLessThan(2000);
    expect(child.stderr).toEqual([]);
  });

  test('happens at once on a second signal', async () => {
    // With no thread to spare the proxy has a process of its own, which, stopped, makes closing take its time.
    await using child = run([...ANY_PORT, '--log-level', 'debug'], { env: { UV_THREADPOOL_SIZE: '1' } });
    const [, proxy] = await child.line(/the proxy runs in process (\d+)/);
    expect(Number(proxy)).not.toBe(child.pid);
    process.kill(Number(proxy), 'SIGSTOP');
    try {
      child.kill('SIGINT');
      await child.line(/closing: received SIGINT/);
      // Not `child.exit`, which waits for the end of the output: the stopped process still holds stderr.
      const exit = once(child.child, 'exit');
      child.kill('SIGTERM');
      expect(await exit).toEqual([143, null]);
    } finally {
      process.kill(Number(proxy), 'SIGKILL');
    }
  });

  test('of the proxy itself is an error and exit code 1', async () => {
    await using child = run([...ANY_PORT, '--log-level', 'debug'], { env: { UV_THREADPOOL_SIZE: '1' } });
    const [, proxy] = await child.line(/the proxy runs in process (\d+)/);
    process.kill(Number(proxy), 'SIGKILL');
    await child.line(/"level":50.*DEMITTER_FORWARDER_FAILED.*forwarder failed/);
    expect(await child.exit).toEqual({ code: 1, signal: null });
  });
});

describe('mistakes are one line on stderr', () => {
  async function expectMistake(
    args: readonly string[],
    code: number,
    message: string,
    env = {},
  ): Promise<void> {
    await using child = run(args, { env });
    expect(await child.exit).toEqual({ code, signal: null });
    expect(child.stdout).toEqual([]);
    expect(child.stderr).toEqual([`error: ${message}`]);
  }

  test.each<[string, string]>([
    ['--xsub-port abc', "Expected --xsub-port to be a port from 0 to 65535, got 'abc'"],
    [
      '--max-memory-bytes 64',
      'Expected --max-memory-bytes to be a whole number from 134217728 to 9007199254740991, got 64',
    ],
    ['--xpub-port 65536', "Expected --xpub-port to be a port from 0 to 65535, got '65536'"],
    ['--xsub-port', "option '--xsub-port <port>' argument missing"],
    ['--xsub-prot 1', "unknown option '--xsub-prot' (Did you mean --xsub-port?)"],
    ['serve', "unknown argument 'serve'; see --help"],
    [
      '--log-level loud',
      "Expected --log-level to be one of trace, debug, info, warn, error, fatal, silent, got 'loud'",
    ],
    [
      '--xsub-address localhost:1',
      "Expected --xsub-address to be of the form tcp://HOST:PORT or ipc://PATH, got 'localhost:1', which begins with neither tcp:// nor ipc://",
    ],
    ['health --timeout soon', "Expected --timeout to be a number of milliseconds, at least 1, got 'soon'"],
  ])('%s → exit code 2', (args, message) => expectMistake(args.split(' '), 2, message));

  test.each<[Record<string, string>, string]>([
    [{ XSUB_PORT: 'abc' }, "Expected environment variable XSUB_PORT to be a port from 0 to 65535, got 'abc'"],
    [
      { LOG_LEVEL: 'INFO' },
      "Expected environment variable LOG_LEVEL to be one of trace, debug, info, warn, error, fatal, silent, got 'INFO'",
    ],
  ])('%o → exit code 2', (env, message) => expectMistake([], 2, message, env));

  test('a port in use → exit code 1, and nothing is left bound', async () => {
    await using taken = await takePort();
    const xsub = await freePort();
    await expectMistake(
      ['--xsub-port', `${xsub}`, '--xpub-port', `${taken.port}`],
      1,
      `cannot bind the XPUB side to tcp://*:${taken.port} (--xpub-port): the port is in use: stop what uses it, or choose another (0 lets the system choose) [EADDRINUSE]`,
    );
  });

  test('an address of another machine → exit code 1', () =>
    expectMistake(
      ['--xsub-address', 'tcp://192.0.2.1:5555'],
      1,
      'cannot bind the XSUB side to tcp://192.0.2.1:5555 (--xsub-address): this machine has no such address: use one of its own, or * for all of them [EADDRNOTAVAIL]',
    ));
});

describe('help', () => {
  test('--help lists flags and environment variables with their defaults', async () => {
    await using child = run(['--help']);
    expect((await child.exit).code).toBe(0);
    for (const name of [
      'xsub-port',
      'xpub-port',
      'xsub-address',
      'xpub-address',
      'log-level',
      'version',
      'help',
    ]) {
      expect(child.output).toContain(`--${name}`);
    }
    for (const [name, preset] of [
      ['XSUB_PORT', '5555'],
      ['XPUB_PORT', '5556'],
      ['XSUB_ADDRESS', String.raw`tcp://\*:5555`],
      ['XPUB_ADDRESS', String.raw`tcp://\*:5556`],
      ['LOG_LEVEL', 'info'],
    ]) {
      expect(child.output).toMatch(new RegExp(`${name} .*\\(default: ${preset}\\)`));
    }
  });

  test('--version tells the version of the package', async () => {
    await using child = run(['--version']);
    expect((await child.exit).code).toBe(0);
    expect(child.stdout).toEqual([JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version]);
  });
});

describe('health', () => {
  test('is 0 while messages come through, by flags or environment, and 1 when they do not', async () => {
    await using child = run(ANY_PORT);
    const [, xsub = '', xpub = ''] = await child.line(STARTED);
    await using byFlags = run(['health', '--xsub-address', xsub, '--xpub-address', xpub]);
    expect((await byFlags.exit).code).toBe(0);
    expect(byFlags.output).toMatch(/^healthy: tcp:\/\/localhost:\d+ → tcp:\/\/localhost:\d+ took \d+ ms$/);
    const env = { XSUB_ADDRESS: xsub, XPUB_ADDRESS: xpub };
    await using byEnvironment = run(['health'], { env });
    expect((await byEnvironment.exit).code).toBe(0);
    child.kill();
    await child.exit;
    await using after = run(['health', '--timeout', '100'], { env });
    expect((await after.exit).code).toBe(1);
    expect(after.stderr).toEqual([
      expect.stringMatching(/^error: not healthy: no message came through .* within 100 ms$/),
    ]);
  });

  test('is 1 when only one side answers', async () => {
    await using child = run(ANY_PORT);
    const [, xsub = ''] = await child.line(STARTED);
    await using health = run([
      'health',
      '--xsub-address',
      xsub,
      '--xpub-address',
      'ipc:///nowhere/at/all',
      '--timeout',
      '100',
    ]);
    expect((await health.exit).code).toBe(1);
  });
});

// util-linux, so on every Linux but the smallest.
describe.skipIf(!existsSync('/usr/bin/script'))('on a terminal', () => {
  function runOnTerminal(env: Record<string, string>): TestProcess {
    const command = [process.execPath, CLI, ...ANY_PORT].map((word) => `'${word}'`).join(' ');
    return spawnProgram('/usr/bin/script', {
      args: ['--quiet', '--return', '--command', command, '/dev/null'],
      env,
    });
  }
  const COLOUR = `${String.fromCharCode(27)}[`;

  test('log lines are readable, and coloured', async () => {
    await using child = runOnTerminal({ TERM: 'xterm' });
    const { input } = await child.line(STARTED);
    expect(input).toMatch(/^\[\d{4}-\d\d-\d\d /);
    expect(input).toContain(COLOUR);
  });

  test('NO_COLOR takes the colours away', async () => {
    await using child = runOnTerminal({ TERM: 'xterm', NO_COLOR: '1' });
    const { input } = await child.line(STARTED);
    expect(input).toMatch(/INFO: forwarder started/);
    expect(input).not.toContain(COLOUR);
  });
});
