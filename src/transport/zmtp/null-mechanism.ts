/** RFC 23, "The NULL Security Mechanism": each side sends READY and waits for the other's; nothing is protected. */
import type { DemitterError } from '../../errors.js';
import { type Command, type Metadata, parseMetadata } from './commands.js';
import type { FrameSink } from './frames.js';
import { encodeReady, type SocketType } from './handshake.js';
import type { Mechanism } from './mechanism.js';
import { networkError, printable, refusedError, zmtpError } from './protocol-error.js';

export class NullMechanism implements Mechanism {
  readonly name = 'NULL';
  readonly sealer = undefined;
  readonly overheadBytes = 0;
  readonly #socketType: SocketType;

  constructor(socketType: SocketType) {
    this.#socketType = socketType;
  }

  begin(): Buffer {
    return encodeReady(this.#socketType);
  }

  proceed({ name, data }: Command): { readonly metadata: Metadata } {
    if (name !== 'READY') throw zmtpError(`The peer sent ${printable(name)} instead of READY`);
    return { metadata: parseMetadata(data) };
  }

  reader(sink: FrameSink): FrameSink {
    return sink;
  }

  refused(status: string): DemitterError {
    return refusedError(
      `It refuses connections from this address (status ${status}). ` +
        'Give it keys and this emitter `security`, or allow the address with --allow',
    );
  }

  endedEarly(how: string, cause?: Error): DemitterError {
    return networkError(`${how} during the handshake (are the XSUB and XPUB addresses swapped?)`, cause);
  }

  destroy(): void {}
}
