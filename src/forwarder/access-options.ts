/** The options that say who may connect, and their environment: checked, with the files they name. */
import { resolve } from 'node:path';
import { show } from '../checks.js';
import { parseKey } from '../keys.js';
import { readAuthorizedKeys } from './access/authorized-keys.js';
import { checkNetwork } from './access/networks.js';
import { readServerKeys } from './access/secret-key.js';
import type { Environment, NameOf } from './option-source.js';
import type { AccessSettings, KeyFiles, NamedFile } from './settings.js';

/** Who may connect: options of {@link createForwarder}. */
export interface AccessOptions {
  /**
   * The file of the forwarder's own key pair, made by `demitter-forwarder keys`. With it, everything is encrypted, and
   * only who has one of the `authorizedKeysFile`'s keys may connect. Only its owner may be able to read it.
   * @default `DEMITTER_FORWARDER_KEY_FILE` of the environment, or no keys
   */
  readonly secretKeyFile?: string | undefined;
  /**
   * The file of the clients that may connect: name, public key and rights (`publish`, `subscribe` or `both`) in each
   * line. Read again when it changes; who is not in it any more is cut off. Has to be given with `secretKeyFile`.
   * @default `DEMITTER_AUTHORIZED_KEYS` of the environment
   */
  readonly authorizedKeysFile?: string | undefined;
  /**
   * Without keys, lets everybody connect who can reach the ports, not only this machine: on a network where everybody
   * may read and emit every event. Beside keys or `allow` it has no effect.
   * @default `DEMITTER_UNPROTECTED` of the environment (1 or 0), or false
   */
  readonly unprotected?: boolean | undefined;
  /**
   * Networks (`10.0.0.0/8`, `fd00::/8`) and addresses that may connect, besides this machine, which always may. With
   * keys, both must hold.
   * @default `DEMITTER_ALLOW` of the environment, separated by commas; or without keys none, with keys all
   */
  readonly allow?: readonly string[] | undefined;
}

const VARIABLES = {
  secretKeyFile: 'DEMITTER_FORWARDER_KEY_FILE',
  authorizedKeysFile: 'DEMITTER_AUTHORIZED_KEYS',
  unprotected: 'DEMITTER_UNPROTECTED',
  allow: 'DEMITTER_ALLOW',
} as const;

const TRUE: readonly string[] = ['1', 'true'];
const FALSE: readonly string[] = ['0', 'false', ''];

/** @throws TypeError for what is wrong, in a file as well. */
export function resolveAccess(
  options: AccessOptions,
  environment: Environment,
  nameOf: NameOf,
): AccessSettings {
  const keys = resolveKeys(options, environment, nameOf);
  const allow = resolveNetworks(options, environment, nameOf);
  const isUnprotected = resolveUnprotected(options, environment, nameOf);
  // With keys, who has one may be anywhere. Networks that are named hold in any case.
  if (allow.length > 0) return { keys, from: allow };
  return { keys, from: isUnprotected || keys !== undefined ? 'anywhere' : [] };
}

/** The forwarder's own key file, if there is one, as its options and the environment name it. */
export function resolveSecretKeyFile(
  options: AccessOptions,
  environment: Environment,
  nameOf: NameOf,
): NamedFile | undefined {
  return resolveFile('secretKeyFile', options, environment, nameOf);
}

function resolveKeys(options: AccessOptions, environment: Environment, nameOf: NameOf): KeyFiles | undefined {
  const secretKey = resolveSecretKeyFile(options, environment, nameOf);
  const authorizedKeys = resolveFile('authorizedKeysFile', options, environment, nameOf);
  if (secretKey === undefined && authorizedKeys === undefined) return undefined;
  if (secretKey === undefined) throw incomplete('secretKeyFile', authorizedKeys, nameOf);
  if (authorizedKeys === undefined) throw incomplete('authorizedKeysFile', secretKey, nameOf);
  readServerKeys(secretKey);
  readAuthorizedKeys(authorizedKeys);
  return { secretKey, authorizedKeys };
}

/** A key alone would let in everybody who knows the public one, or nobody: neither is guessed. */
function incomplete(
  missing: 'secretKeyFile' | 'authorizedKeysFile',
  given: NamedFile | undefined,
  nameOf: NameOf,
): TypeError {
  const what = {
    secretKeyFile: "the forwarder's own keys",
    authorizedKeysFile: 'the clients that may connect',
  };
  return new TypeError(
    `Expected ${nameOf(missing)} (${VARIABLES[missing]}), the file of ${what[missing]}, beside ${given?.source}`,
  );
}

function resolveFile(
  option: 'secretKeyFile' | 'authorizedKeysFile',
  options: AccessOptions,
  environment: Environment,
  nameOf: NameOf,
): NamedFile | undefined {
  const given: unknown = options[option];
  const path = given ?? (environment[VARIABLES[option]] || undefined);
  if (path === undefined) return undefined;
  const source = given === undefined ? `environment variable ${VARIABLES[option]}` : nameOf(option);
  // Not shown: it may be the secret one.
  if (isKey(path)) throw new TypeError(`Expected ${source} to be the path of a file, got a key itself`);
  if (typeof path !== 'string' || path === '')
    throw new TypeError(`Expected ${source} to be the path of a file`);
  return { path: resolve(path), source };
}

function isKey(value: unknown): boolean {
  try {
    parseKey('', value);
    return true;
  } catch {
    return false;
  }
}

function resolveNetworks(
  options: AccessOptions,
  environment: Environment,
  nameOf: NameOf,
): readonly string[] {
  const { allow } = options;
  const source = allow === undefined ? `environment variable ${VARIABLES.allow}` : nameOf('allow');
  const networks: unknown = allow ?? environment[VARIABLES.allow]?.split(',').map((text) => text.trim());
  if (networks === undefined) return [];
  if (!Array.isArray(networks)) {
    throw new TypeError(`Expected ${source} to be an array of networks, got ${show(networks)}`);
  }
  return networks.filter((network) => network !== '').map((network) => checkNetwork(source, network));
}

function resolveUnprotected(options: AccessOptions, environment: Environment, nameOf: NameOf): boolean {
  const { unprotected } = options;
  if (typeof unprotected === 'boolean') return unprotected;
  if (unprotected !== undefined) {
    throw new TypeError(`Expected ${nameOf('unprotected')} to be a boolean, got ${show(unprotected)}`);
  }
  const text = environment[VARIABLES.unprotected] ?? '';
  if (TRUE.includes(text)) return true;
  if (FALSE.includes(text)) return false;
  throw new TypeError(
    `Expected environment variable ${VARIABLES.unprotected} to be 1 or 0, got ${show(text)}`,
  );
}
