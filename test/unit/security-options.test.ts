import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { formatKey, formatKeyFile, makeKeyPair } from '../../src/keys.js';
import { type ResolvedOptions, resolveOptions } from '../../src/options.js';

const server = makeKeyPair();
const client = makeKeyPair();
const serverKey = formatKey(server.publicKey);
const secretKey = formatKey(client.secretKey.bytes);

const folder = mkdtempSync(join(tmpdir(), 'demitter-'));
const serverKeyFile = join(folder, 'server');
const secretKeyFile = join(folder, 'client');
writeFileSync(serverKeyFile, `# the forwarder's\npublic-key = ${serverKey}\n`);
writeFileSync(secretKeyFile, formatKeyFile(client, 'ours'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function keysOf({ security }: ResolvedOptions): unknown {
  return (
    security && {
      serverKey: formatKey(security.serverKey),
      publicKey: formatKey(security.publicKey),
      secretKey: formatKey(security.secretKey.bytes),
    }
  );
}

const EXPECTED = { serverKey, publicKey: formatKey(client.publicKey), secretKey };

describe('the option `security`', () => {
  it.each([
    ['keys', { serverKey, secretKey }, {}],
    ['keys in hex', { serverKey: server.publicKey.toString('hex'), secretKey }, {}],
    [
      'keys, and the public one to check',
      { serverKey, secretKey, publicKey: formatKey(client.publicKey) },
      {},
    ],
    ['files', { serverKeyFile, secretKeyFile }, {}],
    ['the environment', undefined, { DEMITTER_SERVER_KEY: serverKey, DEMITTER_SECRET_KEY: secretKey }],
    [
      'files of the environment',
      undefined,
      { DEMITTER_SERVER_KEY: serverKey, DEMITTER_SECRET_KEY_FILE: secretKeyFile },
    ],
    [
      'half the environment',
      { serverKey },
      { DEMITTER_SERVER_KEY: 'not used', DEMITTER_SECRET_KEY_FILE: secretKeyFile },
    ],
    ['an option before the environment', { serverKey, secretKey }, { DEMITTER_SECRET_KEY_FILE: '/nowhere' }],
  ])('takes %s', (_what, security, environment) => {
    expect(keysOf(resolveOptions({ security }, environment))).toEqual(EXPECTED);
  });

  it('is nothing by default, nor with an empty environment, nor with another transport', () => {
    expect(resolveOptions({}, {}).security).toBeUndefined();
    expect(resolveOptions({}, { DEMITTER_SERVER_KEY: '', DEMITTER_SECRET_KEY: '' }).security).toBeUndefined();
    const environment = { DEMITTER_SERVER_KEY: serverKey, DEMITTER_SECRET_KEY: secretKey };
    expect(resolveOptions({ transport: 'memory' }, environment).security).toBeUndefined();
  });

  const own = formatKey(client.publicKey);
  it.each([
    [{ security: true }, {}, /Expected `security` to be an object with serverKey, .*, got true/],
    [{ security: secretKey }, {}, /Expected `security` to be an object with serverKey, .*, got a string/],
    [{ security: { key: secretKey } }, {}, /Unknown option `security.key`: expected one of serverKey/],
    [{ security: {} }, {}, /Expected `security.serverKey`.*with `security`.*public key, got none/],
    [
      { security: { secretKey } },
      {},
      /DEMITTER_SERVER_KEY with `security.secretKey`: the forwarder's public key/,
    ],
    [
      { security: { serverKey } },
      {},
      /DEMITTER_SECRET_KEY_FILE with `security.serverKey`: this emitter's own key/,
    ],
    [
      {},
      { DEMITTER_SERVER_KEY: serverKey },
      /with environment variable DEMITTER_SERVER_KEY: this emitter's own key/,
    ],
    [
      {},
      { DEMITTER_SECRET_KEY_FILE: secretKeyFile },
      /with environment variable DEMITTER_SECRET_KEY_FILE: the/,
    ],
    [
      { security: { serverKey, serverKeyFile, secretKey } },
      {},
      /one of `security.serverKey` and `security.serverKeyFile`/,
    ],
    [
      {},
      {
        DEMITTER_SERVER_KEY: serverKey,
        DEMITTER_SECRET_KEY: secretKey,
        DEMITTER_SECRET_KEY_FILE: secretKeyFile,
      },
      /Expected one of environment variable DEMITTER_SECRET_KEY and environment variable DEMITTER_SECRET_KEY_FILE/,
    ],
    [{ security: { serverKey: 7, secretKey } }, {}, /`security.serverKey` to be a key.*got a number/],
    [{ security: { serverKey, secretKey: 'x' } }, {}, /`security.secretKey` to be a key.*got 1 characters/],
    [
      { security: { serverKey, secretKeyFile: '/nowhere' } },
      {},
      /`security.secretKeyFile`.*cannot be read \(ENOENT\)/,
    ],
    [{ security: { serverKey, secretKeyFile: serverKeyFile } }, {}, /has no line `secret-key = …`/],
    [
      { security: { serverKey: own, secretKey } },
      {},
      /`security.serverKey` to be the forwarder's public key, got the one/,
    ],
    [{ security: { serverKey, secretKey, publicKey: serverKey } }, {}, /`security.publicKey` to belong to/],
    [
      { security: { serverKey, secretKey }, transport: 'memory' },
      {},
      /`transport` to be 'zmtp' with `security`/,
    ],
    [
      { security: { serverKey, secretKey }, transport: () => ({}) },
      {},
      /`transport` to be 'zmtp'.*a function/,
    ],
    [
      { security: { serverKey, secretKey }, forwarder: 'auto' },
      {},
      /`forwarder` to be 'external' with `security/,
    ],
    [
      { forwarder: 'auto' },
      { DEMITTER_SERVER_KEY: serverKey, DEMITTER_SECRET_KEY: secretKey },
      /`forwarder` to be 'external' with environment variable DEMITTER_SERVER_KEY/,
    ],
  ])('is refused as %o with %o', (options, environment, message) => {
    let thrown: unknown;
    try {
      resolveOptions(options, environment as Record<string, string>);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(TypeError);
    expect((thrown as Error).message).toMatch(message);
    expect(inspect(thrown)).not.toContain(secretKey);
  });

  it('shows no secret once it is resolved', () => {
    const options = resolveOptions({ security: { serverKey, secretKey } }, {});
    const shown = inspect(options, { depth: 20, showHidden: true }) + JSON.stringify(options);
    expect(shown).not.toContain(secretKey);
    expect(shown.replaceAll(' ', '')).not.toContain(client.secretKey.bytes.toString('hex'));
    expect(shown.replaceAll(' ', '')).not.toContain([...client.secretKey.bytes].join(','));
  });
});
