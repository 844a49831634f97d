/** One connection between our ZMTP peer and a zeromq.js socket, whichever of them dials. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as zmq from 'zeromq';
import type { ConnectionOptions } from '../../src/transport/zmtp/connection.js';
import { Listener, RecordedConnection } from './zmtp-sockets.js';

export type Role = 'dialling' | 'accepting';
export type Protocol = 'tcp' | 'ipc';
export type PubSubSocket = zmq.Publisher | zmq.XPublisher | zmq.Subscriber | zmq.XSubscriber;

export class Conversation<S extends PubSubSocket> implements AsyncDisposable {
  readonly theirs: S;
  readonly ours: RecordedConnection;
  readonly socket: Socket;
  readonly #release: () => Promise<void>;

  private constructor(
    theirs: S,
    socket: Socket,
    options: Partial<ConnectionOptions>,
    release: () => Promise<void>,
  ) {
    this.theirs = theirs;
    this.socket = socket;
    this.ours = new RecordedConnection(socket, options);
    this.#release = release;
  }

  /** `role` is ours. Resolves after the handshake. */
  static async start<S extends PubSubSocket>(
    theirs: S,
    role: Role,
    protocol: Protocol,
    options: Partial<ConnectionOptions> = {},
  ): Promise<Conversation<S>> {
    // Unsent bytes must not keep the test's process from ending.
    theirs.linger = 0;
    const folder = await mkdtemp(join(tmpdir(), 'demitter-'));
    const path = join(folder, 'socket');
    let listener: Listener | undefined;
    let socket: Socket;
    if (role === 'dialling') {
      await theirs.bind(protocol === 'ipc' ? `ipc://${path}` : 'tcp://127.0.0.1:*');
      socket = protocol === 'ipc' ? connect(path) : connect(portOf(theirs), '127.0.0.1');
      await once(socket, 'connect');
    } else {
      listener = await Listener.start(protocol === 'ipc' ? { path } : undefined);
      theirs.connect(protocol === 'ipc' ? `ipc://${path}` : listener.address);
      socket = (await listener.sockets.first(1))[0] as Socket;
    }
    const socketType = theirs.type === 1 || theirs.type === 9 ? 'SUB' : 'PUB';
    const conversation = new Conversation(theirs, socket, { socketType, ...options }, async () => {
      theirs.close();
      await listener?.[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    });
    await conversation.ours.ready.first(1);
    return conversation;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ours.connection.destroy();
    await this.#release();
  }
}

export function portOf(socket: PubSubSocket): number {
  return Number(/:(\d+)$/.exec(socket.lastEndpoint ?? '')?.[1]);
}
