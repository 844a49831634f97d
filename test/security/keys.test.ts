/** `demitter-forwarder keys`: files that only their owner can read, and nothing secret anywhere else. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAuthorizedKeys } from '../../src/forwarder/access/authorized-keys.js';
import { formatKey, readKeyPair } from '../../src/keys.js';
import { Folder } from '../support/keyed-forwarder.js';
import { DIST, spawnNode, spawnProgram } from '../support/process.js';

const CLI = join(DIST, 'cli.js');

async function makeKeys(folder: Folder, ...args: readonly string[]) {
  await using child = spawnNode(CLI, { args: ['keys', ...args], cwd: folder.path });
  const { code } = await child.exit;
  return { code, stdout: child.stdout, stderr: child.stderr.join('\n'), output: child.output };
}

describe('demitter-forwarder keys', () => {
  test('makes the file of a forwarder, and prints its public key alone on stdout', async () => {
    using folder = new Folder();
    const { code, stdout, stderr, output } = await makeKeys(folder);
    expect(code).toBe(0);
    const { publicKey, secretKey } = readKeyPair('the file', folder.file('demitter-server.key'));
    expect(stdout).toEqual([formatKey(publicKey)]);
    expect(stderr).toContain('DEMITTER_SERVER_KEY');
    expect(output).not.toContain(formatKey(secretKey.bytes));
  });

  test('makes the file of a client, and prints its line for the authorized keys', async () => {
    using folder = new Folder();
    const { stdout, output } = await makeKeys(folder, '--client', 'sensor-7', '--rights', 'publish');
    const { publicKey, secretKey } = readKeyPair('the file', folder.file('sensor-7.key'));
    expect(parseAuthorizedKeys('stdout', stdout.join('\n'))).toEqual(
      new Map([[formatKey(publicKey), { name: 'sensor-7', rights: 'publish' }]]),
    );
    expect(output).not.toContain(formatKey(secretKey.bytes));
  });

  test('lets nobody else read the file, whatever the umask says', async () => {
    using folder = new Folder();
    const command = `umask 0; exec ${process.execPath} ${CLI} keys --out ${folder.file('own.key')}`;
    await using child = spawnProgram('sh', { args: ['-c', command] });
    expect((await child.exit).code).toBe(0);
    expect(statSync(folder.file('own.key')).mode & 0o777).toBe(0o600);
  });

  test('never overwrites a file', async () => {
    using folder = new Folder();
    writeFileSync(folder.file('demitter-server.key'), 'precious');
    const { code, stderr, stdout } = await makeKeys(folder);
    expect([code, stdout]).toEqual([1, []]);
    expect(stderr).toMatch(/^error: .*demitter-server\.key is there already.*--out/);
    expect(readFileSync(folder.file('demitter-server.key'), 'utf8')).toBe('precious');
  });

  test('every pair is another one', async () => {
    using folder = new Folder();
    const made = await Promise.all(['a', 'b'].map((name) => makeKeys(folder, '--out', `${name}.key`)));
    expect(new Set(made.map(({ stdout }) => stdout[0])).size).toBe(2);
  });

  test.each([
    [['--client', 'two words'], /--client to be a name .*got 'two words'/],
    [['--client', 'a', '--rights', 'all'], /--rights to be publish, subscribe, both, got 'all'/],
    [['--rights', 'both'], /--rights only beside --client/],
    [['extra'], /unknown argument 'extra'/],
  ])('refuses %j', async (args, message) => {
    using folder = new Folder();
    const { code, stderr } = await makeKeys(folder, ...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});

/** Of a forwarder that is expected not to start: how it ends, and what it says. */
async function startWith(folder: Folder, files: { secret?: string; authorized?: string }) {
  const args = ['--xsub-address', 'tcp://127.0.0.1:0', '--xpub-address', 'tcp://127.0.0.1:0'];
  if (files.secret !== undefined) args.push('--secret-key-file', files.secret);
  if (files.authorized !== undefined) args.push('--authorized-keys', files.authorized);
  await using child = spawnNode(CLI, { args, cwd: folder.path });
  const { code } = await child.exit;
  return { code, stderr: child.stderr.join('\n'), output: child.output };
}

describe('a forwarder does not start', () => {
  test('with a key file that others can read, and says what to do', async () => {
    using folder = new Folder();
    const { stdout } = await makeKeys(folder, '--client', 'client');
    const authorized = folder.replace('authorized', stdout.join('\n'));
    const secret = folder.replace('open.key', readFileSync(folder.file('client.key'), 'utf8'), 0o644);
    const { code, stderr } = await startWith(folder, { secret, authorized });
    expect(code).toBe(2);
    expect(stderr).toMatch(/open\.key', which has mode 0644: others can read it: run `chmod 600` on it$/);
  });

  test('with keys and no list of who is authorized, or the other way round', async () => {
    using folder = new Folder();
    await makeKeys(folder);
    const secret = folder.file('demitter-server.key');
    const alone = await startWith(folder, { secret });
    expect([alone.code, alone.stderr]).toEqual([
      2,
      expect.stringMatching(
        /Expected --authorized-keys \(DEMITTER_AUTHORIZED_KEYS\).* beside --secret-key-file/,
      ),
    ]);
    const authorized = folder.replace('authorized', '');
    const { code, stderr } = await startWith(folder, { authorized });
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/Expected --secret-key-file .* beside --authorized-keys/),
    ]);
  });

  test('with the two files swapped: nothing of a secret key is printed', async () => {
    using folder = new Folder();
    const client = await makeKeys(folder, '--client', 'client');
    const secret = folder.file('client.key');
    const { secretKey } = readKeyPair('the file', secret);
    const authorized = folder.replace('authorized', client.stdout.join('\n'));
    const outputs = [
      await startWith(folder, { secret: authorized, authorized: secret }),
      await startWith(folder, { secret, authorized: secret }),
      await startWith(folder, { secret: formatKey(secretKey.bytes), authorized }),
    ];
    for (const { code, output } of outputs) {
      expect(code).toBe(2);
      expect(output).not.toContain(formatKey(secretKey.bytes));
    }
    expect(outputs[1]?.stderr).toContain('got a line of a key file: is it the wrong file?');
  });
});
