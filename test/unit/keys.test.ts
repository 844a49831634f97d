import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { curveKeyPair } from 'zeromq';
import {
  formatKey,
  formatKeyFile,
  makeKeyPair,
  pairOf,
  parseKey,
  readKeyPair,
  readPublicKey,
  SecretKey,
} from '../../src/keys.js';

/** The pair that libzmq's own documentation shows. */
const PUBLIC_HEX = 'bb88471d65e2659b30c55a5321cebb5aab2b70a398645c26dca2b2fcb43fc518';
const PUBLIC_Z85 = 'Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID';
const SECRET_HEX = '7bb864b489afa3671fbe69101f94b38972f24816dfb01b51656b3fec8dfd0888';
const SECRET_Z85 = 'D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs';

const folder = mkdtempSync(join(tmpdir(), 'demitter-'));
const path = join(folder, 'keys');

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function complaint(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as Error).message;
  }
  throw new Error('Nothing was thrown');
}

/** Whether five characters in a row of `given` are in `text`. */
function shows(text: string, given: string): boolean {
  return Array.from(given, (_, at) => given.slice(at, at + 5)).some(
    (part) => part.length === 5 && text.includes(part),
  );
}

describe('a key', () => {
  it('is the same in Z85 and in hex, of either case', () => {
    const bytes = Buffer.from(PUBLIC_HEX, 'hex');
    expect(parseKey('x', PUBLIC_Z85)).toEqual(bytes);
    expect(parseKey('x', PUBLIC_HEX)).toEqual(bytes);
    expect(parseKey('x', PUBLIC_HEX.toUpperCase())).toEqual(bytes);
    expect(formatKey(bytes)).toBe(PUBLIC_Z85);
  });

  it('comes back from its Z85', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        expect(parseKey('x', formatKey(bytes))).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it.each([
    ['nothing', undefined, 'got undefined'],
    ['a number', 12345678, 'got a number'],
    ['bytes', Buffer.alloc(32), 'got an object'],
    ['an empty string', '', 'got an empty string'],
    ['one character less', SECRET_Z85.slice(1), 'got 39 characters'],
    ['a new line behind it', `${SECRET_Z85}\n`, 'got 41 characters'],
    ['what is no Z85', SECRET_Z85.replace('D', '~'), 'got 40 characters that are no Z85'],
    ['Z85 of more than 32 bits', `#####${SECRET_Z85.slice(5)}`, 'got 40 characters that are no Z85'],
    ['what is no hex', SECRET_HEX.replace('7', 'g'), 'got 64 characters that are not all hex digits'],
  ])('is refused if it is %s, without being shown', (_what, value, fault) => {
    const message = complaint(() => parseKey('`security.secretKey`', value));
    expect(message).toBe(
      `Expected \`security.secretKey\` to be a key of 40 Z85 characters or 64 hex digits, ${fault}`,
    );
    if (typeof value === 'string') expect(shows(message, value)).toBe(false);
  });

  it('is not shown if it is secret', () => {
    const pair = pairOf(new SecretKey(parseKey('x', SECRET_HEX)));
    for (const text of [
      inspect(pair, { showHidden: true, depth: 9, getters: false }),
      JSON.stringify(pair),
    ]) {
      expect(shows(text, SECRET_Z85)).toBe(false);
      expect(shows(text.replaceAll(' ', ''), SECRET_HEX)).toBe(false);
    }
    expect(JSON.stringify(pair.secretKey)).toBe('{}');
  });
});

describe('a pair', () => {
  it('has the public key that libzmq knows of the secret one', () => {
    expect(pairOf(new SecretKey(parseKey('x', SECRET_Z85))).publicKey.toString('hex')).toBe(PUBLIC_HEX);
    const { publicKey, secretKey } = curveKeyPair();
    expect(formatKey(pairOf(new SecretKey(parseKey('x', secretKey))).publicKey)).toBe(publicKey);
  });

  it('is a new one each time it is made', () => {
    const pair = makeKeyPair();
    expect(pair.publicKey).toHaveLength(32);
    expect(pair.secretKey.bytes).toHaveLength(32);
    expect(pairOf(pair.secretKey).publicKey).toEqual(pair.publicKey);
    expect(makeKeyPair().publicKey).not.toEqual(pair.publicKey);
  });
});

describe('a key file', () => {
  it('comes back as it was written', () => {
    for (let round = 0; round < 50; round += 1) {
      const pair = makeKeyPair();
      writeFileSync(path, formatKeyFile(pair, 'Keys of a forwarder'));
      const read = readKeyPair('x', path);
      expect(read.secretKey.bytes).toEqual(pair.secretKey.bytes);
      expect(read.publicKey).toEqual(pair.publicKey);
      expect(readPublicKey('x', path)).toEqual(pair.publicKey);
    }
  });

  it('may have comments, empty lines, other line ends and hex, and one of the keys only', () => {
    writeFileSync(path, `# made = by hand\r\n#\r\n\r\n  secret-key = ${SECRET_HEX}  \r\n`);
    expect(readKeyPair('x', path).publicKey.toString('hex')).toBe(PUBLIC_HEX);
    writeFileSync(path, `public-key = ${PUBLIC_Z85}`);
    expect(readPublicKey('x', path).toString('hex')).toBe(PUBLIC_HEX);
  });

  it('may have a key with ` = ` look-alikes and # in it', () => {
    const key = '=#=:='.repeat(8);
    writeFileSync(path, `public-key = ${key}`);
    expect(formatKey(readPublicKey('x', path))).toBe(key);
  });

  const source = '`security.secretKeyFile`';
  it.each([
    [
      'is empty',
      '',
      `Expected ${source} to be a key file, got '${path}', which has no line \`secret-key = …\``,
    ],
    [
      'has the secret key alone in a line',
      `# a\n${SECRET_Z85}\n`,
      `Expected line 2 of ${source} ('${path}') to be \`public-key = KEY\`, \`secret-key = KEY\` or \`# COMMENT\``,
    ],
    [
      'has a mistyped name',
      `secretkey = ${SECRET_Z85}`,
      `Expected line 1 of ${source} ('${path}') to be \`public-key = KEY\`, \`secret-key = KEY\` or \`# COMMENT\``,
    ],
    [
      'has two secret keys',
      `secret-key = ${SECRET_Z85}\nsecret-key = ${SECRET_HEX}`,
      `Expected line 2 of ${source} ('${path}') to be the only \`secret-key\`, there is another before it`,
    ],
    [
      'has a broken key',
      `secret-key = ${SECRET_Z85.slice(2)}`,
      `Expected \`secret-key\` in line 1 of ${source} ('${path}') to be a key of 40 Z85 characters or 64 hex digits, ` +
        'got 38 characters',
    ],
    [
      "has somebody else's public key",
      `public-key = ${formatKey(makeKeyPair().publicKey)}\nsecret-key = ${SECRET_Z85}`,
      `Expected ${source} to be a key file, got '${path}', which has a public key that does not belong to its secret key`,
    ],
  ])('that %s is refused, without being shown', (_what, text, expected) => {
    writeFileSync(path, text);
    const message = complaint(() => readKeyPair(source, path));
    expect(message).toBe(expected);
    expect(shows(message, SECRET_Z85)).toBe(false);
  });

  it('that cannot be read is refused with the reason', () => {
    expect(complaint(() => readKeyPair(source, join(folder, 'none')))).toBe(
      `Expected ${source} to be a key file, got '${folder}/none', which cannot be read (ENOENT)`,
    );
    expect(complaint(() => readKeyPair(source, folder))).toContain('cannot be read (EISDIR)');
    expect(complaint(() => readKeyPair(source, 7))).toBe(
      `Expected ${source} to be the path of a key file, got a number`,
    );
    expect(complaint(() => readKeyPair(source, SECRET_Z85))).toBe(
      `Expected ${source} to be the path of a key file, got a key itself`,
    );
  });
});
