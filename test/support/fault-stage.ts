/**
 * Where load tests play: a forwarder, and emitters that have processes of their own unless told otherwise, so that one
 * that is stopped, blocked or slow holds up nobody else.
 */
import { type FaultEmitter, FaultPeer } from './fault-peer.js';
import { ForwarderProcess } from './forwarder-process.js';

export interface Cast {
  /** How many emitters share a process. @default 1 */
  readonly perProcess?: number;
  /** Options of each emitter. */
  readonly options?: object;
  /** Names to listen to; `all` for every name. */
  readonly listensTo?: readonly string[] | 'all';
}

/** So that memory can be looked at after a collection. */
const EXEC_ARGV = ['--expose-gc'];

export class FaultStage implements AsyncDisposable {
  readonly forwarder: ForwarderProcess;
  readonly #peers: FaultPeer[] = [];

  constructor(forwarder: ForwarderProcess) {
    this.forwarder = forwarder;
  }

  /** Starts a forwarder. */
  static async start(): Promise<FaultStage> {
    return new FaultStage(await ForwarderProcess.start());
  }

  /** Starts a process without emitters. */
  async peer(): Promise<FaultPeer> {
    const peer = await FaultPeer.start({ execArgv: EXEC_ARGV });
    this.#peers.push(peer);
    return peer;
  }

  /** Emitters in new processes: ready, and their subscriptions in force. */
  async emitters(label: string, count: number, cast: Cast = {}): Promise<FaultEmitter[]> {
    const { perProcess = 1, ...rest } = cast;
    const peers = await Promise.all(Array.from({ length: Math.ceil(count / perProcess) }, () => this.peer()));
    return Promise.all(
      Array.from({ length: count }, (_, i) => {
        const peer = peers[Math.floor(i / perProcess)] as FaultPeer;
        return this.emitter(peer, `${label} ${i}`, rest);
      }),
    );
  }

  /** An emitter in a new process. */
  async one(label: string, cast: Cast = {}): Promise<FaultEmitter> {
    return this.emitter(await this.peer(), label, cast);
  }

  /** An emitter in a process that is there already. */
  async emitter(
    peer: FaultPeer,
    label: string,
    { options, listensTo = [] }: Cast = {},
  ): Promise<FaultEmitter> {
    const emitter = await peer.create({ ...this.forwarder.addresses, ...options }, label);
    if (listensTo === 'all') await emitter.listenToAll();
    else await emitter.listen(listensTo);
    await emitter.ready();
    return emitter;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#peers, this.forwarder].map((process) => process[Symbol.asyncDispose]()));
  }
}

/** `rotation:0` and so on: events of names in rotation cannot share batches. */
export function rotation(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `rotation:${i}`);
}
