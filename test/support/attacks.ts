/**
 * What somebody who does not belong can send a forwarder: each attack is a function that begins it and resolves when it
 * is in place. It goes on until the assailant ends.
 */
import type { Socket } from 'node:net';
import type { Assailant, Side } from './assailant.js';
import { frame, greeting, longHeader, readyFrame } from './zmtp-sockets.js';

const MIB = 1024 * 1024;
const SUBSCRIBE_TO_ALL = frame(0, '\x01');

/** All that a peer of `socketType` sends before its first message. */
function introduction(socketType: string): Buffer {
  return Buffer.concat([greeting({ minor: 1 }), readyFrame(socketType)]);
}

/**
 * Resolves when the forwarder has shaken hands, or hung up: it does so with a subscriber that does not wait for its
 * READY.
 */
function shakeHands(socket: Socket, socketType: string): Promise<void> {
  socket.write(introduction(socketType));
  return new Promise((resolve) => {
    let received = '';
    const done = (): void => {
      socket.off('data', read);
      resolve();
    };
    const read = (chunk: Buffer): void => {
      received += chunk.toString('latin1');
      if (received.includes('READY')) done();
    };
    socket.on('data', read);
    socket.once('close', done);
  });
}

/** The socket that belongs at `side`. */
const rightful = (side: Side): string => (side === 'xsub' ? 'PUB' : 'SUB');

/** A frame of `size` bytes without its body. */
const promised = (size: bigint, flags = 0): Buffer => longHeader(flags, size);

export interface Counted {
  readonly side: Side;
  readonly connections: number;
}

export interface Topics extends Counted {
  /** Over all connections. */
  readonly topics: number;
  readonly bytes: number;
  /** Every topic is given up again, a thousand later. @default false */
  readonly cancelled?: boolean;
}

export interface Lie extends Counted {
  /** What the frame's header says, as text: JSON has no 64-bit integers. */
  readonly size: string;
  /** How many bytes of it really come. */
  readonly sent: number;
  /** Whether it comes after a handshake, or as the handshake's command. */
  readonly stage: 'handshake' | 'ready';
}

const FOREIGN: readonly Buffer[] = [
  Buffer.from('GET / HTTP/1.1\r\nHost: forwarder\r\n\r\n'),
  // A TLS ClientHello, as far as anybody reads it.
  Buffer.from('16030100c8010000c40303'.padEnd(400, '5a'), 'hex'),
  Buffer.from('*1\r\n$4\r\nPING\r\n'),
  Buffer.alloc(4096),
  Buffer.alloc(4096, 0xff),
  greeting({ major: 0 }),
  greeting({ major: 1 }),
  greeting({ major: 2 }),
  greeting({ major: 255, minor: 255 }),
  greeting({ mechanism: 'PLAIN' }),
  greeting({ mechanism: 'CURVE' }),
  greeting({ mechanism: 'NO SUCH MECHANISM!' }),
  introduction('REQ'),
  introduction('ROUTER'),
  introduction('PAIR'),
  introduction(''),
  Buffer.concat([greeting(), frame(0, 'a message before READY')]),
  Buffer.concat([greeting(), frame(4, '\x05READY\xffname')]),
  Buffer.concat([greeting(), frame(4, '\x05ERROR\xffreason')]),
  // ZMTP 2.0: signature, revision, socket type SUB, an empty identity.
  Buffer.concat([Buffer.of(0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 1, 2, 0, 0), SUBSCRIBE_TO_ALL]),
  // ZMTP 1.0: an anonymous peer, then a frame of 2^64 - 1 bytes.
  Buffer.concat([Buffer.of(1, 0), Buffer.alloc(9, 0xff)]),
];

const BOTH_SIDES: readonly Side[] = ['xsub', 'xpub'];

