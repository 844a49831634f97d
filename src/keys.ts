/**
 * CURVE keys as people write them, and the files that hold them: for the forwarder and the emitter alike.
 *
 * A mistake is one `TypeError` that names the source (`` `security.serverKey` ``, `--secret-key-file`), what was
 * expected and what came. Nothing of what was given is ever shown, not even of what should be a public key: it may be
 * the secret one, at the wrong place.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { show } from './checks.js';

export const KEY_BYTES = 32;

const HEX_LENGTH = 64;
const Z85_LENGTH = 40;

/** ZeroMQ RFC 32: five characters of these for four bytes. */
const Z85 = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';

const KEY_FORM = `a key of ${Z85_LENGTH} Z85 characters or ${HEX_LENGTH} hex digits`;

/** A secret key that neither `util.inspect` nor `JSON.stringify` shows, wherever it is a part of. */
export class SecretKey {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }
}

export interface KeyPair {
  readonly publicKey: Buffer;
  readonly secretKey: SecretKey;
}

/** What an emitter needs: its own pair, and the forwarder's public key. */
export interface ClientKeys extends KeyPair {
  readonly serverKey: Buffer;
}

/** @throws TypeError unless `value` is a key, in Z85 or hex. */
export function parseKey(source: string, value: unknown): Buffer {
  const key = decodeKey(value);
  if (key === undefined) throw new TypeError(`Expected ${source} to be ${KEY_FORM}, got ${describe(value)}`);
  return key;
}

/** As Z85, the form in which keys are shown and written. */
export function formatKey(key: Uint8Array): string {
  const { buffer, byteOffset, length } = key;
  const view = new DataView(buffer, byteOffset, length);
  let text = '';
  for (let at = 0; at < length; at += 4) {
    const value = view.getUint32(at);
    for (let divisor = 85 ** 4; divisor >= 1; divisor /= 85) text += Z85[Math.floor(value / divisor) % 85];
  }
  return text;
}

export function makeKeyPair(): KeyPair {
  const { privateKey } = generateKeyPairSync('x25519');
  return pairOf(new SecretKey(rawPart(privateKey)));
}

/** The pair that a secret key belongs to. */
export function pairOf(secretKey: SecretKey): KeyPair {
  const encoded = Buffer.concat([PKCS8_X25519, secretKey.bytes]);
  const privateKey = createPrivateKey({ key: encoded, format: 'der', type: 'pkcs8' });
  encoded.fill(0);
  return { publicKey: rawPart(createPublicKey(privateKey)), secretKey };
}

/** A key file's text. `comment` says whose keys they are: one line. */
export function formatKeyFile({ publicKey, secretKey }: KeyPair, comment: string): string {
  return `# ${comment}\npublic-key = ${formatKey(publicKey)}\nsecret-key = ${formatKey(secretKey.bytes)}\n`;
}

/**
 * The pair in a key file: of its public key, only that it belongs to the secret one is of interest.
 *
 * @throws TypeError if the file cannot be read, or is no key file with a secret key.
 */
export function readKeyPair(source: string, path: unknown): KeyPair {
  const { publicKey, secretKey } = readKeyFile(source, path);
  if (secretKey === undefined) throw fault(source, path, 'has no line `secret-key = …`');
  const pair = pairOf(new SecretKey(secretKey));
  if (publicKey !== undefined && !pair.publicKey.equals(publicKey))
    throw fault(source, path, 'has a public key that does not belong to its secret key');
  return pair;
}

/**
 * The public key in a key file, which need not have the secret one.
 *
 * @throws TypeError if the file cannot be read, or is no key file.
 */
export function readPublicKey(source: string, path: unknown): Buffer {
  const { publicKey } = readKeyFile(source, path);
  if (publicKey === undefined) throw fault(source, path, 'has no line `public-key = …`');
  return publicKey;
}

function readKeyFile(source: string, path: unknown): { publicKey?: Buffer; secretKey?: Buffer } {
  if (typeof path !== 'string' || path === '')
    throw new TypeError(`Expected ${source} to be the path of a key file, got ${describe(path)}`);
  // It would be shown below.
  if (decodeKey(path) !== undefined)
    throw new TypeError(`Expected ${source} to be the path of a key file, got a key itself`);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw fault(source, path, `cannot be read (${(cause as NodeJS.ErrnoException).code})`, cause);
  }
  const keys = new Map<string, Buffer>();
  for (const [index, line] of text.split('\n').entries()) {
    const content = line.trim();
    if (content === '' || content === '#' || content.startsWith('# ')) continue;
    const where = `line ${index + 1} of ${source} (${show(path)})`;
    // A key may contain `=`, but no space.
    const [name = '', ...rest] = content.split(' = ');
    if (!FIELDS.includes(name) || rest.length === 0)
      throw new TypeError(
        `Expected ${where} to be \`public-key = KEY\`, \`secret-key = KEY\` or \`# COMMENT\``,
      );
    if (keys.has(name))
      throw new TypeError(`Expected ${where} to be the only \`${name}\`, there is another before it`);
    keys.set(name, parseKey(`\`${name}\` in ${where}`, rest.join(' = ')));
  }
  return { publicKey: keys.get('public-key'), secretKey: keys.get('secret-key') };
}

const FIELDS: readonly string[] = ['public-key', 'secret-key'];

/** RFC 8410: what stands before the 32 bytes of an X25519 key. Of the public key, they are the last as well. */
const PKCS8_X25519 = Buffer.from('302e020100300506032b656e04220420', 'hex');

function rawPart(key: KeyObject): Buffer {
  const encoded =
    key.type === 'private'
      ? key.export({ format: 'der', type: 'pkcs8' })
      : key.export({ format: 'der', type: 'spki' });
  const raw = Buffer.from(encoded.subarray(-KEY_BYTES));
  encoded.fill(0);
  return raw;
}

function decodeKey(value: unknown): Buffer | undefined {
  if (typeof value !== 'string') return undefined;
  if (value.length === HEX_LENGTH) return decodeHex(value);
  return value.length === Z85_LENGTH ? decodeZ85(value) : undefined;
}

function decodeHex(text: string): Buffer | undefined {
  return /^[0-9a-f]*$/i.test(text) ? Buffer.from(text, 'hex') : undefined;
}

function decodeZ85(text: string): Buffer | undefined {
  const bytes = Buffer.alloc(KEY_BYTES);
  for (let at = 0; at < text.length; at += 5) {
    let value = 0;
    for (const character of text.slice(at, at + 5)) {
      const digit = Z85.indexOf(character);
      if (digit === -1) return undefined;
      value = value * 85 + digit;
    }
    if (value > 0xffff_ffff) return undefined;
    bytes.writeUInt32BE(value, (at / 5) * 4);
  }
  return bytes;
}

function fault(source: string, path: unknown, what: string, cause?: unknown): TypeError {
  return new TypeError(`Expected ${source} to be a key file, got ${show(path)}, which ${what}`, { cause });
}

/** What is no key, without its content. */
function describe(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint') return 'a number';
  if (typeof value !== 'string') return show(value);
  if (value === '') return 'an empty string';
  if (value.length === HEX_LENGTH) return `${HEX_LENGTH} characters that are not all hex digits`;
  if (value.length === Z85_LENGTH) return `${Z85_LENGTH} characters that are no Z85`;
  return `${value.length} characters`;
}
