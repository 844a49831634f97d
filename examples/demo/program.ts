/**
 * The demo's child processes: the forwarder's command line and the services. Whoever starts one can wait for its end
 * and be sure that {@link Program.stop} leaves nothing behind.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Report } from './service.js';

/** How long a process may take to end when it is told to. */
const STOP_LIMIT_MS = 3000;

/** In process groups of their own: Ctrl-C reaches the demo alone, which ends the others in good order. */
const DETACHED = true;

export interface Addresses {
  readonly XSUB_ADDRESS: string;
  readonly XPUB_ADDRESS: string;
}

export class Program {
  readonly name: string;
  readonly child: ChildProcess;
  /** How it ended: `code 0`, `SIGKILL`, or why it could not be started. */
  readonly ended: Promise<string>;
  readonly #tellToStop: () => void;

  constructor(name: string, child: ChildProcess, tellToStop: () => void) {
    this.name = name;
    this.child = child;
    this.#tellToStop = tellToStop;
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(signal ?? `code ${code}`));
    });
  }

  /** Ends it, gracefully if it lets us, and returns how it ended. */
  async stop(): Promise<string> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.#tellToStop();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_LIMIT_MS);
    try {
      return await this.ended;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A service of the demo, in a Node process of its own. */
export function startService(
  name: string,
  addresses: Addresses,
  onReport: (report: Report) => void,
): Program {
  const file = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', file], {
    env: { ...process.env, ...addresses },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    detached: DETACHED,
    serialization: 'advanced',
  });
  child.on('message', (message) => onReport(message as Report));
  return new Program(name, child, () => child.connected && child.disconnect());
}

/** The real command line, on ports that the system chooses. */
export function startForwarder(): Program {
  const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
  const child = spawn(
    process.execPath,
    [cli, '--xsub-port', '0', '--xpub-port', '0', '--log-level', 'info'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: DETACHED,
    },
  );
  return new Program('forwarder', child, () => child.kill('SIGTERM'));
}

/** Where a forwarder is: it logs JSON lines, and one of the first says so. */
export function addressesOf(forwarder: Program): Promise<Addresses> {
  return new Promise((resolve, reject) => {
    createInterface({ input: forwarder.child.stdout as Readable }).on('line', (line) => {
      const { xsubAddress, xpubAddress } = JSON.parse(line) as Record<string, unknown>;
      if (typeof xsubAddress === 'string' && typeof xpubAddress === 'string')
        resolve({ XSUB_ADDRESS: xsubAddress, XPUB_ADDRESS: xpubAddress });
    });
    forwarder.ended.then((end) => reject(new Error(`the forwarder did not start: ${end}`)));
  });
}
