/**
 * A forwarder that sends nonsense, instead of ZMTP or within it: an emitter neither crashes nor hangs nor gathers
 * memory, goes on dialling, and works as soon as an honest forwarder is there. `PROPERTY_SEED` draws other nonsense.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { DistributedEmitter } from '../../src/emitter.js';
import { createForwarder } from '../../src/forwarder.js';
import { DEFAULT_TIMING } from '../../src/transport/zmtp/link.js';
import { createZmtpTransport } from '../../src/transport/zmtp/zmtp.js';
import { byForm, tellFigures } from '../support/fault-form.js';
import { MIB, residentBytes, toMib } from '../support/process-memory.js';
import { drawStream } from '../support/zmtp-streams.js';

const SEED = Number(process.env.PROPERTY_SEED ?? 1);
const CONVERSATIONS = { short: 500, long: 20_000 };
/** What runs for the first time takes memory that stays. */
const WARM_UP = 100;
const MAX_GROWTH = 64 * MIB;

/** Thousands of connections are to fail in a short time. */
const IMPATIENT = {
  ...DEFAULT_TIMING,
  handshakeTimeoutMs: 200,
  minRetryMs: 0,
  firstRetryMs: 1,
  maxRetryMs: 1,
};

test('an emitter outlives a forwarder that sends nonsense', async () => {
  const count = byForm(CONVERSATIONS);
  await using xsub = await Madhouse.open(['XSUB', 'SUB', 'PULL']);
  await using xpub = await Madhouse.open(['XPUB', 'PUB', 'PUSH']);
  const { address: xsubAddress } = xsub;
  const { address: xpubAddress } = xpub;
  await using emitter = new DistributedEmitter({
    transport: (context) => createZmtpTransport(context, { timing: IMPATIENT }),
    xsubAddress,
    xpubAddress,
  });
  const errors = new Map<string, number>();
  emitter.on('distributed:error', ({ code }) => void errors.set(code, (errors.get(code) ?? 0) + 1));
  let nonsense = 0;
  emitter.onAny(() => {
    nonsense += 1;
  });
  void emitter.connect();

  await Promise.all([xsub.hasSpoken(WARM_UP), xpub.hasSpoken(WARM_UP)]);
  const residentBefore = await residentBytes(process.pid);
  await Promise.all([xsub.hasSpoken(count), xpub.hasSpoken(count)]);
  const growth = (await residentBytes(process.pid)) - residentBefore;
  await Promise.all([xsub.close(), xpub.close()]);

  await using _forwarder = await createForwarder({ xsubAddress, xpubAddress });
  await emitter.ready();
  await using other = new DistributedEmitter({ xsubAddress, xpubAddress });
  await other.connect();
  const arrived = new Promise((resolve) => emitter.on('sense', resolve));
  await emitter.ready();
  await other.emit('sense', 'made');
  expect(await arrived).toBe('made');
  expect(nonsense, 'events that nobody emitted').toBe(1);
  tellFigures(`${count} conversations of nonsense with each connection of an emitter`, {
    growth: `${toMib(growth)} MiB`,
    told: [...errors].map(([code, times]) => `${times} × ${code}`).join(', '),
  });
  expect(growth).toBeLessThan(MAX_GROWTH);
});

/** Answers every connection with nonsense of its own. */
class Madhouse implements AsyncDisposable {
  readonly #server = createServer();
  readonly #sockets = new Set<Socket>();
  readonly #socketTypes: readonly string[];
  #connections = 0;
  #waiting: { readonly count: number; readonly resolve: () => void } | undefined;

  private constructor(socketTypes: readonly string[]) {
    this.#socketTypes = socketTypes;
    this.#server.on('connection', (socket) => void this.#speak(socket));
  }

  static async open(socketTypes: readonly string[]): Promise<Madhouse> {
    const house = new Madhouse(socketTypes);
    house.#server.listen(0, '127.0.0.1');
    await once(house.#server, 'listening');
    return house;
  }

  get address(): string {
    return `tcp://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves when there were so many connections. */
  hasSpoken(count: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#connections >= count) resolve();
      else this.#waiting = { count, resolve };
    });
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #speak(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.resume();
    const seed = SEED * 1_000_000 + this.#connections++;
    if (this.#connections === this.#waiting?.count) this.#waiting.resolve();
    const { introduction, rest } = drawStream(seed, this.#socketTypes);
    for (const piece of [...introduction, ...rest]) {
      if (socket.destroyed) return;
      socket.write(piece);
      await turn();
    }
    if (seed % 3 === 0) socket.resetAndDestroy();
    else socket.end();
  }
}