export const ATTACKS = {
  /** Nothing is ever sent. */
  idle: (by: Assailant, { side, connections }: Counted) => by.hold(side, connections, () => undefined),

  /** The handshake stands still after so many of its bytes. */
  stall: (by: Assailant, { side, connections, after }: Counted & { readonly after: number }) =>
    by.hold(side, connections, (socket) => {
      socket.write(introduction(rightful(side)).subarray(0, after));
    }),

  /** The handshake, one byte after another. */
  trickle: (by: Assailant, { side, connections, everyMs }: Counted & { readonly everyMs: number }) =>
    by.hold(side, connections, (socket) => {
      const bytes = introduction(rightful(side));
      let at = 0;
      const timer = setInterval(() => {
        if (at < bytes.length) socket.write(bytes.subarray(at, ++at));
      }, everyMs);
      socket.once('close', () => clearInterval(timer));
    }),

  /** Frames that say they are longer than they are. */
  lie: (by: Assailant, { side, connections, size, sent, stage }: Lie) => {
    const header = promised(BigInt(size), stage === 'ready' ? 0 : 4);
    const body = Buffer.alloc(Math.min(sent, MIB), 1);
    return by.hold(side, connections, async (socket) => {
      if (stage === 'ready') await shakeHands(socket, rightful(side));
      else socket.write(greeting({ minor: 1 }));
      socket.write(header);
      let left = sent;
      by.inBackground(() =>
        by.pour(socket, () => {
          if (left === 0) return undefined;
          const some = body.subarray(0, Math.min(left, body.length));
          left -= some.length;
          return some;
        }),
      );
    });
  },

  /** Other protocols, other versions, other sockets, and noise, in turn. */
  foreign: async (by: Assailant, { connections }: { readonly connections: number }) => {
    let next = 0;
    for (const side of BOTH_SIDES) {
      await by.hold(side, connections / 2, (socket) => {
        socket.write(FOREIGN[next++ % FOREIGN.length] as Buffer);
      });
    }
  },

  /** Subscriptions, each to a topic of its own. */
  topics: async (by: Assailant, { side, connections, topics, bytes, cancelled = false }: Topics) => {
    let connection = 0;
    await by.hold(side, connections, async (socket) => {
      const mine = connection++;
      let next = 0;
      await shakeHands(socket, rightful(side));
      by.inBackground(() =>
        by.pour(socket, () => {
          const end = Math.min(next + 1000, topics / connections);
          if (next === end) return undefined;
          const frames: Buffer[] = [];
          for (; next < end; next += 1) {
            // What differs comes first, so that no topic shares its tail with another in the forwarder's tree.
            const topic = `${mine}.${next}.`.padEnd(bytes, '-');
            const flags = topic.length < 255 ? 0 : 2;
            frames.push(frame(flags, `\x01${topic}`));
            if (cancelled) frames.push(frame(flags, `\x00${topic}`));
          }
          return Buffer.concat(frames);
        }),
      );
    });
  },

  /** Subscribers to everything that never read. */
  stalled: (by: Assailant, { connections }: { readonly connections: number }) =>
    by.hold('xpub', connections, async (socket) => {
      await shakeHands(socket, 'SUB');
      socket.pause();
      socket.write(SUBSCRIBE_TO_ALL);
    }),

  /** Connections that shake hands and go, one after another, so many at a time. */
  churn: async (by: Assailant, { side, connections }: Counted) => {
    const subscribe = side === 'xpub' ? SUBSCRIBE_TO_ALL : Buffer.alloc(0);
    for (let i = 0; i < connections; i += 1) {
      by.inBackground(async () => {
        while (!by.isOver) {
          const socket = await by.dial(side);
          if (socket === undefined) continue;
          await shakeHands(socket, rightful(side));
          socket.end(subscribe);
        }
      });
    }
  },

  /** Publishers that send messages of so many bytes as fast as they are taken. */
  flood: (
    by: Assailant,
    { connections, bytes }: { readonly connections: number; readonly bytes: number },
  ) => {
    const message = frame(bytes < 256 ? 0 : 2, Buffer.alloc(bytes, 'f'));
    const some = Buffer.concat(Array.from({ length: Math.ceil(65_536 / message.length) }, () => message));
    return by.hold('xsub', connections, async (socket) => {
      await shakeHands(socket, 'PUB');
      by.inBackground(() => by.pour(socket, () => some));
    });
  },
} as const;

export type Attacks = typeof ATTACKS;
export type AttackName = keyof Attacks;
export type Parameters<Name extends AttackName> = globalThis.Parameters<Attacks[Name]>[1];
