/**
 * The file of those who belong: a client in each line, with its name, its public key and what it may do.
 *
 *     # name     public key                                 publish, subscribe or both
 *     billing    Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID   both
 *     sensor-7   rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7   publish
 *
 * Rights have no default, so that a line which is cut off is a mistake and never a greater right. Only a `#` that begins
 * a line begins a comment: keys contain it. What stands where a key should is not shown: it may be a secret one.
 */
import { readFileSync } from 'node:fs';
import { show } from '../../checks.js';
import { formatKey, parseKey } from '../../keys.js';
import type { NamedFile, Side } from '../settings.js';

export type Rights = 'publish' | 'subscribe' | 'both';

export const RIGHTS: readonly Rights[] = ['publish', 'subscribe', 'both'];

export interface AuthorizedKey {
  readonly name: string;
  readonly rights: Rights;
}

/** Clients by their public key in Z85. */
export type AuthorizedKeys = ReadonlyMap<string, AuthorizedKey>;

/** Shorter than any key: what is longer is not shown. */
const MAX_NAME_LENGTH = 32;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.:@+-]*$/;
const NAME_FORM = `a name of up to ${MAX_NAME_LENGTH} letters, digits and _.:@+-, beginning with a letter or digit`;
const LINE_FORM = '`NAME PUBLIC-KEY RIGHTS`';

/** The side that a right opens. */
export function opens(rights: Rights, side: Side): boolean {
  return rights === 'both' || rights === (side === 'xsub' ? 'publish' : 'subscribe');
}

/** @throws TypeError if the file cannot be read, or for the first line that is wrong. */
export function readAuthorizedKeys(file: NamedFile): AuthorizedKeys {
  const { source, path } = file;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new TypeError(
      `Expected ${source} to be a file of authorized keys, got ${show(path)}, which cannot be read (${code})`,
      { cause },
    );
  }
  return parseAuthorizedKeys(`${source} (${show(path)})`, text);
}

/** @throws TypeError for the first line that is wrong: which one of `source`, what was expected and what was given. */
export function parseAuthorizedKeys(source: string, text: string): AuthorizedKeys {
  const keys = new Map<string, AuthorizedKey>();
  const lineOf = new Map<string, number>();
  for (const [index, line] of text.split('\n').entries()) {
    const content = line.trim();
    if (content === '' || content.startsWith('#')) continue;
    const where = `line ${index + 1} of ${source}`;
    const { key, ...client } = parseLine(where, content);
    for (const taken of [`name ${show(client.name)}`, key]) {
      const before = lineOf.get(taken);
      const what = taken === key ? 'key' : taken;
      if (before !== undefined)
        throw new TypeError(`Expected ${where} to have a ${what} of its own, got that of line ${before}`);
      lineOf.set(taken, index + 1);
    }
    keys.set(key, client);
  }
  return keys;
}

/** A client's line in the file. */
export function formatAuthorizedKey(name: string, publicKey: Uint8Array, rights: Rights): string {
  return `${name} ${formatKey(publicKey)} ${rights}`;
}

/** @throws TypeError for what cannot be a client's name. */
export function checkClientName(source: string, name: string): string {
  if (NAME.test(name) && name.length <= MAX_NAME_LENGTH) return name;
  throw new TypeError(`Expected ${source} to be ${NAME_FORM}, got ${shown(name)}`);
}

/** @throws TypeError for what is no right. */
export function checkRights(source: string, value: string): Rights {
  const rights = RIGHTS.find((known) => known === value);
  if (rights !== undefined) return rights;
  throw new TypeError(`Expected ${source} to be ${RIGHTS.join(', ')}, got ${shown(value)}`);
}

function parseLine(where: string, content: string): AuthorizedKey & { readonly key: string } {
  const fields = content.split(/\s+/);
  const [name = '', key = '', rights = ''] = fields;
  if (key === '=')
    throw new TypeError(
      `Expected ${where} to be ${LINE_FORM}, got a line of a key file: is it the wrong file?`,
    );
  if (fields.length !== 3)
    throw new TypeError(`Expected ${where} to be ${LINE_FORM}, got ${fields.length} words`);
  return {
    name: checkClientName(`the name in ${where}`, name),
    key: formatKey(parseKey(`the public key in ${where}`, key)),
    rights: checkRights(`the rights in ${where}`, rights),
  };
}

/** Words may have been swapped: what is as long as a key is not shown. */
function shown(word: string): string {
  return word.length > MAX_NAME_LENGTH ? `${word.length} characters` : show(word);
}
