/** A forwarder with keys, made of libzmq's own parts in a process of its own: an independent peer that can be killed. */
import { fileURLToPath } from 'node:url';
import { formatKey, type KeyPair } from '../../src/keys.js';
import { SERVER } from './curve.js';
import { ForwarderProcess } from './forwarder-process.js';
import { spawnNode, type TestProcess } from './process.js';

const PROGRAM = fileURLToPath(new URL('curve-forwarder-program.mjs', import.meta.url));

/** By public key. Instead of rights, a status that ZAP answers with. */
export type Rights = ReadonlyMap<KeyPair | 'anybody' | 'others', string>;

export class CurveForwarder implements AsyncDisposable {
  readonly addresses: { readonly xsubAddress: string; readonly xpubAddress: string };
  /** `undefined` for a forwarder without keys. */
  readonly #keys: KeyPair | undefined;
  #process: TestProcess | undefined;

  private constructor(
    addresses: { readonly xsubAddress: string; readonly xpubAddress: string },
    keys: KeyPair | undefined,
  ) {
    this.addresses = addresses;
    this.#keys = keys;
  }

  static async start(rights: Rights, keys: KeyPair | 'none' = SERVER): Promise<CurveForwarder> {
    const { addresses } = await ForwarderProcess.reserve();
    const forwarder = new CurveForwarder(addresses, keys === 'none' ? undefined : keys);
    await forwarder.start(rights);
    return forwarder;
  }

  async start(rights: Rights): Promise<void> {
    const { xsubAddress, xpubAddress } = this.addresses;
    this.#process = spawnNode(PROGRAM, { args: [xsubAddress, xpubAddress] });
    await this.grant(rights);
  }

  /** From here on, these are all the rights that there are. Who is connected stays connected. */
  async grant(rights: Rights): Promise<void> {
    const byKey = [...rights].map(([who, right]) => [
      typeof who === 'string' ? who : formatKey(who.publicKey),
      right,
    ]);
    const secretKey = this.#keys === undefined ? null : formatKey(this.#keys.secretKey.bytes);
    const program = this.#process as TestProcess;
    program.child.stdin?.write(`${JSON.stringify({ secretKey, rights: Object.fromEntries(byKey) })}\n`);
    await program.line(/obeyed/);
  }

  /** What ZAP has answered so far: `subscribe 400`. */
  get answers(): readonly string[] {
    const lines = this.#process?.stdout ?? [];
    return lines.flatMap((line) => /^answered (.*)$/.exec(line)?.[1] ?? []);
  }

  async kill(): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
