/** A standalone forwarder with keys, and the folder with its files: its log can be waited for, its keys changed. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatAuthorizedKey, type Rights } from '../../src/forwarder/access/authorized-keys.js';
import { formatKeyFile, type KeyPair, makeKeyPair } from '../../src/keys.js';
import type { PeerKeys } from './libzmq-peer.js';
import { DIST, spawnNode, type TestProcess } from './process.js';

const STARTED = /forwarder started: XSUB (\S+), XPUB ([^\s"]+)/;

/** A folder of temporary files, removed in the end. */
export class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'demitter-keys-'));

  file(name: string): string {
    return join(this.path, name);
  }

  /** As editors and deployments do it: the file is whole at every moment. */
  replace(name: string, text: string, mode = 0o600): string {
    const path = this.file(name);
    writeFileSync(`${path}.new`, text, { mode });
    renameSync(`${path}.new`, path);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A client with a name and a key. */
export interface NamedClient {
  readonly name: string;
  readonly keys: KeyPair;
}

export function makeClient(name: string): NamedClient {
  return { name, keys: makeKeyPair() };
}

/** The text of a file of authorized keys. */
export function authorize(rights: Iterable<readonly [NamedClient, Rights]>): string {
  return [...rights]
    .map(([{ name, keys }, right]) => `${formatAuthorizedKey(name, keys.publicKey, right)}\n`)
    .join('');
}

export class KeyedForwarder implements AsyncDisposable {
  readonly folder = new Folder();
  readonly server = makeKeyPair();
  readonly process: TestProcess;
  xsubAddress = '';
  xpubAddress = '';

  private constructor(rights: Iterable<readonly [NamedClient, Rights]>, args: readonly string[]) {
    this.process = spawnNode(join(DIST, 'cli.js'), {
      args: [
        ...['--xsub-address', 'tcp://127.0.0.1:0', '--xpub-address', 'tcp://127.0.0.1:0'],
        ...['--secret-key-file', this.folder.replace('server.key', formatKeyFile(this.server, 'a server'))],
        ...['--authorized-keys', this.folder.replace('authorized', authorize(rights))],
        ...args,
      ],
    });
  }

  static async start(
    rights: Iterable<readonly [NamedClient, Rights]>,
    args: readonly string[] = [],
  ): Promise<KeyedForwarder> {
    const forwarder = new KeyedForwarder(rights, args);
    const [, xsub = '', xpub = ''] = await forwarder.process.line(STARTED);
    forwarder.xsubAddress = xsub;
    forwarder.xpubAddress = xpub;
    return forwarder;
  }

  /** From here on, these are all the rights that there are. */
  grant(rights: Iterable<readonly [NamedClient, Rights]>): void {
    this.folder.replace('authorized', authorize(rights));
  }

  /** What a client needs. */
  keysOf({ keys }: NamedClient): PeerKeys {
    return { own: keys, serverKey: this.server.publicKey };
  }

  /** The first line of the log that matches and was not handed out before. */
  async logged(pattern: RegExp): Promise<string> {
    return (await this.process.line(pattern)).input;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}
