/** Somebody who does not belong: a process that attacks a forwarder until it is told to end. */
import { fileURLToPath } from 'node:url';
import { parseEndpoint } from '../../src/address.js';
import type { Ports, Tally } from './assailant.js';
import type { AttackName, Parameters } from './attacks.js';
import type { Addresses } from './fault-cluster.js';
import { spawnNode, type TestProcess } from './process.js';

const PROGRAM = fileURLToPath(new URL('./attacker-program.ts', import.meta.url));

export type Attack = { [Name in AttackName]: { name: Name; parameters: Parameters<Name> } }[AttackName];

export class Attacker implements AsyncDisposable {
  readonly #process: TestProcess;

  private constructor(process: TestProcess) {
    this.#process = process;
  }

  static async start({ xsubAddress, xpubAddress }: Addresses): Promise<Attacker> {
    const ports: Ports = { xsub: portOf(xsubAddress), xpub: portOf(xpubAddress) };
    const process = spawnNode(PROGRAM, {
      args: [JSON.stringify(ports)],
      execArgv: ['--import', 'tsx'],
      ipc: true,
    });
    const attacker = new Attacker(process);
    await attacker.#answer();
    return attacker;
  }

  /** Resolves when all of it is in place. */
  async begin(...attacks: readonly Attack[]): Promise<void> {
    this.#process.child.send({ attacks });
    await this.#answer();
  }

  /** Every connection is closed when it resolves. */
  async end(): Promise<Tally> {
    this.#process.child.send({});
    const tally = await this.#answer<Tally>();
    await this.#process.exit;
    return tally;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }

  #answer<Answer>(): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#process.child.once('message', (answer) => resolve(answer as Answer));
      void this.#process.exit.then(() =>
        reject(new Error(`the attacker ended; it printed:\n${this.#process.output}`)),
      );
    });
  }
}

function portOf(address: string): number {
  const endpoint = parseEndpoint(address);
  if (typeof endpoint === 'string' || endpoint.protocol !== 'tcp') throw new Error(`${address} has no port`);
  return endpoint.port;
}
