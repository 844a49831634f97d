/**
 * How two peers agree before traffic: the greeting (RFC 23, "The Greeting"), then the NULL mechanism's READY with the
 * socket type. Pure: bytes in, a verdict out. The first byte that cannot be right is named, whatever follows it.
 */
import { encodeCommand, encodeMetadata, type Metadata } from './commands.js';
import { printable, zmtpError } from './protocol-error.js';

export type SocketType = 'PUB' | 'SUB';

export interface PeerVersion {
  readonly major: number;
  readonly minor: number;
}

export const GREETING_BYTES = 64;
/** Signature and major version: what a peer has to know before it can go on. */
export const VERSION_BYTES = 11;
const VERSION_MAJOR = 3;
/** 3.1 (RFC 37): heartbeats and subscriptions are commands. libzmq takes it since 4.2, and answers 3.0 with 3.0. */
const VERSION_MINOR = 1;

const SIGNATURE_END = 9;
const MAJOR_AT = 10;
const MINOR_AT = 11;
const MECHANISM_AT = 12;
const MECHANISM_BYTES = 20;
const MECHANISM = 'NULL';

/** Which socket types may talk to ours (RFC 29). */
const FITTING_PEERS: Readonly<Record<SocketType, readonly string[]>> = {
  PUB: ['SUB', 'XSUB'],
  SUB: ['PUB', 'XPUB'],
};

export function encodeGreeting(): Buffer {
  // The rest is zero: padding, as-server (it has no meaning with NULL) and filler.
  const greeting = Buffer.alloc(GREETING_BYTES);
  greeting[0] = 0xff;
  greeting[SIGNATURE_END] = 0x7f;
  greeting[MAJOR_AT] = VERSION_MAJOR;
  greeting[MINOR_AT] = VERSION_MINOR;
  greeting.write(MECHANISM, MECHANISM_AT, 'latin1');
  return greeting;
}

/**
 * Judges the first `received.length` bytes of a greeting.
 *
 * An older peer stops in mid-greeting to see what we are, so what is wrong is said as soon as it can be known.
 *
 * @returns the peer's version when all 64 bytes are there and fit, `undefined` while more are needed.
 */
export function readGreeting(received: Buffer): PeerVersion | undefined {
  const first = received[0];
  if (first === undefined) return undefined;
  // The padding between must not be interpreted (RFC 37, "Version Negotiation").
  const last = received[SIGNATURE_END];
  if (first !== 0xff || (last !== undefined && last !== 0x7f)) {
    throw zmtpError(
      `The peer does not speak ZMTP 3: its first bytes are ${received.toString('hex', 0, SIGNATURE_END + 1)} ` +
        '(another protocol, or ZeroMQ 2)',
    );
  }
  // "A peer MUST accept higher protocol versions as valid" (RFC 23): such a peer comes down to ours.
  const major = received[MAJOR_AT];
  if (major !== undefined && major < VERSION_MAJOR) {
    const version = major === 0 ? '1.0' : '2.0';
    throw zmtpError(`The peer speaks ZMTP ${version}; 3.0 (ZeroMQ 4) or later is needed`);
  }
  if (received.length < GREETING_BYTES) return undefined;
  const mechanism = received
    .toString('latin1', MECHANISM_AT, MECHANISM_AT + MECHANISM_BYTES)
    .replace(/\0+$/, '');
  if (mechanism !== MECHANISM) {
    throw zmtpError(
      `The peer asks for the security mechanism ${printable(mechanism) || '(none)'}; this side has ${MECHANISM}`,
    );
  }
  return { major: major as number, minor: received[MINOR_AT] as number };
}

/** Whether the peer knows the commands of ZMTP 3.1 (RFC 37): SUBSCRIBE, CANCEL, PING. */
export function takesCommands(peer: PeerVersion): boolean {
  return peer.major > 3 || peer.minor >= 1;
}

export function encodeReady(socketType: SocketType): Buffer {
  return encodeCommand('READY', encodeMetadata({ 'Socket-Type': socketType }));
}

/**
 * The peer's socket type, if ours may talk to it.
 *
 * @throws DemitterError `DEMITTER_ZMTP` naming both types.
 */
export function checkSocketType(own: SocketType, metadata: Metadata): string {
  const type = metadata.get('socket-type')?.toString('latin1');
  const peer = type === undefined ? undefined : printable(type);
  if (peer === undefined) throw zmtpError('The peer did not name its socket type');
  const fitting = FITTING_PEERS[own];
  if (fitting.includes(peer)) return peer;
  const hint = peer === 'XSUB' || peer === 'XPUB' ? ': are the XSUB and XPUB addresses swapped?' : '';
  throw zmtpError(`The peer is a ${peer} socket; ${own} talks to ${fitting.join(' or ')}${hint}`);
}
