/**
 * What every part of the auction house is: an emitter with a name, which says how it is, tells what goes wrong, and ends
 * in good order: on a signal, when its launcher says so, and when its launcher is gone.
 */
import { DistributedEmitter, type DistributedErrorType } from 'demitter';
import type { ToLauncher, ToPart } from './launcher/messages.js';
import { type Events, type HouseEmitter, type Inputs, type Role, schemas } from './protocol.js';
import { VitalSigns } from './vital-signs.js';

const VITALS_MS = 1000;
const UNTOLD: ReadonlySet<DistributedErrorType> = new Set(['closed', 'overflow', 'serialization']);

export interface StationOptions {
  readonly role: Role;
  /** @default the role */
  readonly name?: string | undefined;
}

export class Station {
  readonly name: string;
  readonly role: Role;
  readonly emitter: HouseEmitter;
  readonly signs: VitalSigns;
  readonly #endings: (() => unknown)[] = [];
  readonly #timer: NodeJS.Timeout;
  #ending: Promise<void> | undefined;

  private constructor({ role, name }: StationOptions) {
    this.role = role;
    this.name = name ?? role;
    // XSUB_ADDRESS and XPUB_ADDRESS say where the forwarder is; without them it is on this machine, at the usual ports.
    this.emitter = new DistributedEmitter<Events, Inputs>({
      name: this.name,
      meta: { role },
      namespace: 'auction',
      context: true,
      schemas,
    }) as HouseEmitter;
    this.signs = new VitalSigns(this.emitter);
    this.emitter.on('distributed:error', ({ type, message }) => {
      // What cannot be sent for one of these reasons would be the next such error, without end.
      if (UNTOLD.has(type)) return;
      void this.emitter.emit('trouble', { from: this.name, type, message: message.slice(0, 200) });
    });
    this.#timer = setInterval(() => this.#tellVitals(), VITALS_MS);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => this.end());
    // Only a launcher has this line to its parts. When it is gone, in whatever way, so are they.
    process.once('disconnect', () => this.end());
    void this.emitter.connect();
  }

  static start(options: StationOptions): Station {
    return new Station(options);
  }

  /** Says that everything it listens to is in force. */
  async ready(): Promise<void> {
    await this.emitter.ready();
    tellLauncher({ type: 'ready' });
  }

  /** `call` is called before the emitter is closed; the last one first. If that has begun already, at once. */
  onEnd(call: () => unknown): void {
    if (this.#ending === undefined) this.#endings.unshift(call);
    else call();
  }

  /** Calls `call` at each interval, until the end. */
  every(ms: number, call: () => unknown): void {
    const timer = setInterval(call, ms);
    this.onEnd(() => clearInterval(timer));
  }

  /** Closes all that it holds, so that the process ends by itself. */
  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    clearInterval(this.#timer);
    for (const call of this.#endings) await call();
    await this.emitter.close();
    if (process.connected) process.disconnect();
  }

  #tellVitals(): void {
    void this.emitter.volatile.emit('vitals', { name: this.name, role: this.role, ...this.signs.take() });
  }
}

/** Does nothing if this part was started alone. */
export function tellLauncher(message: ToLauncher): void {
  if (process.connected) process.send?.(message);
}

export function onLauncher(call: (message: ToPart) => void): void {
  process.on('message', (message) => call(message as ToPart));
}
