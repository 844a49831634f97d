/**
 * What Dockerfile and compose.yaml say about the rest of the repository. Whether the image works is another matter:
 * test/container/verify.sh builds and runs it.
 */
import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { runCommand } from '../../src/forwarder/command.js';
import { DEFAULT_PORTS, resolveProxySettings } from '../../src/forwarder/options.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const manifest = JSON.parse(read('package.json')) as { version: string; bin: Record<string, string> };

interface Instruction {
  readonly keyword: string;
  readonly rest: string;
}

const instructions: readonly Instruction[] = read('Dockerfile')
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => line.trim() !== '')
  .map((line) => {
    const [keyword = '', ...rest] = line.trim().split(/\s+/);
    return { keyword, rest: rest.join(' ') };
  });

const all = (keyword: string): string[] =>
  instructions.filter((instruction) => instruction.keyword === keyword).map(({ rest }) => rest);
const last = (keyword: string): string => all(keyword).at(-1) ?? '';
const jsonArray = (text: string): string[] => JSON.parse(text.slice(text.indexOf('['))) as string[];

describe('Dockerfile', () => {
  const copied = all('COPY')
    .filter((rest) => !rest.startsWith('--from='))
    .flatMap((rest) => rest.split(' ').slice(0, -1));

  test('everything it copies is there', () => {
    expect(copied).toContain('src');
    expect(copied.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  test('.dockerignore lets through what it copies, and nothing else', () => {
    const rules = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(rules[0]).toBe('*');
    const letThrough = rules.filter((rule) => rule.startsWith('!')).map((rule) => rule.slice(1));
    // A folder is opened, emptied, and what is wanted of it let through.
    const emptied = rules.filter((rule) => rule.endsWith('/*')).map((rule) => rule.slice(0, -2));
    const wanted = letThrough.filter((path) => !emptied.includes(path));
    expect(wanted.sort()).toEqual([...new Set(copied)].sort());
  });

  test('its command is the one the package installs', () => {
    const [command = '', ...rest] = jsonArray(last('CMD'));
    expect(rest).toEqual([]);
    const target = manifest.bin[command];
    expect(all('RUN')).toContain(`ln -s /app/${target} /usr/local/bin/${command}`);
  });

  test('it exposes the default ports', () => {
    expect(all('EXPOSE')).toEqual([`${DEFAULT_PORTS.xsub} ${DEFAULT_PORTS.xpub}`]);
  });

  test('it lets everybody in who reaches it, as to a container everybody is another machine', () => {
    const [name = '', value] = last('ENV').split('=');
    expect([name, value]).toEqual(['DEMITTER_UNPROTECTED', '1']);
    expect(resolveProxySettings({}, { [name]: value }).access.from).toBe('anywhere');
  });

  test('its health check is a command of the command line', async () => {
    const { exitCode } = process;
    const written: string[] = [];
    const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      written.push(String(text));
      return true;
    });
    onTestFinished(() => {
      stdout.mockRestore();
      process.exitCode = exitCode;
    });
    const [command, ...args] = jsonArray(last('HEALTHCHECK'));
    await runCommand([...args, '--help']);
    expect(written.join('')).toContain(`Usage: ${command} ${args.join(' ')} `);
    expect(process.exitCode).toBe(0);
  });

  test('it ends as a user that is not root, with the version of the package', () => {
    expect(last('USER')).toBe('node');
    expect(last('LABEL')).toContain(`org.opencontainers.image.version="${manifest.version}"`);
  });

  test.each([
    ['x64', 0x3e],
    ['arm64', 0xb7],
  ])('zeromq ships a binary for its base image, glibc on %s', (arch, machine) => {
    const require = createRequire(import.meta.url);
    const build = join(dirname(require.resolve('zeromq')), '../build');
    const binaries = Object.entries(
      JSON.parse(readFileSync(join(build, 'manifest.json'), 'utf8')) as Record<string, string>,
    ).filter(([system]) => {
      const { os, arch: forArch, libc } = JSON.parse(system) as Record<string, unknown>;
      return os === 'linux' && forArch === arch && libc === 'glibc';
    });
    expect(binaries.length).toBeGreaterThan(0);
    for (const [, path] of binaries) expect(elfMachine(join(build, path))).toBe(machine);
  });
});

describe('compose.yaml', () => {
  test('it builds stages that the Dockerfile has', () => {
    const stages = all('FROM').map((rest) => rest.split(' ').at(-1));
    const targets = [...read('compose.yaml').matchAll(/^ +target: (\w+)$/gm)].map(([, target]) => target);
    expect(targets).toContain('forwarder');
    expect(stages).toEqual(expect.arrayContaining(targets));
  });

  test('its services run files that their image contains', () => {
    const files = [...read('compose.yaml').matchAll(/"(examples\/[^"]+)"/g)].map(([, file]) => file ?? '');
    expect(files).toHaveLength(2);
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });
});

/** What a binary is for: `e_machine` of its ELF header, at byte 18. */
function elfMachine(path: string): number {
  const header = Buffer.alloc(20);
  const file = openSync(path, 'r');
  readSync(file, header);
  closeSync(file);
  expect(header.toString('latin1', 0, 4)).toBe('\x7fELF');
  return header.readUInt16LE(18);
}
