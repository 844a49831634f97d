/**
 * What a security mechanism is to a connection (RFC 23, "Security Mechanisms"): it proves who is who, and may put what
 * travels afterwards into something that nobody else can read or change.
 */
import type { DemitterError } from '../../errors.js';
import type { Command, Metadata } from './commands.js';
import type { FrameKind, FrameSink } from './frames.js';

/** Of one connection. */
export interface Mechanism {
  /** As the greeting has it. */
  readonly name: string;
  /** What it makes of frames that leave after the handshake; `undefined` if they leave as they are. */
  readonly sealer: Sealer | undefined;
  /** How much longer than what it carries a frame may be that comes after the handshake. */
  readonly overheadBytes: number;

  /** The first command of this side, once both greetings agree. */
  begin(): Buffer;

  /**
   * Takes the next command of the peer's handshake.
   *
   * @returns the command to answer with, or, at the end, what the peer says of itself.
   * @throws DemitterError if it is not the right one.
   */
  proceed(command: Command): { readonly answer: Buffer } | { readonly metadata: Metadata };

  /** Where all frames go, so that `sink` gets what they carry. */
  reader(sink: FrameSink): FrameSink;

  /** What it means that the peer's authentication (ZeroMQ RFC 27) answered with `status`, which is none of success. */
  refused(status: string): DemitterError;

  /** What it means that the connection ended in mid-handshake; `how` is the part of the message that tells that. */
  endedEarly(how: string, cause?: Error): DemitterError;

  /** Forgets all keys. It cannot be used after that. Idempotent. */
  destroy(): void;
}

/** Protects frames on their way into the write buffer. */
export interface Sealer {
  /** How much longer a frame becomes. */
  readonly overheadBytes: number;
  /** Puts what protects `body` into `target`, at `at`: the body of a frame of kind `message`. */
  seal(kind: FrameKind, body: Uint8Array, target: Buffer, at: number): void;
}
