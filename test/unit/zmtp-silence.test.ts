/** A ZMTP connection whose peer falls silent: who is asked for a sign of life, how often, and what follows. */
import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ConnectionOptions } from '../../src/transport/zmtp/connection.js';
import { until } from '../conformance/transport-end.js';
import { frame, greeting, RecordedConnection, readyFrame, SocketPair } from '../support/zmtp-sockets.js';

/** As far as they are alike: the context follows. */
const PING = Buffer.from('\x04PING\0\0', 'latin1');
const PONG = frame(4, '\x04PONG');

/** Of a test's length. */
const HEARTBEAT = { intervalMs: 20, maxSilentTicks: 4 };

/** Handshake done; `pings` counts what the far end was asked. */
class Watched implements AsyncDisposable {
  readonly pair: SocketPair;
  readonly ours: RecordedConnection;
  pings = 0;
  receivedBytes = 0;
  onPing: () => void = () => undefined;

  private constructor(pair: SocketPair, options: Partial<ConnectionOptions>) {
    this.pair = pair;
    this.ours = new RecordedConnection(pair.near, { heartbeat: HEARTBEAT, ...options });
    pair.far.on('data', (chunk: Buffer) => {
      this.receivedBytes += chunk.length;
      for (let at = chunk.indexOf(PING); at !== -1; at = chunk.indexOf(PING, at + PING.length)) {
        this.pings += 1;
        this.onPing();
      }
    });
  }

  static async start(options: Partial<ConnectionOptions> = {}, minor = 1): Promise<Watched> {
    const watched = new Watched(await SocketPair.connect(), options);
    const peer = options.socketType === 'PUB' ? 'XSUB' : 'XPUB';
    watched.pair.far.write(Buffer.concat([greeting({ minor }), readyFrame(peer)]));
    await watched.ours.ready.first(1);
    return watched;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ours.connection.destroy();
    await this.pair[Symbol.asyncDispose]();
  }
}

afterEach(() => {
  vi.useRealTimers();
});

describe('ZmtpConnection with a heartbeat', () => {
  it.each(['PUB', 'SUB'] as const)('of type %s gives a silent peer up, and says so', async (socketType) => {
    await using watched = await Watched.start({ socketType });
    expect((await watched.ours.failures.first(1))[0]).toMatchObject({
      code: 'DEMITTER_NETWORK',
      message: 'The peer has been silent for 80 ms',
    });
    await until(() => watched.pings === 3);
  });

  it('resets the connection, so that nothing the kernel holds arrives later', async () => {
    await using watched = await Watched.start();
    const [error] = await once(watched.pair.far, 'error');
    expect(error).toMatchObject({ code: 'ECONNRESET' });
  });

  it('keeps a peer that answers', async () => {
    await using watched = await Watched.start();
    watched.onPing = () => watched.pair.far.write(PONG);
    await until(() => watched.pings >= 10);
    expect(watched.ours.failures.all).toEqual([]);
  });

  it('takes any byte for life, be it a part of a frame, if the peer answers when it can', async () => {
    await using watched = await Watched.start();
    const { far } = watched.pair;
    // Or Nagle's algorithm would hold single bytes back for longer than a tick.
    far.setNoDelay(true);
    // Less than a tick's worth of bytes between two answers.
    const parts = Array.from({ length: 30 }, () => [...frame(0, '0123456')].map((byte) => Buffer.of(byte)));
    const bytes = parts.flatMap((message) => [...message, PONG]);
    const trickle = setInterval(() => {
      const next = bytes.shift();
      if (next !== undefined) far.write(next);
    }, 1);
    await watched.ours.messages.first(30);
    clearInterval(trickle);
    expect(watched.ours.failures.all).toEqual([]);
  });

  it('asks nothing of a ZMTP 3.0 peer, which would not understand it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    await using _watched = await Watched.start({}, 0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('sends a PING along with each 256 KiB, so that a slow link tells that it is at work', async () => {
    await using watched = await Watched.start({
      socketType: 'PUB',
      heartbeat: { intervalMs: 60_000, maxSilentTicks: 4 },
    });
    for (let i = 0; i < 1_024; i += 1) watched.ours.connection.send(Buffer.alloc(1_024, 'x'));
    watched.ours.connection.flush();
    await until(() => watched.receivedBytes > 1_024 * 1_024);
    await until(() => watched.pings === 4);
  });

  it('does not pile up PINGs for a peer that does not read', async () => {
    await using watched = await Watched.start({ socketType: 'PUB' });
    watched.pair.far.pause();
    watched.ours.connection.send(Buffer.alloc(1 << 25));
    const { bufferedBytes } = watched.ours.connection;
    await watched.ours.failures.first(1);
    expect(watched.ours.connection.bufferedBytes).toBeLessThanOrEqual(bufferedBytes);
  });

  it('takes it for life that the peer reads a large message, however slowly', async () => {
    await using watched = await Watched.start({ socketType: 'PUB', maxMessageBytes: 1 << 26 });
    const { far } = watched.pair;
    watched.ours.connection.send(Buffer.alloc(1 << 25));
    watched.ours.connection.flush();
    far.pause();
    // Each time as much as makes the far kernel tell of new room.
    const sip = setInterval(() => {
      const before = watched.receivedBytes;
      far.resume();
      void until(() => watched.receivedBytes - before > 1 << 20 || far.destroyed).then(() => far.pause());
    }, 30);
    await until(() => watched.receivedBytes > 15 << 20 || watched.ours.failures.all.length > 0);
    clearInterval(sip);
    expect(watched.ours.failures.all).toEqual([]);
  });

  it.each(['end', 'destroy'] as const)('%s() - ends the heartbeat', async (method) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    await using watched = await Watched.start();
    expect(vi.getTimerCount()).toBe(1);
    await watched.ours.connection[method](5_000);
    expect(vi.getTimerCount()).toBe(0);
  });
});
