/** Plain sockets for tests of the ZMTP peer: connected pairs, listeners, and the bytes a raw peer would send. */
import { once } from 'node:events';
import {
  type AddressInfo,
  connect,
  createServer,
  type ListenOptions,
  type Server,
  type Socket,
} from 'node:net';
import {
  type ConnectionHandlers,
  type ConnectionOptions,
  ZmtpConnection,
} from '../../src/transport/zmtp/connection.js';
import { NullMechanism } from '../../src/transport/zmtp/null-mechanism.js';
import { Mailbox } from '../conformance/mailbox.js';

/** A server on a free port (or as `options` say) that hands over every socket, and closes all of them in the end. */
export class Listener implements AsyncDisposable {
  readonly sockets = new Mailbox<Socket>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      socket.on('error', () => undefined);
      this.sockets.push(socket);
    });
  }

  static async start(
    options: ListenOptions & { allowHalfOpen?: boolean } = { port: 0, host: '127.0.0.1' },
  ): Promise<Listener> {
    const server = createServer({ allowHalfOpen: options.allowHalfOpen === true });
    const listener = new Listener(server);
    server.listen(options);
    await once(server, 'listening');
    return listener;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get address(): string {
    return `tcp://127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets.all) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** Both ends of one TCP connection. */
export class SocketPair implements AsyncDisposable {
  readonly near: Socket;
  readonly far: Socket;
  readonly #listener: Listener;

  private constructor(near: Socket, far: Socket, listener: Listener) {
    this.near = near;
    this.far = far;
    this.#listener = listener;
  }

  /** `allowHalfOpen` is for the far end. */
  static async connect(options: { allowHalfOpen?: boolean } = {}): Promise<SocketPair> {
    const listener = await Listener.start({ port: 0, host: '127.0.0.1', ...options });
    const near = connect(listener.port, '127.0.0.1');
    await once(near, 'connect');
    const [far] = await listener.sockets.first(1);
    return new SocketPair(near, far as Socket, listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { near } = this;
    if (!near.closed) {
      const closed = once(near, 'close');
      near.destroy();
      await closed;
    }
    await this.#listener[Symbol.asyncDispose]();
  }
}

/** A connection whose every report is kept. */
export class RecordedConnection {
  readonly ready = new Mailbox<true>();
  readonly messages = new Mailbox<Buffer>();
  readonly subscriptions = new Mailbox<{
    readonly prefix: Buffer;
    readonly change: 'subscribe' | 'cancel';
  }>();
  readonly dropped = new Mailbox<Error>();
  readonly failures = new Mailbox<Error & { readonly code: string }>();
  readonly connection: ZmtpConnection;

  constructor(
    socket: Socket,
    options: Partial<ConnectionOptions> = {},
    handlers: Partial<ConnectionHandlers> = {},
  ) {
    const socketType = options.socketType ?? 'SUB';
    const defaults: ConnectionOptions = {
      socketType,
      mechanism: new NullMechanism(socketType),
      maxMessageBytes: 1 << 20,
      handshakeTimeoutMs: 10_000,
    };
    socket.on('data', (chunk: Buffer) => this.connection.receive(chunk));
    this.connection = new ZmtpConnection(
      socket,
      { ...defaults, ...options },
      {
        onReady: () => this.ready.push(true),
        onMessage: (message) => this.messages.push(Buffer.from(message)),
        onSubscription: (prefix, change) => this.subscriptions.push({ prefix, change }),
        onDropped: (cause) => this.dropped.push(cause),
        onFailed: (cause) => this.failures.push(cause),
        ...handlers,
      },
    );
  }
}

/** A greeting as a peer of any version and mechanism would send it. */
export function greeting(fields: { major?: number; minor?: number; mechanism?: string } = {}): Buffer {
  const bytes = Buffer.alloc(64);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = fields.major ?? 3;
  bytes[11] = fields.minor ?? 0;
  bytes.write(fields.mechanism ?? 'NULL', 12, 'latin1');
  return bytes;
}

/** A frame, built independently of the code under test. */
export function frame(flags: number, body: Uint8Array | string): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
  if ((flags & 2) === 0) return Buffer.concat([Buffer.of(flags, bytes.length), bytes]);
  return Buffer.concat([longHeader(flags, BigInt(bytes.length)), bytes]);
}

export function longHeader(flags: number, size: bigint): Buffer {
  const header = Buffer.alloc(9);
  header[0] = flags | 2;
  header.writeBigUInt64BE(size, 1);
  return header;
}

/** A READY command frame. `\x05READY`, then `\x0bSocket-Type`, a length in four bytes, the type. */
export function readyFrame(socketType: string): Buffer {
  return frame(4, `\x05READY\x0bSocket-Type\0\0\0${String.fromCharCode(socketType.length)}${socketType}`);
}
