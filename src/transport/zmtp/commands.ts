/**
 * ZMTP commands: a name, then data (RFC 37, "Formal Grammar"). READY and ERROR end the NULL handshake (RFC 23, "The
 * NULL Security Mechanism"); PING and PONG prove life, SUBSCRIBE and CANCEL carry subscriptions (RFC 37).
 *
 * Encoders return bodies, without the frame around them.
 */
import { printable, zmtpError } from './protocol-error.js';

export interface Command {
  readonly name: string;
  readonly data: Buffer;
}

/** RFC 37, "Connection Heartbeating": a PING is TTL (2 octets) and a context of at most 16, echoed in the PONG. */
const PING_TTL_BYTES = 2;
const MAX_PING_CONTEXT_BYTES = 16;

export function encodeCommand(name: string, data: Uint8Array): Buffer {
  const body = Buffer.allocUnsafeSlow(1 + name.length + data.length);
  body[0] = name.length;
  body.write(name, 1, 'latin1');
  body.set(data, 1 + name.length);
  return body;
}

export function parseCommand(body: Buffer): Command {
  const length = body[0];
  if (length === undefined || length === 0 || 1 + length > body.length) {
    throw zmtpError('The peer sent a command without a proper name');
  }
  return { name: body.toString('latin1', 1, 1 + length), data: body.subarray(1 + length) };
}

/** A PING that leaves it to us to judge silence (TTL 0), with a context of at most 16 bytes. */
export function encodePing(context: Uint8Array): Buffer {
  return encodeCommand('PING', Buffer.concat([Buffer.alloc(PING_TTL_BYTES), context]));
}

/** The PONG body that answers a PING with `data`. */
export function encodePong(data: Buffer): Buffer {
  if (data.length < PING_TTL_BYTES || data.length > PING_TTL_BYTES + MAX_PING_CONTEXT_BYTES) {
    throw zmtpError(`The peer sent a PING of an impossible size (${data.length} bytes)`);
  }
  return encodeCommand('PONG', data.subarray(PING_TTL_BYTES));
}

export function encodeError(reason: string): Buffer {
  const text = Buffer.from(reason.slice(0, 255), 'latin1');
  return encodeCommand('ERROR', Buffer.concat([Buffer.of(text.length), text]));
}

/** The reason in an ERROR command, made safe for a log: it is the peer's text. */
export function parseErrorReason(data: Buffer): string {
  const length = data[0];
  if (length === undefined || 1 + length > data.length)
    throw zmtpError('The peer sent a malformed ERROR command');
  const reason = printable(data.toString('latin1', 1, 1 + length));
  return reason === '' ? 'no reason given' : reason;
}

/** Property names are case-insensitive (RFC 23, "Connection Metadata"): the keys here are in lower case. */
export type Metadata = ReadonlyMap<string, Buffer>;

export function encodeMetadata(properties: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of Object.entries(properties)) {
    const bytes = Buffer.from(value, 'latin1');
    const size = Buffer.alloc(4);
    size.writeUInt32BE(bytes.length);
    parts.push(Buffer.of(name.length), Buffer.from(name, 'latin1'), size, bytes);
  }
  return Buffer.concat(parts);
}

export function parseMetadata(data: Buffer): Metadata {
  const properties = new Map<string, Buffer>();
  let at = 0;
  while (at < data.length) {
    const nameAt = at + 1;
    const sizeAt = nameAt + (data[at] as number);
    const valueAt = sizeAt + 4;
    if (sizeAt === nameAt || valueAt > data.length) throw zmtpError('The peer sent malformed metadata');
    const name = data.toString('latin1', nameAt, sizeAt);
    if (!/^[A-Za-z0-9\-_.+]+$/.test(name)) throw zmtpError('The peer sent a malformed metadata name');
    const end = valueAt + data.readUInt32BE(sizeAt);
    if (end > data.length)
      throw zmtpError(`The peer sent a metadata value longer than its command (${name})`);
    properties.set(name.toLowerCase(), data.subarray(valueAt, end));
    at = end;
  }
  return properties;
}
