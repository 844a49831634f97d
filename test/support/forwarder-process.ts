/**
 * A forwarder as a process of its own, at an address that it keeps: it can be killed, stopped and started again, while
 * its clients go on dialling the same ports.
 */
import { createServer } from 'node:net';
import { join } from 'node:path';
import { monotonicMs } from './fault-peer.js';
import { DIST, type ExitStatus, spawnNode, type TestProcess } from './process.js';

/**
 * Below what Linux gives to outgoing connections: while the forwarder is away, a port of its may otherwise become the
 * local end of somebody's connection, even of a client that dials it, and is then in use when the forwarder returns.
 */
const FIRST_PORT = 10_000;
const LAST_PORT = 30_000;

const STARTED = /"time":(\d+).*forwarder started/;

export class ForwarderProcess implements AsyncDisposable {
  readonly #ports: readonly [xsub: number, xpub: number];
  readonly #args: readonly string[];
  #process: TestProcess | undefined;
  #listeningSince = 0;

  constructor(ports: readonly [number, number], args: readonly string[]) {
    this.#ports = ports;
    this.#args = args;
  }

  /** Starts a forwarder on free ports. `args`: more arguments of the command line. */
  static async start(...args: readonly string[]): Promise<ForwarderProcess> {
    const forwarder = await ForwarderProcess.reserve(...args);
    await forwarder.start();
    return forwarder;
  }

  /** Chooses ports for a forwarder that is to be started later. */
  static async reserve(...args: readonly string[]): Promise<ForwarderProcess> {
    return new ForwarderProcess([await freePort(), await freePort()], args);
  }

  get addresses(): { readonly xsubAddress: string; readonly xpubAddress: string } {
    const [xsub, xpub] = this.#ports;
    return { xsubAddress: `tcp://127.0.0.1:${xsub}`, xpubAddress: `tcp://127.0.0.1:${xpub}` };
  }

  get pid(): number {
    return this.#running.pid;
  }

  /** When it began to listen, by {@link monotonicMs}. */
  get listeningSince(): number {
    return this.#listeningSince;
  }

  /** What it printed: a crash says there what it was. */
  get output(): string {
    return this.#process?.output ?? '';
  }

  get isRunning(): boolean {
    const child = this.#process?.child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const [xsub, xpub] = this.#ports;
    const ports = ['--xsub-port', `${xsub}`, '--xpub-port', `${xpub}`];
    this.#process = spawnNode(join(DIST, 'cli.js'), {
      args: [...ports, '--log-level', 'info', ...this.#args],
    });
    const [, time] = await this.#process.line(STARTED);
    // The line says when it was written; here it may arrive late.
    this.#listeningSince = monotonicMs() - (Date.now() - Number(time));
  }

  /** Resolves with how it ended. */
  get exit(): Promise<ExitStatus> {
    return this.#running.exit;
  }

  /** SIGTERM; resolves with how it ended. */
  stop(): Promise<ExitStatus> {
    this.#running.kill('SIGTERM');
    return this.#running.exit;
  }

  /** The next line like `pattern`; see {@link TestProcess.line}. */
  line(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#running.line(pattern);
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    this.#running.kill('SIGKILL');
    await this.#running.exit;
  }

  /** SIGSTOP: its connections stay open and nothing moves. */
  suspend(): void {
    this.#running.kill('SIGSTOP');
  }

  resume(): void {
    this.#running.kill('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]();
  }

  get #running(): TestProcess {
    if (this.#process === undefined) throw new Error('the forwarder was not started');
    return this.#process;
  }
}

async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
