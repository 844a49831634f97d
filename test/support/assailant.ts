/**
 * The connections of somebody who does not belong: dialled from a process of its own, kept up against a forwarder that
 * drops them, filled as fast as it reads, and all gone at the end. What goes over them is in attacks.ts.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as lasting } from 'node:timers/promises';

export type Side = 'xsub' | 'xpub';
export type Ports = Readonly<Record<Side, number>>;

/** One that was dropped is dialled again after this. */
const REDIAL_MS = 20;
/** So many are dialled at once: more than the forwarder's backlog holds would only wait for the kernel's retries. */
const DIALLED_AT_ONCE = 200;

/** What is done with a connection. */
export type Use = (socket: Socket) => void | Promise<void>;

export interface Tally {
  /** Connections that were made. */
  made: number;
  /** Of these, how many the forwarder ended. */
  dropped: number;
  /** Bytes handed to the kernel. */
  sent: number;
}

export class Assailant {
  readonly #ports: Ports;
  readonly #sockets = new Set<Socket>();
  readonly #work: Promise<void>[] = [];
  readonly #tally: Tally = { made: 0, dropped: 0, sent: 0 };
  readonly #over = new AbortController();

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  get isOver(): boolean {
    return this.#over.signal.aborted;
  }

  /** A connected socket, or none if the forwarder does not take it. It is read, and what comes is thrown away. */
  async dial(side: Side): Promise<Socket | undefined> {
    const socket = connect({ port: this.#ports[side], host: '127.0.0.1' });
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.resume();
    const isUp = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('close', () => resolve(false));
    });
    if (!isUp || this.isOver) {
      socket.destroy();
      return undefined;
    }
    this.#tally.made += 1;
    socket.once('close', () => {
      this.#tally.sent += socket.bytesWritten;
      if (!this.isOver) this.#tally.dropped += 1;
    });
    return socket;
  }

  /** Keeps up `count` connections and does `use` with each new one. Resolves when it has been done so often. */
  async hold(side: Side, count: number, use: Use): Promise<void> {
    for (let made = 0; made < count; made += DIALLED_AT_ONCE) {
      const some = Math.min(DIALLED_AT_ONCE, count - made);
      await Promise.all(Array.from({ length: some }, () => this.#keep(side, use)));
    }
  }

  async #keep(side: Side, use: Use): Promise<void> {
    const socket = await this.dial(side);
    const again = (): void => {
      this.inBackground(async () => {
        await lasting(REDIAL_MS);
        if (!this.isOver) await this.#keep(side, use);
      });
    };
    if (socket === undefined) {
      if (!this.isOver) again();
      return;
    }
    socket.once('close', () => {
      if (!this.isOver) again();
    });
    await use(socket);
  }

  /** Sends what `produce` gives, as fast as `socket` takes it, until it gives nothing more or the end. */
  async pour(socket: Socket, produce: () => Buffer | undefined): Promise<void> {
    while (!this.isOver && !socket.destroyed) {
      const bytes = produce();
      if (bytes === undefined) return;
      if (socket.write(bytes)) continue;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          socket.off('drain', done);
          socket.off('close', done);
          resolve();
        };
        socket.on('drain', done);
        socket.on('close', done);
      });
    }
  }

  /** Goes on until the end, or for ever: {@link end} waits for it. */
  inBackground(work: () => Promise<void>): void {
    this.#work.push(work());
  }

  /** Ends everything and says what there was. */
  async end(): Promise<Tally> {
    this.#over.abort();
    for (const socket of this.#sockets) {
      // What is buffered is not worth waiting for.
      if (socket.connecting) socket.destroy();
      else socket.resetAndDestroy();
    }
    await Promise.all(this.#work);
    return this.#tally;
  }
}
