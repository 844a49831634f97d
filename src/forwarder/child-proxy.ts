/**
 * A proxy in a child process of its own, for when this process has no thread to spare for a native one.
 *
 * Cost, measured: about 52 MB of resident memory (33 MB of it not shared), 13 threads and 90 ms to start. The child
 * ends with `stop()` and with this process, however that ends.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { DemitterError } from '../errors.js';
import type { FromChild, SentError, ToChild } from './child-messages.js';
import type { ProxySettings, Report, RunningProxy } from './settings.js';

const ENTRY = fileURLToPath(new URL('./child-entry.js', import.meta.url));

/** A child that was told to stop and is still there after this is killed. */
const STOP_TIMEOUT_MS = 1500;

export async function startChildProxy(settings: ProxySettings, report: Report): Promise<RunningProxy> {
  const child = fork(ENTRY, [], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  child.on('message', (message: FromChild) => {
    if (message.type === 'notice') report(message.notice);
  });
  const ended = whenEnded(child);
  const started = whenStarted(child, ended);
  send(child, { type: 'start', settings });
  const { xsubAddress, xpubAddress } = await started;
  return new ChildRunningProxy(child, ended, xsubAddress, xpubAddress);
}

class ChildRunningProxy implements RunningProxy {
  readonly kind = 'child';
  readonly pid: number | undefined;
  readonly xsubAddress: string;
  readonly xpubAddress: string;
  readonly ended: Promise<DemitterError | undefined>;
  readonly #child: ChildProcess;
  #stopping: Promise<void> | undefined;

  constructor(child: ChildProcess, ended: Promise<DemitterError>, xsubAddress: string, xpubAddress: string) {
    this.#child = child;
    this.pid = child.pid;
    this.xsubAddress = xsubAddress;
    this.xpubAddress = xpubAddress;
    this.ended = ended.then((failure) => (this.#stopping === undefined ? failure : undefined));
  }

  reloadKeys(): void {
    send(this.#child, { type: 'reload keys' });
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    send(this.#child, { type: 'stop' });
    await this.ended;
    clearTimeout(timer);
  }
}

/** Resolves to the addresses, or rejects with the child's own error once it has ended: nothing is bound then. */
function whenStarted(
  child: ChildProcess,
  ended: Promise<DemitterError>,
): Promise<Extract<FromChild, { type: 'started' }>> {
  return new Promise((resolve, reject) => {
    child.on('message', (message: FromChild) => {
      if (message.type === 'started') resolve(message);
    });
    void ended.then(reject);
  });
}

/** Resolves at the child's end to what an unexpected end is to be reported as. */
function whenEnded(child: ChildProcess): Promise<DemitterError> {
  return new Promise((resolve) => {
    let reported: DemitterError | undefined;
    child.on('message', (message: FromChild) => {
      if (message.type === 'failed') reported = fromSent(message.error);
    });
    // Also for a message that could not be delivered; whether the child lives is told by the other two.
    child.on('error', (cause) => {
      if (child.pid !== undefined) return;
      resolve(
        new DemitterError('DEMITTER_FORWARDER_FAILED', `cannot start the proxy: ${cause.message}`, { cause }),
      );
    });
    // 'close', not 'exit': by then the last message was read.
    child.once('close', (code, signal) => {
      const how = signal === null ? `exit code ${code}` : signal;
      resolve(
        reported ??
          new DemitterError('DEMITTER_FORWARDER_FAILED', `the proxy's process ended by itself (${how})`),
      );
    });
  });
}

function fromSent(error: SentError): DemitterError {
  const cause = error.cause && Object.assign(new Error(error.cause.message), { code: error.cause.code });
  return new DemitterError(error.code ?? 'DEMITTER_FORWARDER_FAILED', error.message, cause && { cause });
}

function send(child: ChildProcess, message: ToChild): void {
  // A child that is gone cannot be told anything; its end is reported by itself.
  if (child.connected) child.send(message, () => undefined);
}
