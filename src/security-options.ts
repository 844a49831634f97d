/**
 * The option `security`: an emitter's keys, from the option or the environment, read and checked once.
 *
 * Of the two that are needed, the forwarder's public key and the emitter's own secret one, each is taken from the option
 * if that has it, or else from the environment. No message shows any part of a key.
 */
import { checkKeys, show } from './checks.js';
import {
  type ClientKeys,
  type KeyPair,
  pairOf,
  parseKey,
  readKeyPair,
  readPublicKey,
  SecretKey,
} from './keys.js';

/** Keys are 40 characters of Z85 or 64 hex digits; key files are those of `demitter-forwarder keys`. */
export interface SecurityOptions {
  /** The forwarder's public key. @default `serverKeyFile`, or environment `DEMITTER_SERVER_KEY` */
  readonly serverKey?: string | undefined;
  /** A key file with the forwarder's public key. What else is in it is not used. */
  readonly serverKeyFile?: string | undefined;
  /**
   * This emitter's secret key.
   * @default `secretKeyFile`, or environment `DEMITTER_SECRET_KEY` or `DEMITTER_SECRET_KEY_FILE`
   */
  readonly secretKey?: string | undefined;
  /** A key file with this emitter's secret key. */
  readonly secretKeyFile?: string | undefined;
  /** The public key that belongs to the secret one: it follows from that, and is only checked. */
  readonly publicKey?: string | undefined;
}

const KNOWN: readonly (keyof SecurityOptions)[] = [
  'serverKey',
  'serverKeyFile',
  'secretKey',
  'secretKeyFile',
  'publicKey',
];

type Environment = Readonly<Record<string, string | undefined>>;

/** What has to be true of an emitter with keys. */
interface Use {
  readonly transport: unknown;
  readonly forwarder: 'auto' | 'external';
}

/** Something that was given, and who said so, for messages. */
interface Given {
  readonly name: string;
  readonly value: unknown;
  readonly isFile: boolean;
}

/**
 * The keys to use, or `undefined` for none.
 *
 * @throws TypeError if one of the two is missing, given twice, or no key, or if they are of no use.
 */
export function resolveSecurity(
  security: unknown,
  environment: Environment,
  { transport, forwarder }: Use,
): ClientKeys | undefined {
  if (security !== undefined) checkSecurity(security, transport);
  // Any other transport is no business of the forwarder's environment.
  else if (transport !== 'zmtp') return undefined;
  const options = (security ?? {}) as SecurityOptions;
  const server =
    onlyOne(options, 'security.', ['serverKey', 'serverKeyFile']) ??
    onlyOne(environment, '', ['DEMITTER_SERVER_KEY']);
  const own =
    onlyOne(options, 'security.', ['secretKey', 'secretKeyFile']) ??
    onlyOne(environment, '', ['DEMITTER_SECRET_KEY', 'DEMITTER_SECRET_KEY_FILE']);
  if (security === undefined && server === undefined && own === undefined) return undefined;
  if (server === undefined)
    throw new TypeError(
      `Expected \`security.serverKey\`, \`security.serverKeyFile\` or DEMITTER_SERVER_KEY with ${own?.name ?? '`security`'}: ` +
        "the forwarder's public key, got none",
    );
  if (own === undefined)
    throw new TypeError(
      'Expected `security.secretKey`, `security.secretKeyFile`, DEMITTER_SECRET_KEY or DEMITTER_SECRET_KEY_FILE with ' +
        `${server.name}: this emitter's own key, got none`,
    );
  if (forwarder === 'auto')
    throw new TypeError(
      `Expected \`forwarder\` to be 'external' with ${server.name}, got 'auto': such a forwarder has no keys`,
    );
  const pair = readPair(own, options.publicKey);
  const serverKey = server.isFile
    ? readPublicKey(server.name, server.value)
    : parseKey(server.name, server.value);
  if (serverKey.equals(pair.publicKey))
    throw new TypeError(
      `Expected ${server.name} to be the forwarder's public key, got the one that belongs to ${own.name}`,
    );
  return Object.freeze({ ...pair, serverKey });
}

function checkSecurity(security: unknown, transport: unknown): void {
  if (typeof security !== 'object' || security === null)
    throw new TypeError(
      `Expected \`security\` to be an object with ${KNOWN.join(', ')}, got ${typeof security === 'string' ? 'a string' : show(security)}`,
    );
  checkKeys(security, KNOWN, 'security.');
  if (transport !== 'zmtp')
    throw new TypeError(
      `Expected \`transport\` to be 'zmtp' with \`security\`, got ${show(transport)}, which takes no keys`,
    );
}

/** What `from` has under one of `names`. An empty environment variable is none. */
function onlyOne<Name extends string>(
  from: Readonly<Partial<Record<Name, unknown>>>,
  prefix: 'security.' | '',
  names: readonly Name[],
): Given | undefined {
  const describe = (name: string): string =>
    prefix === '' ? `environment variable ${name}` : `\`${prefix}${name}\``;
  const [name, second] = names.filter((name) =>
    prefix === '' ? Boolean(from[name]) : from[name] !== undefined,
  );
  if (name === undefined) return undefined;
  if (second !== undefined)
    throw new TypeError(`Expected one of ${describe(name)} and ${describe(second)}, got both`);
  return { name: describe(name), value: from[name], isFile: /file$/i.test(name) };
}

function readPair(own: Given, publicKey: unknown): KeyPair {
  const pair = own.isFile
    ? readKeyPair(own.name, own.value)
    : pairOf(new SecretKey(parseKey(own.name, own.value)));
  if (publicKey !== undefined && !parseKey('`security.publicKey`', publicKey).equals(pair.publicKey))
    throw new TypeError(
      `Expected \`security.publicKey\` to belong to ${own.name}, got the public key of another one`,
    );
  return pair;
}
