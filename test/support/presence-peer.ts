/** A child process with emitters of the built package that take part in presence, and its journal. */
import { fileURLToPath } from 'node:url';
import type { DistributedEmitterOptions } from '../../src/options.js';
import { spawnNode, type TestProcess } from './process.js';

export interface Entry {
  readonly what: 'join' | 'leave' | 'error';
  /** Who joined or left. */
  readonly id?: string;
  readonly reason?: string;
  readonly code?: string;
  /** Which emitter was told. */
  readonly by: string;
}

interface Reply {
  readonly id?: number;
  readonly result?: unknown;
  readonly failure?: string;
}

export class PresencePeer implements AsyncDisposable {
  readonly process: TestProcess;
  readonly #calls = new Map<number, PromiseWithResolvers>();
  #nextId = 1;

  static async start(): Promise<PresencePeer> {
    const peer = new PresencePeer();
    await new Promise((resolve, reject) => {
      peer.process.child.once('message', resolve);
      void peer.process.exit.then(() => reject(new Error(`it ended; it printed:\n${peer.process.output}`)));
    });
    peer.process.child.on('message', (reply) => peer.#take(reply as Reply));
    return peer;
  }

  private constructor() {
    const program = fileURLToPath(new URL('./presence-program.mjs', import.meta.url));
    this.process = spawnNode(program, { ipc: true });
    void this.process.exit.then(() => {
      for (const call of this.#calls.values()) call.reject(new Error(`it ended:\n${this.process.output}`));
    });
  }

  /** Connects an emitter for each of `options`, and resolves with their ids. */
  create(options: readonly DistributedEmitterOptions[], { watches = false } = {}): Promise<string[]> {
    return this.#call('create', options, watches) as Promise<string[]>;
  }

  /** Of each emitter, in the order in which they were made, the ids that it sees. */
  peers(): Promise<string[][]> {
    return this.#call('peers') as Promise<string[][]>;
  }

  journal(): Promise<Entry[]> {
    return this.#call('journal') as Promise<Entry[]>;
  }

  /** Keeps the event loop busy; resolves when it is free again. */
  block(ms: number): Promise<unknown> {
    return this.#call('block', ms);
  }

  close(): Promise<unknown> {
    return this.#call('close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill('SIGCONT');
    await this.process[Symbol.asyncDispose]();
  }

  #call(command: string, ...args: unknown[]): Promise<unknown> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.process.child.send({ id, command, args });
    });
  }

  #take({ id, result, failure }: Reply): void {
    const call = this.#calls.get(id ?? 0);
    this.#calls.delete(id ?? 0);
    if (failure === undefined) call?.resolve(result);
    else call?.reject(new Error(failure));
  }
}

interface PromiseWithResolvers {
  resolve(value: unknown): void;
  reject(error: Error): void;
}
