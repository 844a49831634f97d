/** A client of libzmq's own in a process of its own: what it is allowed to do, an emitter is not asked about. */
import { fileURLToPath } from 'node:url';
import { formatKey, type KeyPair } from '../../src/keys.js';
import type { NetworkNamespace } from './network-namespace.js';
import { spawnNode, type TestProcess } from './process.js';

const PROGRAM = fileURLToPath(new URL('libzmq-peer-program.mjs', import.meta.url));

interface Addresses {
  readonly xsubAddress: string;
  readonly xpubAddress: string;
}

/** Its own pair, and the public key of the forwarder. */
export interface PeerKeys {
  readonly own: KeyPair;
  readonly serverKey: Uint8Array;
}

export class LibzmqPeer implements AsyncDisposable {
  readonly #process: TestProcess;

  /** Without `keys`, it uses the mechanism NULL; without a `namespace`, it is on this machine. */
  constructor({ xsubAddress, xpubAddress }: Addresses, keys?: PeerKeys, namespace?: NetworkNamespace) {
    this.#process = namespace === undefined ? spawnNode(PROGRAM) : namespace.spawn(process.execPath, PROGRAM);
    const security = keys && {
      curveServerKey: formatKey(keys.serverKey),
      curvePublicKey: formatKey(keys.own.publicKey),
      curveSecretKey: formatKey(keys.own.secretKey.bytes),
    };
    this.#write({ xsubAddress: dialable(xsubAddress), xpubAddress: dialable(xpubAddress), security });
  }

  /** Resolves when libzmq says so of its connection to that side; each time is handed out once. */
  async became(
    what: 'handshake' | 'refused 400' | 'disconnect',
    ...sides: ('xsub' | 'xpub')[]
  ): Promise<void> {
    for (const side of sides) await this.#process.line(new RegExp(`^${side} ${what}$`));
  }

  publish(text: string): void {
    this.#write(text);
  }

  /** Resolves when `text` arrives. */
  async got(text: string): Promise<void> {
    await this.#process.line(new RegExp(`^got ${text}$`));
  }

  /** Everything it printed so far. */
  get output(): string {
    return this.#process.output;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process[Symbol.asyncDispose]();
  }

  #write(command: unknown): void {
    this.#process.child.stdin?.write(`${JSON.stringify(command)}\n`);
  }
}

function dialable(address: string): string {
  return address.replace('0.0.0.0', '127.0.0.1');
}
