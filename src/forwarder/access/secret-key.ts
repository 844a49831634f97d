/**
 * The forwarder's own key pair, from a file that only its owner may read: whoever has the secret key can pretend to be
 * the forwarder, and read and emit everything.
 */
import { statSync } from 'node:fs';
import { show } from '../../checks.js';
import { type KeyPair, readKeyPair } from '../../keys.js';
import type { NamedFile } from '../settings.js';

const OTHERS_MAY_WRITE = 0o022;
const OTHERS_MAY_READ = 0o044;

/** @throws TypeError if the file cannot be read, is no key file with a secret key, or is open to other users. */
export function readServerKeys(file: NamedFile): KeyPair {
  const keys = readKeyPair(file.source, file.path);
  const exposure = exposureOf(file.path);
  if (exposure?.must === 'be mended')
    throw new TypeError(
      `Expected ${file.source} to be a file that only its owner can read, got ${show(file.path)}, which ${exposure.what}: run \`chmod 600\` on it`,
    );
  return keys;
}

/**
 * What to warn of, if others may read the file and this user cannot change that. Docker and Kubernetes mount secrets as
 * files of root that everybody in the container may read, and in a container of its own the forwarder is everybody.
 */
export function warnOfServerKeys({ path }: NamedFile): string | undefined {
  const exposure = exposureOf(path);
  return exposure && `the secret key in ${show(path)} is as safe as its file, which ${exposure.what}`;
}

interface Exposure {
  readonly what: string;
  readonly must: 'be mended' | 'be told';
}

function exposureOf(path: string): Exposure | undefined {
  const user = process.getuid?.();
  // Windows: its rights are not in the mode.
  if (user === undefined) return undefined;
  const { mode, uid } = statSync(path);
  const rights = `has mode ${(mode & 0o777).toString(8).padStart(4, '0')}`;
  if (mode & OTHERS_MAY_WRITE) return { what: `${rights}: others can write it`, must: 'be mended' };
  if ((mode & OTHERS_MAY_READ) === 0) return undefined;
  const what = `${rights}: others can read it`;
  return { what, must: uid === user ? 'be mended' : 'be told' };
}
