/**
 * A proxy in this process that lets in whom its access settings let in, and puts out who loses the right to be there.
 *
 * libzmq cannot close one peer's connection: it does not even say which one is whose. So all are closed, by ending the
 * native proxy, and it is begun again at the same addresses; everybody dials again and gets in or does not. It takes
 * some milliseconds here, plus up to a quarter of a second in which what is queued for slow subscribers may leave. For
 * emitters it is a restart of the forwarder: they are back within half a second, and ask for what they missed.
 */
import { DemitterError } from '../errors.js';
import { Gate } from './access/gate.js';
import { isGuarded } from './access/openness.js';
import { codeOf } from './bind.js';
import { atBoundPorts } from './bound-settings.js';
import { startNativeProxy } from './native-proxy.js';
import type { BareProxy, ProxySettings, Report, RunningProxy } from './settings.js';

/** Nobody can hold an address while it is not bound: another process may be quicker, and give it back. */
const REBIND_TIMEOUT_MS = 10_000;
const REBIND_EVERY_MS = 50;

/** As {@link startNativeProxy}. @throws TypeError for a file of keys that cannot be read or is wrong. */
export async function startGatedProxy(settings: ProxySettings, report: Report): Promise<RunningProxy> {
  if (!isGuarded(settings, 'xsub') && !isGuarded(settings, 'xpub')) {
    return withoutKeys(await startNativeProxy(settings));
  }
  const zmq = await import('zeromq');
  let proxy: GatedProxy | undefined;
  // Nobody can be revoked who was not admitted, and nobody is before the proxy runs.
  const gate = await Gate.open(zmq, settings, report, (names) => proxy?.cutOff(names));
  try {
    proxy = new GatedProxy(gate, await startNativeProxy(settings, gate), settings, report);
    return proxy;
  } catch (error) {
    await gate.close();
    throw error;
  }
}

function withoutKeys(proxy: BareProxy): RunningProxy {
  return Object.assign(proxy, { reloadKeys: () => undefined });
}

/** `cutting`: between two native proxies. */
type State = 'running' | 'cutting' | 'stopping' | 'ended';

class GatedProxy implements RunningProxy {
  readonly kind = 'process';
  readonly pid = process.pid;
  readonly xsubAddress: string;
  readonly xpubAddress: string;
  readonly ended: Promise<DemitterError | undefined>;
  readonly #gate: Gate;
  readonly #settings: ProxySettings;
  readonly #report: Report;
  #proxy: BareProxy;
  #state: State = 'running';
  #cutting: Promise<void> = Promise.resolve();
  /** Somebody was revoked, perhaps while the connections were being cut already. */
  #cutAgain = false;
  #stopping: Promise<void> | undefined;
  #end: (failure?: DemitterError) => void = () => undefined;

  constructor(gate: Gate, proxy: BareProxy, settings: ProxySettings, report: Report) {
    this.#gate = gate;
    this.#proxy = proxy;
    this.#report = report;
    this.#settings = atBoundPorts(settings, proxy);
    this.xsubAddress = proxy.xsubAddress;
    this.xpubAddress = proxy.xpubAddress;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#watch(proxy);
  }

  reloadKeys(): void {
    this.#gate.reloadKeys();
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Closes all connections, as `names` have no right to theirs any more. */
  cutOff(names: readonly string[]): void {
    this.#report({
      level: 'warn',
      message: `cutting off ${names.join(', ')}, whose keys are not authorized any more: all clients have to connect again`,
    });
    this.#cutAgain = true;
    if (this.#state !== 'running') return;
    this.#state = 'cutting';
    this.#cutting = this.#cut();
  }

  async #cut(): Promise<void> {
    try {
      while (this.#cutAgain && this.#state === 'cutting') {
        this.#cutAgain = false;
        await this.#proxy.stop();
        this.#gate.forgetAdmitted();
        await this.#beginAgain();
      }
      if (this.#state === 'cutting') this.#state = 'running';
    } catch (cause) {
      const message = `the proxy could not begin again after a key was revoked: ${(cause as Error).message}`;
      await this.#ended(new DemitterError('DEMITTER_FORWARDER_FAILED', message, { cause }));
    }
  }

  async #beginAgain(): Promise<void> {
    const deadline = performance.now() + REBIND_TIMEOUT_MS;
    while (this.#state === 'cutting') {
      try {
        this.#proxy = await startNativeProxy(this.#settings, this.#gate);
        this.#watch(this.#proxy);
        return;
      } catch (error) {
        const { cause } = error as Error;
        if (codeOf(cause) !== 'EADDRINUSE' || performance.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, REBIND_EVERY_MS));
      }
    }
  }

  async #stop(): Promise<void> {
    if (this.#state !== 'ended') this.#state = 'stopping';
    await this.#cutting;
    await this.#proxy.stop();
    await this.#ended(undefined);
    await this.ended;
  }

  /** A proxy that ends although nobody stops it is a failure. */
  #watch(proxy: BareProxy): void {
    void proxy.ended.then(async (failure) => {
      if (failure !== undefined) await this.#ended(failure);
    });
  }

  async #ended(failure: DemitterError | undefined): Promise<void> {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    await this.#gate.close();
    this.#end(failure);
  }
}
