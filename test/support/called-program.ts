/** A child process of a program in this folder that obeys calls and answers each of them. */
import { fileURLToPath } from 'node:url';
import { spawnNode, type TestProcess } from './process.js';

interface Reply {
  readonly id?: number;
  readonly result?: unknown;
  readonly failure?: string;
}

export class CalledProgram implements AsyncDisposable {
  readonly process: TestProcess;
  readonly #calls = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
  #nextId = 1;

  protected constructor(file: string) {
    this.process = spawnNode(fileURLToPath(new URL(file, import.meta.url)), { ipc: true });
    void this.process.exit.then(() => {
      for (const call of this.#calls.values()) call.reject(new Error(`it ended:\n${this.process.output}`));
    });
  }

  /** Resolves when the program has sent its first message, which says that it listens. */
  protected async listening(): Promise<this> {
    const { child, exit } = this.process;
    await new Promise((resolve, reject) => {
      child.once('message', resolve);
      void exit.then(() => reject(new Error(`it ended; it printed:\n${this.process.output}`)));
    });
    child.on('message', (reply) => this.#take(reply as Reply));
    return this;
  }

  call<Result>(command: string, ...args: unknown[]): Promise<Result> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.process.child.send({ id, command, args }, (error) => {
        if (error) reject(error);
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }

  #take({ id, result, failure }: Reply): void {
    const call = this.#calls.get(id ?? 0);
    this.#calls.delete(id ?? 0);
    if (failure === undefined) call?.resolve(result as never);
    else call?.reject(new Error(failure));
  }
}
