/**
 * Real child processes for tests: start a Node program, wait for lines it prints and for its end, and be sure that
 * nothing of it survives the test (`await using`).
 *
 * Waiting is by event only. A wait that can no longer succeed, because the process ended, rejects with everything
 * the process printed; a wait that never ends is the test runner's time limit to report.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** The checkout's root, and the built package's folder inside it. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));

export interface ProcessOptions {
  /** Arguments of the program. */
  readonly args?: readonly string[];
  /** Arguments of Node itself, before the program (`--expose-gc`, `--import tsx`). */
  readonly execArgv?: readonly string[];
  /** Added to a bare environment (PATH, HOME, TMPDIR): the tester's own XSUB_PORT must not leak into a test. */
  readonly env?: Readonly<Record<string, string>>;
  /** @default the checkout's root */
  readonly cwd?: string;
  /** Opens an IPC channel, so that `child.send()` and `process.send()` work. @default false */
  readonly ipc?: boolean;
  /** Makes the child the leader of a process group of its own. @default false */
  readonly detached?: boolean;
}

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export type StreamName = 'stdout' | 'stderr';

interface Line {
  readonly stream: StreamName;
  readonly text: string;
}

interface Waiter {
  readonly pattern: RegExp;
  readonly stream: StreamName | undefined;
  readonly resolve: (match: RegExpExecArray) => void;
  readonly reject: (error: Error) => void;
}

/** Runs the Node program `file`. */
export function spawnNode(file: string, options: ProcessOptions = {}): TestProcess {
  return new TestProcess(
    process.execPath,
    [...(options.execArgv ?? []), file, ...(options.args ?? [])],
    options,
  );
}

/** Runs `source` as an ES module; bare imports resolve from the working directory. */
export function spawnSource(source: string, options: ProcessOptions = {}): TestProcess {
  const argv = [
    ...(options.execArgv ?? []),
    '--input-type=module',
    '--eval',
    source,
    '--',
    ...(options.args ?? []),
  ];
  return new TestProcess(process.execPath, argv, options);
}

/** Runs any other program. */
export function spawnProgram(command: string, options: ProcessOptions = {}): TestProcess {
  return new TestProcess(command, options.args ?? [], options);
}

export class TestProcess implements AsyncDisposable {
  /** For what this class does not cover: `send()`, `stdin`, the streams themselves. */
  readonly child: ChildProcess;
  /** Resolves once the process has ended and all of its output was read. Never rejects, unless it cannot start. */
  readonly exit: Promise<ExitStatus>;
  /** Every line so far, whether or not {@link line} handed it out. */
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  readonly #unclaimed: Line[] = [];
  readonly #waiters = new Set<Waiter>();
  #ended = false;

  constructor(command: string, args: readonly string[], options: ProcessOptions) {
    const { PATH, HOME, TMPDIR } = process.env;
    this.child = spawn(command, args, {
      cwd: options.cwd ?? ROOT,
      env: { PATH, HOME, TMPDIR, ...options.env },
      stdio: options.ipc ? ['pipe', 'pipe', 'pipe', 'ipc'] : ['pipe', 'pipe', 'pipe'],
      detached: options.detached ?? false,
    });
    // A child that is gone before it read its input is no failure of the test.
    this.child.stdin?.on('error', () => undefined);
    const outputs = [this.#read(this.child.stdout, 'stdout'), this.#read(this.child.stderr, 'stderr')];
    this.exit = this.#watch(outputs);
    this.exit.catch(() => undefined);
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`${this.child.spawnfile} did not start`);
    return this.child.pid;
  }

  /** Everything printed so far, for messages and snapshots. */
  get output(): string {
    return [...this.stdout, ...this.stderr.map((text) => `stderr: ${text}`)].join('\n');
  }

  /**
   * The first line, already printed or to come, that matches and was not handed out before: so calls in a row find
   * lines in a row, and the order of different patterns does not matter. Rejects when the process ends without it.
   */
  line(pattern: RegExp, stream?: StreamName): Promise<RegExpExecArray> {
    for (const [index, line] of this.#unclaimed.entries()) {
      const match = matchLine(line, pattern, stream);
      if (match === null) continue;
      this.#unclaimed.splice(index, 1);
      return Promise.resolve(match);
    }
    if (this.#ended) return Promise.reject(this.#missing(pattern));
    return new Promise((resolve, reject) => {
      this.#waiters.add({ pattern, stream, resolve, reject });
    });
  }

  /** Sends `signal`; false if the process has ended already. */
  kill(signal: NodeJS.Signals = 'SIGTERM'): boolean {
    return this.child.kill(signal);
  }

  /** Kills the process if it still runs, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    // A grandchild that holds the pipes open must not hold up the test as well.
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
    await this.exit.catch(() => undefined);
  }

  #read(source: Readable | null, stream: StreamName): Promise<void> {
    if (source === null) return Promise.resolve();
    const reader = createInterface({ input: source, crlfDelay: Number.POSITIVE_INFINITY });
    reader.on('line', (text) => this.#take({ stream, text }));
    return new Promise((resolve) => {
      reader.once('close', resolve);
      source.once('close', resolve);
    });
  }

  #take(line: Line): void {
    this[line.stream].push(line.text);
    for (const waiter of this.#waiters) {
      const match = matchLine(line, waiter.pattern, waiter.stream);
      if (match === null) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(match);
      return;
    }
    this.#unclaimed.push(line);
  }

  async #watch(outputs: Promise<void>[]): Promise<ExitStatus> {
    try {
      const status = await new Promise<ExitStatus>((resolve, reject) => {
        this.child.once('error', reject);
        this.child.once('exit', (code, signal) => resolve({ code, signal }));
      });
      await Promise.all(outputs);
      return status;
    } finally {
      this.#ended = true;
      for (const waiter of this.#waiters) waiter.reject(this.#missing(waiter.pattern));
      this.#waiters.clear();
    }
  }

  #missing(pattern: RegExp): Error {
    const { exitCode, signalCode } = this.child;
    const end = signalCode ?? `code ${exitCode}`;
    return new Error(
      `the process ended (${end}) without a line like ${pattern}; it printed:\n${this.output}`,
    );
  }
}

function matchLine(line: Line, pattern: RegExp, stream: StreamName | undefined): RegExpExecArray | null {
  return stream === undefined || stream === line.stream ? pattern.exec(line.text) : null;
}
