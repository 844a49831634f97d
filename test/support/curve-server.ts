/**
 * CURVE's server (RFC 26), written from the RFC with libsodium-wrappers and nothing of the code under test: libzmq's
 * clients understand it, and tests make it say what no honest server would.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import sodium from 'libsodium-wrappers';
import type { KeyPair } from '../../src/keys.js';
import { Mailbox } from '../conformance/mailbox.js';
import { frame, greeting } from './zmtp-sockets.js';

await sodium.ready;

const COMMAND_FRAME = 4;
const LONG = 2;

interface Frame {
  readonly flags: number;
  readonly body: Buffer;
}

export class CurveServer {
  readonly #socket: Socket;
  readonly #longTerm: KeyPair;
  readonly #shortTerm = sodium.crypto_box_keypair();
  readonly #frames = new Mailbox<Frame>();
  #taken = 0;
  #received: Buffer = Buffer.alloc(0);
  /** C', when HELLO has come. */
  #client: Buffer = Buffer.alloc(0);
  #lastNonce = 0n;
  #lastClientNonce = 0n;

  constructor(socket: Socket, longTerm: KeyPair) {
    this.#socket = socket;
    this.#longTerm = longTerm;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
  }

  write(...parts: readonly Uint8Array[]): void {
    this.#socket.write(Buffer.concat(parts));
  }

  /** The next frame of the client. */
  async next(): Promise<Frame> {
    this.#taken += 1;
    return (await this.#frames.first(this.#taken))[this.#taken - 1] as Frame;
  }

  /** Up to the client's INITIATE. Returns its long-term key and its metadata. */
  async meet(): Promise<{ key: Buffer; metadata: string }> {
    this.greet();
    await this.hello();
    this.write(this.welcome());
    return this.initiate();
  }

  async shakeHands(socketType: string): Promise<{ key: Buffer; metadata: string }> {
    const client = await this.meet();
    this.write(this.ready(socketType));
    return client;
  }

  greet(): void {
    this.write(greeting({ minor: 1, mechanism: 'CURVE' }));
  }

  async hello(): Promise<void> {
    const { flags, body } = await this.next();
    check(flags === COMMAND_FRAME && body.length === 200, 'HELLO is a command of 200 bytes');
    check(body.toString('latin1', 0, 8) === '\x05HELLO\x01\x00', 'HELLO has the version 1.0');
    check(body.subarray(8, 80).equals(Buffer.alloc(72)), 'HELLO is padded with zeros');
    this.#client = body.subarray(80, 112);
    const nonce = Buffer.concat([Buffer.from('CurveZMQHELLO---'), this.#clientNonce(body, 112)]);
    const secret = this.#longTerm.secretKey.bytes;
    const proof = sodium.crypto_box_open_easy(body.subarray(120), nonce, this.#client, secret);
    check(Buffer.from(proof).equals(Buffer.alloc(64)), 'HELLO boxes 64 zeros');
  }

  /** `shortTermKey` in place of our own. */
  welcome(
    shortTermKey: Uint8Array = this.#shortTerm.publicKey,
    secret = this.#longTerm.secretKey.bytes,
  ): Buffer {
    const nonce = randomBytes(16);
    const content = Buffer.concat([shortTermKey, randomBytes(96)]);
    const box = sodium.crypto_box_easy(
      content,
      Buffer.concat([Buffer.from('WELCOME-'), nonce]),
      this.#client,
      secret,
    );
    return frame(COMMAND_FRAME, Buffer.concat([Buffer.from('\x07WELCOME'), nonce, box]));
  }

  async initiate(): Promise<{ key: Buffer; metadata: string }> {
    const { flags, body } = await this.next();
    check((flags & COMMAND_FRAME) !== 0, 'INITIATE is a command');
    check(body.toString('latin1', 0, 9) === '\x08INITIATE', 'INITIATE follows WELCOME');
    const nonce = Buffer.concat([Buffer.from('CurveZMQINITIATE'), this.#clientNonce(body, 105)]);
    const ours = this.#shortTerm.privateKey;
    const content = Buffer.from(sodium.crypto_box_open_easy(body.subarray(113), nonce, this.#client, ours));
    const key = content.subarray(0, 32);
    const vouchNonce = Buffer.concat([Buffer.from('VOUCH---'), content.subarray(32, 48)]);
    const vouch = sodium.crypto_box_open_easy(content.subarray(48, 128), vouchNonce, key, ours);
    const expected = Buffer.concat([this.#client, this.#longTerm.publicKey]);
    check(Buffer.from(vouch).equals(expected), 'the client vouches for its short-term key, to us');
    return { key, metadata: content.toString('latin1', 128) };
  }

  ready(socketType: string): Buffer {
    const length = String.fromCharCode(socketType.length);
    return this.readyWith(Buffer.from(`\x0bSocket-Type\0\0\0${length}${socketType}`, 'latin1'));
  }

  readyWith(metadata: Uint8Array): Buffer {
    const nonce = this.#nextNonce();
    const box = this.#box(metadata, 'CurveZMQREADY---', nonce);
    return frame(COMMAND_FRAME, Buffer.concat([Buffer.from('\x05READY'), nonce, box]));
  }

  /** A MESSAGE frame. `flags` are those in the box. */
  message(content: Uint8Array | string, { flags = 0, nonce = this.#nextNonce() } = {}): Buffer {
    const plain = Buffer.concat([Buffer.of(flags), Buffer.from(content as string, 'latin1')]);
    const box = this.#box(plain, 'CurveZMQMESSAGES', nonce);
    const body = Buffer.concat([Buffer.from('\x07MESSAGE'), nonce, box]);
    return frame(body.length > 255 ? LONG : 0, body);
  }

  /** What is in the next frame, which has to be a MESSAGE. */
  async nextMessage(): Promise<{ flags: number; content: Buffer }> {
    const { flags, body } = await this.next();
    check(flags === 0 || flags === LONG, 'MESSAGE is a message frame');
    check(body.toString('latin1', 0, 8) === '\x07MESSAGE', 'all that follows is MESSAGE');
    const nonce = Buffer.concat([Buffer.from('CurveZMQMESSAGEC'), this.#clientNonce(body, 8)]);
    const plain = Buffer.from(
      sodium.crypto_box_open_easy(body.subarray(16), nonce, this.#client, this.#shortTerm.privateKey),
    );
    return { flags: plain[0] as number, content: plain.subarray(1) };
  }

  #box(content: Uint8Array, prefix: string, nonce: Uint8Array): Uint8Array {
    const longNonce = Buffer.concat([Buffer.from(prefix), nonce]);
    return sodium.crypto_box_easy(content, longNonce, this.#client, this.#shortTerm.privateKey);
  }

  #nextNonce(): Buffer {
    this.#lastNonce += 1n;
    return shortNonce(this.#lastNonce);
  }

  #clientNonce(body: Buffer, at: number): Buffer {
    const nonce = body.readBigUInt64BE(at);
    check(nonce > this.#lastClientNonce, 'nonces only go up');
    this.#lastClientNonce = nonce;
    return body.subarray(at, at + 8);
  }

  #read(chunk: Buffer): void {
    const isGreeted = this.#frames.all.length > 0;
    this.#received = Buffer.concat([this.#received, chunk]);
    if (!isGreeted && this.#received[0] === 0xff) {
      if (this.#received.length < 64) return;
      check(this.#received.toString('latin1', 12, 17) === 'CURVE', 'the greeting asks for CURVE');
      this.#received = this.#received.subarray(64);
    }
    for (;;) {
      const flags = this.#received[0];
      if (flags === undefined) return;
      const headerBytes = (flags & LONG) === 0 ? 2 : 9;
      if (this.#received.length < headerBytes) return;
      const size =
        (flags & LONG) === 0 ? (this.#received[1] as number) : Number(this.#received.readBigUInt64BE(1));
      if (this.#received.length < headerBytes + size) return;
      this.#frames.push({ flags, body: this.#received.subarray(headerBytes, headerBytes + size) });
      this.#received = this.#received.subarray(headerBytes + size);
    }
  }
}

export function shortNonce(value: bigint): Buffer {
  const nonce = Buffer.alloc(8);
  nonce.writeBigUInt64BE(value);
  return nonce;
}

function check(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`Not so: ${what}`);
}
