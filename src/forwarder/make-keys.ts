/** Makes the key file of a forwarder or of a client: nobody but its owner can read it from its first moment on. */
import { closeSync, fsyncSync, openSync, unlinkSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { formatKey, formatKeyFile, makeKeyPair } from '../keys.js';
import { formatAuthorizedKey, type Rights } from './access/authorized-keys.js';
import { codeOf } from './bind.js';

/** Whose keys to make. */
export type KeyOwner =
  | { readonly kind: 'forwarder' }
  | { readonly kind: 'client'; readonly name: string; readonly rights: Rights };

export interface MadeKeys {
  /** What others need to know: the forwarder's public key, or the client's line in the file of authorized keys. */
  readonly result: string;
  /** What to do next, for a person. */
  readonly advice: string;
}

const SERVER_FILE = 'demitter-server.key';

/** @param out The file to make. @default the owner's name and `.key`, in the working directory */
export function makeKeys(owner: KeyOwner, out: string | undefined): MadeKeys {
  const keys = makeKeyPair();
  if (owner.kind === 'forwarder') {
    const path = writeNew(out ?? SERVER_FILE, formatKeyFile(keys, "a Demitter forwarder's keys"));
    return {
      result: formatKey(keys.publicKey),
      advice: `wrote ${path}: secret, it stays with the forwarder (--secret-key-file). Above is its public key: give it to every client, as DEMITTER_SERVER_KEY or \`security.serverKey\``,
    };
  }
  const { name, rights } = owner;
  const path = writeNew(out ?? `${name}.key`, formatKeyFile(keys, `keys of the Demitter client ${name}`));
  return {
    result: formatAuthorizedKey(name, keys.publicKey, rights),
    advice: `wrote ${path}: secret, it goes to ${name} only (DEMITTER_SECRET_KEY_FILE). Above is its line for the forwarder's file of authorized keys`,
  };
}

/** The mode is the file's from its creation on: set afterwards, others may have opened it already. */
function writeNew(out: string, text: string): string {
  const path = resolve(out);
  const file = openNew(path);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } catch (error) {
    unlinkSync(path);
    throw error;
  } finally {
    closeSync(file);
  }
  return path;
}

function openNew(path: string): number {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    throw new Error(
      `${path} is there already, and keys are never overwritten: choose another file with --out`,
      {
        cause: error,
      },
    );
  }
}
