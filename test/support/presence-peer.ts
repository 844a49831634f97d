/** A child process with emitters of the built package that take part in presence, and its journal. */
import type { DistributedEmitterOptions } from '../../src/options.js';
import { CalledProgram } from './called-program.js';

export interface Entry {
  readonly what: 'join' | 'leave' | 'error';
  /** Who joined or left. */
  readonly id?: string;
  readonly reason?: string;
  readonly code?: string;
  /** Which emitter was told. */
  readonly by: string;
}

export class PresencePeer extends CalledProgram {
  static start(): Promise<PresencePeer> {
    return new PresencePeer('./presence-program.mjs').listening();
  }

  /** Connects an emitter for each of `options`, and resolves with their ids. */
  create(options: readonly DistributedEmitterOptions[], { watches = false } = {}): Promise<string[]> {
    return this.call('create', options, watches);
  }

  /** Of each emitter, in the order in which they were made, the ids that it sees. */
  peers(): Promise<string[][]> {
    return this.call('peers');
  }

  journal(): Promise<Entry[]> {
    return this.call('journal');
  }

  /** Keeps the event loop busy; resolves when it is free again. */
  block(ms: number): Promise<unknown> {
    return this.call('block', ms);
  }

  close(): Promise<unknown> {
    return this.call('close');
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill('SIGCONT');
    await super[Symbol.asyncDispose]();
  }
}
