/**
 * The benchmark's child processes, seen from outside: start one, call its commands over Node's channel between parent
 * and child, end it. The events that are measured never take this way.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Call, Commands, Reply } from './commands.js';

/** A command that takes longer has stalled. Those that measure state limits of their own. */
const DEFAULT_LIMIT_MS = 10_000;

/** How long a process may take to end by itself. */
const STOP_LIMIT_MS = 5000;

/** A command was not answered in time. */
export class StalledError extends Error {}

export class BenchProcess<C extends Commands> {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #lastId = 0;

  private constructor(name: string, child: ChildProcess) {
    this.#name = name;
    this.#child = child;
    child.setMaxListeners(0);
    this.#exited = new Promise((resolve) => {
      child.once('exit', () => resolve());
    });
  }

  /** Runs `bench/processes/NAME.ts`. */
  static start<C extends Commands>(
    name: string,
    args: readonly string[] = [],
    execArgv: readonly string[] = [],
  ): BenchProcess<C> {
    const file = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
    const child = fork(file, [...args], { execArgv: ['--import', 'tsx', ...execArgv] });
    return new BenchProcess<C>(name, child);
  }

  /**
   * Calls a command and resolves with its result.
   *
   * @throws StalledError after `limitMs`, Error if the process ends before it answers.
   */
  call<Name extends keyof C & string>(
    name: Name,
    argument: Parameters<C[Name]>[0],
    limitMs = DEFAULT_LIMIT_MS,
  ): Promise<Awaited<ReturnType<C[Name]>>> {
    this.#lastId += 1;
    const call: Call = { id: this.#lastId, name, argument };
    return new Promise((resolve, reject) => {
      const finish = (act: () => void): void => {
        clearTimeout(timer);
        this.#child.off('message', onMessage);
        this.#child.off('exit', onExit);
        act();
      };
      const onMessage = (message: unknown): void => {
        const { id, result } = message as Reply;
        if (id === call.id) finish(() => resolve(result as Awaited<ReturnType<C[Name]>>));
      };
      const onExit = (): void => finish(() => reject(new Error(`The ${this.#name} ended during '${name}'`)));
      const timer = setTimeout(
        () => finish(() => reject(new StalledError(`'${name}' took longer than ${limitMs} ms`))),
        limitMs,
      );
      this.#child.on('message', onMessage);
      this.#child.once('exit', onExit);
      this.#child.send(call);
    });
  }

  /** Lets it end by itself, or ends it. */
  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  /** Ends it at once, for one that has stalled. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}
