/**
 * How two peers agree before traffic, whatever the mechanism: the greeting (RFC 23, "The Greeting") and the socket type.
 * Pure: bytes in, a verdict out. The first byte that cannot be right is named, whatever follows it.
 */
import type { DemitterError } from '../../errors.js';
import { encodeCommand, encodeMetadata, type Metadata } from './commands.js';
import { curveError, printable, zmtpError } from './protocol-error.js';

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

/** Which socket types may talk to ours (RFC 29). */
const FITTING_PEERS: Readonly<Record<SocketType, readonly string[]>> = {
  PUB: ['SUB', 'XSUB'],
  SUB: ['PUB', 'XPUB'],
};

/** `mechanism` is the name of ours. */
export function encodeGreeting(mechanism: string): Buffer {
  // The rest is zero: padding, as-server (we are the client) and filler.
  const greeting = Buffer.alloc(GREETING_BYTES);
  greeting[0] = 0xff;
  greeting[SIGNATURE_END] = 0x7f;
  greeting[MAJOR_AT] = VERSION_MAJOR;
  greeting[MINOR_AT] = VERSION_MINOR;
  greeting.write(mechanism, MECHANISM_AT, 'latin1');
  return greeting;
}

/**
 * Judges the first `received.length` bytes of a greeting.
 *
 * An older peer stops in mid-greeting to see what we are, so what is wrong is said as soon as it can be known.
 *
 * @returns the peer's version when all 64 bytes are there and fit, `undefined` while more are needed.
 */
export function readGreeting(received: Buffer, ownMechanism: string): PeerVersion | undefined {
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
  if (mechanism !== ownMechanism) throw mechanismError(mechanism, ownMechanism);
  return { major: major as number, minor: received[MINOR_AT] as number };
}

/** No side gives way: what was to be protected must not travel unprotected because somebody in between asks for it. */
function mechanismError(peers: string, own: string): DemitterError {
  const what = `The peer asks for the security mechanism ${printable(peers) || '(none)'}`;
  if (own === 'CURVE') {
    return curveError(
      `${what}; this emitter has keys, and insists on CURVE. Give the forwarder keys (--secret-key-file, ` +
        '--authorized-keys), or do not give this emitter `security`',
    );
  }
  if (peers !== 'CURVE') return zmtpError(`${what}; this side has ${own}`);
  return curveError(
    `${what}: it takes only those who have keys. Give this emitter \`security: { serverKey, secretKey }\`, or set ` +
      'DEMITTER_SERVER_KEY and DEMITTER_SECRET_KEY_FILE',
  );
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
