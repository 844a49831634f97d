/**
 * Another machine, as far as the network can tell: a network namespace of Linux, joined to this one by a virtual cable.
 * It takes root.
 */
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { spawnProgram, type TestProcess } from './process.js';

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

export class NetworkNamespace implements Disposable {
  readonly #name: string;
  /** This machine's end of the cable, and the other's: of the network for benchmarks, RFC 2544. */
  readonly here: string;
  readonly there: string;

  constructor() {
    const id = randomInt(1, 0x3fff);
    this.#name = `demitter${id}`;
    const network = `198.${18 + (id >> 13)}.${(id >> 5) & 0xff}`;
    const host = (id & 0x1f) * 4;
    this.here = `${network}.${host + 1}`;
    this.there = `${network}.${host + 2}`;
    ip('netns', 'add', this.#name);
    try {
      const [near, far] = [`dm${id}a`, `dm${id}b`];
      ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', this.#name);
      ip('address', 'add', `${this.here}/30`, 'dev', near);
      ip('link', 'set', near, 'up');
      ip('-n', this.#name, 'address', 'add', `${this.there}/30`, 'dev', far);
      ip('-n', this.#name, 'link', 'set', far, 'up');
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Whether this user and this system can have one. */
  static isPossible(): boolean {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
    try {
      using _namespace = new NetworkNamespace();
      return true;
    } catch {
      return false;
    }
  }

  /** Runs a program there. */
  spawn(...command: readonly string[]): TestProcess {
    return spawnProgram('ip', { args: ['netns', 'exec', this.#name, ...command] });
  }

  /** Takes both ends of the cable along. */
  [Symbol.dispose](): void {
    ip('netns', 'delete', this.#name);
  }
}
