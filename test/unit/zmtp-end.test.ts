/** The end of a ZMTP connection whose peer confirms what it has read: how long it waits, and what it says was not. */
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { until } from '../conformance/transport-end.js';
import { frame, greeting, RecordedConnection, readyFrame, SocketPair } from '../support/zmtp-sockets.js';

/** Of PINGs there are those of the data and the last one only. */
const HEARTBEAT = { intervalMs: 60_000, maxSilentTicks: 4 };
const KIB = 1024;

/** A publisher that has shaken hands, and the other side of its connection, which reads and answers when it is told. */
class Ended implements AsyncDisposable {
  readonly pair: SocketPair;
  readonly ours: RecordedConnection;
  /** How many PINGs are answered. */
  answers = Number.POSITIVE_INFINITY;
  received = Buffer.alloc(0);

  private constructor(pair: SocketPair) {
    this.pair = pair;
    this.ours = new RecordedConnection(pair.near, { socketType: 'PUB', heartbeat: HEARTBEAT });
    pair.far.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.#answer();
    });
    pair.far.on('error', () => undefined);
  }

  static async start(options: { allowHalfOpen?: boolean } = {}, minor = 1): Promise<Ended> {
    const ended = new Ended(await SocketPair.connect(options));
    ended.pair.far.write(Buffer.concat([greeting({ minor }), readyFrame('XSUB')]));
    await ended.ours.ready.first(1);
    return ended;
  }

  send(...sizes: number[]): this {
    for (const size of sizes) this.ours.connection.send(Buffer.alloc(size, 'x'));
    this.ours.connection.flush();
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ours.connection.destroy();
    await this.pair[Symbol.asyncDispose]();
  }

  /** No message has such bytes in it. */
  #answer(): void {
    for (;;) {
      const at = this.received.indexOf('\x04PING\0\0', 0, 'latin1');
      if (at === -1 || this.received.length < at + 13) return;
      const context = this.received.subarray(at + 7, at + 13);
      this.received = this.received.subarray(at + 13);
      this.answers -= 1;
      if (this.answers >= 0) this.pair.far.write(frame(4, `\x04PONG${context.toString('latin1')}`));
    }
  }
}

describe('ZmtpConnection.unconfirmedBytes', () => {
  it('falls with the answers to the PINGs that go along, not with what the kernel takes', async () => {
    await using ended = await Ended.start();
    ended.send(200 * KIB, 100 * KIB, 50);
    expect(ended.ours.connection.unconfirmedBytes).toBe(300 * KIB + 50);
    await until(() => ended.ours.connection.unconfirmedBytes === 50);
    expect(ended.ours.connection.bufferedBytes).toBe(0);
  });

  it('keeps its value when the connection breaks', async () => {
    await using ended = await Ended.start();
    ended.send(50, 7);
    ended.pair.far.resetAndDestroy();
    await ended.ours.failures.first(1);
    expect(ended.ours.connection.unconfirmedBytes).toBe(57);
  });

  it('is bounded for a peer that reads and answers nothing', async () => {
    await using ended = await Ended.start();
    ended.answers = 0;
    const { connection } = ended.ours;
    for (let i = 0; i < 80; i += 1) {
      ended.send(1024 * KIB);
      await until(() => connection.bufferedBytes === 0);
      ended.received = Buffer.alloc(0);
    }
    expect(connection.unconfirmedBytes).toBeGreaterThanOrEqual(32 * 1024 * KIB);
    expect(connection.unconfirmedBytes).toBeLessThanOrEqual(34 * 1024 * KIB);
  });

  it('of a ZMTP 3.0 peer is what the kernel has not taken', async () => {
    await using ended = await Ended.start({}, 0);
    ended.send(50);
    await until(() => ended.ours.connection.unconfirmedBytes === 0);
    expect(await ended.ours.connection.end(10_000)).toBe(0);
  });
});

describe('ZmtpConnection.end()', () => {
  it('waits until the peer has read everything', async () => {
    await using ended = await Ended.start();
    expect(await ended.send(3, 300 * KIB, 5).ours.connection.end(10_000)).toBe(0);
    expect(ended.ours.failures.all).toEqual([]);
  });

  it('asks nothing if everything is confirmed', async () => {
    await using ended = await Ended.start();
    ended.answers = 0;
    expect(await ended.ours.connection.end(10_000)).toBe(0);
    expect(ended.received.includes('PING')).toBe(false);
  });

  it('does not take it for read that the kernel took it, and resets the connection when the time is up', async () => {
    await using ended = await Ended.start();
    ended.answers = 0;
    const reset = once(ended.pair.far, 'error');
    expect(await ended.send(20, 30).ours.connection.end(50)).toBe(50);
    expect((await reset)[0]).toMatchObject({ code: 'ECONNRESET' });
    expect(ended.ours.failures.all).toEqual([]);
  });

  it('says exactly what lies behind the last PING that was answered', async () => {
    await using ended = await Ended.start();
    ended.answers = 1;
    expect(await ended.send(256 * KIB, 20).ours.connection.end(500)).toBe(20);
  });

  it.each([
    ['resets', (ended: Ended) => ended.pair.far.resetAndDestroy()],
    ['closes', (ended: Ended) => ended.pair.far.destroy()],
    ['closes its side of', (ended: Ended) => ended.pair.far.end()],
    ['breaks the rules of', (ended: Ended) => ended.pair.far.write(Buffer.of(0x80))],
  ])('ends at once when the peer %s the connection', async (_what, act) => {
    await using ended = await Ended.start({ allowHalfOpen: true });
    ended.answers = 0;
    const end = ended.send(20, 30).ours.connection.end(3_600_000);
    act(ended);
    expect(await end).toBe(50);
    expect(ended.ours.failures.all).toEqual([]);
  });

  it('hands nothing on while it waits', async () => {
    await using ended = await Ended.start();
    ended.answers = 0;
    const end = ended.send(20).ours.connection.end(200);
    ended.pair.far.write(
      Buffer.concat([frame(0, '\x01a'), frame(4, '\x09SUBSCRIBEb'), frame(1, 'c'), frame(0, 'd')]),
    );
    expect(await end).toBe(20);
    expect(ended.ours.subscriptions.all).toEqual([]);
  });

  it('waits no longer for a peer that read all and keeps its side open', async () => {
    await using ended = await Ended.start({ allowHalfOpen: true });
    expect(await ended.send(20).ours.connection.end(200)).toBe(0);
  });
});
