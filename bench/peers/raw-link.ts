/**
 * The least that a working link to a forwarder takes: two TCP connections, ZMTP's handshake on each, a subscription,
 * and a probe that comes back. Written by hand on `node:net`, with none of the checks that a client needs.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Addresses } from './peer.js';

const GREETING_BYTES = 64;
const COMMAND = 4;
const TOPIC = Buffer.from('raw-link-probe');
/** As a subscription and a probe are on different connections, the first probe may come too early. */
const REPEAT_MS = 1;

export class RawLink {
  readonly #sockets: readonly Socket[];

  private constructor(sockets: readonly Socket[]) {
    this.#sockets = sockets;
  }

  /** Resolves when the probe has come back. */
  static async open({ xsubAddress, xpubAddress }: Addresses): Promise<RawLink> {
    const [publisher, subscriber] = await Promise.all([
      openConnection(xsubAddress ?? '', 'PUB'),
      openConnection(xpubAddress ?? '', 'SUB'),
    ]);
    const echo = once(subscriber, 'data');
    subscriber.write(frame(Buffer.concat([Buffer.of(1), TOPIC])));
    const probe = frame(TOPIC);
    publisher.write(probe);
    const repeating = setInterval(() => publisher.write(probe), REPEAT_MS);
    await echo;
    clearInterval(repeating);
    return new RawLink([publisher, subscriber]);
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Connected, and past the handshake: the peer has sent its greeting and its READY. */
async function openConnection(address: string, socketType: 'PUB' | 'SUB'): Promise<Socket> {
  const { hostname, port } = new URL(address);
  const socket = connect(Number(port), hostname).setNoDelay();
  await once(socket, 'connect');
  socket.write(Buffer.concat([greeting(), ready(socketType)]));
  await received(socket, GREETING_BYTES + 2);
  return socket;
}

/** Resolves when so many bytes have come; the rest of what is here belongs to the peer's READY, which is one segment. */
function received(socket: Socket, bytes: number): Promise<void> {
  let missing = bytes;
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.on('data', function onData(chunk: Buffer) {
      missing -= chunk.length;
      if (missing > 0) return;
      socket.off('data', onData);
      resolve();
    });
  });
}

/** ZMTP 3.0, mechanism NULL. */
function greeting(): Buffer {
  const bytes = Buffer.alloc(GREETING_BYTES);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes.write('NULL', 12);
  return bytes;
}

function ready(socketType: string): Buffer {
  const text = (value: string): Buffer => Buffer.concat([Buffer.of(value.length), Buffer.from(value)]);
  return frame(
    Buffer.concat([
      text('READY'),
      text('Socket-Type'),
      Buffer.of(0, 0, 0, socketType.length),
      Buffer.from(socketType),
    ]),
    COMMAND,
  );
}

function frame(body: Buffer, flags = 0): Buffer {
  return Buffer.concat([Buffer.of(flags, body.length), body]);
}
