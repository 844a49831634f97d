/** A child process with one emitter of the built package, and the events it has seen. */
import { fileURLToPath } from 'node:url';
import { type PlainName, toPlainName } from './names.js';
import { spawnNode, type TestProcess } from './process.js';

export type ListenMethod = 'on' | 'once' | 'onAny' | 'events' | 'anyEvent';
export type EmitMethod = 'emit' | 'emitSerial';

export interface Seen {
  readonly via: ListenMethod;
  readonly data: unknown;
  readonly name: PlainName | null;
}

export interface SeenError {
  readonly type: string;
  readonly code: string;
  readonly message: string;
  readonly missed?: number;
}

interface Reply {
  readonly id?: number;
  readonly result?: unknown;
  readonly failure?: string;
  readonly seen?: Seen;
  readonly error?: SeenError;
  readonly started?: boolean;
}

export class Peer implements AsyncDisposable {
  readonly process: TestProcess;
  readonly seen: Seen[] = [];
  readonly errors: SeenError[] = [];
  readonly #started: Promise<void>;
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #nextId = 1;
  #watchers: { count: number; resolve(): void; reject(error: Error): void }[] = [];

  constructor() {
    this.process = spawnNode(fileURLToPath(new URL('./peer-program.mjs', import.meta.url)), { ipc: true });
    this.#started = new Promise((resolve, reject) => {
      this.process.child.on('message', (message) => this.#take(message as Reply, resolve));
      void this.process.exit.then(() => {
        const error = new Error(`the peer ended; it printed:\n${this.process.output}`);
        reject(error);
        for (const call of this.#calls.values()) call.reject(error);
        for (const watcher of this.#watchers) watcher.reject(error);
      });
    });
    this.#started.catch(() => {});
  }

  /** Starts the process and connects its emitter. */
  static async start(options: object): Promise<Peer> {
    const peer = new Peer();
    await peer.#started;
    await peer.#call('create', options);
    return peer;
  }

  listen(via: ListenMethod, ...names: PropertyKey[]): Promise<unknown> {
    return this.#call('listen', via, names.map(toPlainName));
  }

  off(...names: PropertyKey[]): Promise<unknown> {
    return this.#call('off', names.map(toPlainName));
  }

  ready(): Promise<unknown> {
    return this.#call('ready');
  }

  /** Whether the forwarder runs in its process. */
  async hosting(): Promise<boolean> {
    return (await this.#call('hosting')) as boolean;
  }

  emit(name: PropertyKey, data?: unknown, via: EmitMethod = 'emit'): Promise<unknown> {
    return this.#call('emit', via, toPlainName(name), data);
  }

  /** Emits `{ sequence: 0 … count - 1 }` under the names in rotation: each awaited, or in chunks with a turn of the event loop between them. */
  emitMany(
    names: readonly PropertyKey[],
    count: number,
    how: { awaited: boolean; chunk: number },
  ): Promise<unknown> {
    return this.#call('emitMany', names.map(toPlainName), count, how);
  }

  /**
   * From here on, counts the events that `publishers` peers emit with {@link emitMany}, without telling each. Each
   * event keeps the peer busy for `workMs`.
   */
  expectSequence(
    names: readonly PropertyKey[],
    count: number,
    { publishers = 1, workMs = 0 } = {},
  ): Promise<unknown> {
    return this.#call('expectSequence', names.map(toPlainName), count, { publishers, workMs });
  }

  /** Resolves when the last events of every publisher are in: how many came, and how often the order was broken. */
  wholeSequence(): Promise<unknown> {
    return this.#call('wholeSequence');
  }

  /** Resolves when so many events have been seen in all. */
  async sawAtLeast(count: number): Promise<void> {
    if (this.seen.length >= count) return;
    await new Promise<void>((resolve, reject) => this.#watchers.push({ count, resolve, reject }));
  }

  /** Closes the emitter and resolves with how the process ended: by itself. */
  async close(): Promise<{ code: number | null; signal: string | null }> {
    void this.#call('close').catch(() => {});
    return this.process.exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }

  #call(command: string, ...args: unknown[]): Promise<unknown> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.process.child.send({ id, command, args });
    });
  }

  #take(message: Reply, started: () => void): void {
    if (message.started) started();
    if (message.seen) {
      this.seen.push(message.seen);
      const due = this.#watchers.filter((watcher) => watcher.count <= this.seen.length);
      this.#watchers = this.#watchers.filter((watcher) => watcher.count > this.seen.length);
      for (const watcher of due) watcher.resolve();
    }
    if (message.error) this.errors.push(message.error);
    const call = message.id === undefined ? undefined : this.#calls.get(message.id);
    if (call === undefined) return;
    this.#calls.delete(message.id as number);
    if (message.failure === undefined) call.resolve(message.result);
    else call.reject(new Error(message.failure));
  }
}
