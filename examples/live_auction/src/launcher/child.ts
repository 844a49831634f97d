/** A part as a child process: started, killed and started again, and never left behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Role } from '../protocol.js';
import type { ToLauncher, ToPart } from './messages.js';

/** How long a process may take to end when it is told to. */
const STOP_LIMIT_MS = 4000;

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));

export interface ChildOptions {
  readonly role: Role;
  readonly name: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** It draws on this terminal, and reads its keys; others are in process groups of their own, which Ctrl-C does not reach. */
  readonly hasTerminal?: boolean;
  onMessage(message: ToLauncher, child: Child): void;
  /** It ended although nobody told it to. `how`: `code 1`, `SIGKILL` … */
  onLost(how: string, child: Child): void;
}

export class Child {
  readonly #options: ChildOptions;
  #process: ChildProcess;
  #ended: Promise<string>;
  #ready: Promise<void>;
  #isExpectedToEnd = false;
  #isStopped = false;

  constructor(options: ChildOptions) {
    this.#options = options;
    [this.#process, this.#ended, this.#ready] = this.#start();
  }

  get name(): string {
    return this.#options.name;
  }

  get role(): Role {
    return this.#options.role;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Resolves when it says so. */
  ready(): Promise<void> {
    return this.#ready;
  }

  send(message: ToPart): void {
    if (this.#process.connected) this.#process.send(message);
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#isExpectedToEnd = true;
    this.#process.kill('SIGKILL');
    await this.#ended;
  }

  /** Resolves when it is ready. Who was told to stop is not started again. */
  async restart(): Promise<void> {
    if (this.#isStopped) return;
    [this.#process, this.#ended, this.#ready] = this.#start();
    await this.#ready;
  }

  /** Gracefully, if it lets us. Returns how it ended. */
  async stop(): Promise<string> {
    this.#isExpectedToEnd = true;
    this.#isStopped = true;
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_LIMIT_MS);
    try {
      return await this.#ended;
    } finally {
      clearTimeout(timer);
    }
  }

  #start(): [ChildProcess, Promise<string>, Promise<void>] {
    const { role, args, env, hasTerminal = false, onMessage, onLost } = this.#options;
    this.#isExpectedToEnd = false;
    const child = spawn(process.execPath, [MAIN, role, ...args], {
      env: { ...process.env, ...env },
      stdio: [hasTerminal ? 'inherit' : 'ignore', 'inherit', 'inherit', 'ipc'],
      detached: !hasTerminal,
    });
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(signal ?? `code ${code}`));
    });
    const ready = new Promise<void>((resolve) => {
      child.on('message', (message: ToLauncher) => {
        if (message.type === 'ready') resolve();
        onMessage(message, this);
      });
    });
    void ended.then((how) => {
      if (child === this.#process && !this.#isExpectedToEnd) onLost(how, this);
    });
    return [child, ended, ready];
  }
}
