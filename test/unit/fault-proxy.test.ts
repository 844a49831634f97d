import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { until } from '../conformance/transport-end.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { Listener } from '../support/zmtp-sockets.js';

/** A client and a target with the proxy between them, and what each has been sent so far. */
class Line implements AsyncDisposable {
  readonly proxy: FaultProxy;
  readonly listener: Listener;
  readonly client: Socket;
  readonly toTarget: Buffer[] = [];
  readonly toClient: Buffer[] = [];

  private constructor(proxy: FaultProxy, listener: Listener, client: Socket) {
    this.proxy = proxy;
    this.listener = listener;
    this.client = client;
    client.on('error', () => undefined);
    client.on('data', (chunk: Buffer) => this.toClient.push(chunk));
  }

  static async start(): Promise<Line> {
    const listener = await Listener.start({ port: 0, host: '127.0.0.1', allowHalfOpen: true });
    const proxy = await FaultProxy.start(listener.address);
    const line = new Line(proxy, listener, await dial(proxy));
    const [target] = await listener.sockets.first(1);
    target?.on('data', (chunk: Buffer) => line.toTarget.push(chunk));
    return line;
  }

  get target(): Socket {
    return this.listener.sockets.all[0] as Socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.destroy();
    await this.proxy[Symbol.asyncDispose]();
    await this.listener[Symbol.asyncDispose]();
  }
}

async function dial(proxy: FaultProxy): Promise<Socket> {
  const socket = connect(Number(proxy.address.split(':').at(-1)), '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString('latin1');

/** Long enough for bytes on this machine to pass, if they could: the one thing that no event tells. */
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));

describe('FaultProxy', () => {
  it('passes bytes and orderly ends both ways', async () => {
    await using line = await Line.start();
    line.client.end('question');
    await once(line.target, 'end');
    expect(text(line.toTarget)).toBe('question');
    line.target.end('answer');
    await once(line.client, 'close');
    expect(text(line.toClient)).toBe('answer');
    await until(() => line.proxy.connections === 0);
  });

  it('passes much, whole', async () => {
    await using line = await Line.start();
    const sent = Buffer.alloc(5_000_000, 'demitter');
    line.client.end(sent);
    await once(line.target, 'end');
    expect(Buffer.concat(line.toTarget).equals(sent)).toBe(true);
  });

  it('cut() - resets both sides, and takes new connections', async () => {
    await using line = await Line.start();
    const errors = Promise.all([once(line.client, 'error'), once(line.target, 'error')]);
    line.proxy.cut();
    expect((await errors).map(([error]) => error.code)).toEqual(['ECONNRESET', 'ECONNRESET']);
    const again = await dial(line.proxy);
    await line.listener.sockets.first(2);
    expect(line.proxy.connections).toBe(1);
    again.destroy();
  });

  it('partition() - nothing passes and nothing is closed until heal()', async () => {
    await using line = await Line.start();
    line.proxy.partition();
    line.client.write('question');
    line.target.end('answer');
    const late = await dial(line.proxy);
    late.write('late');
    await settled();
    expect([text(line.toTarget), text(line.toClient)]).toEqual(['', '']);
    expect(line.client.readableEnded).toBe(false);
    expect(line.listener.sockets.all).toHaveLength(1);
    line.proxy.heal();
    await once(line.client, 'end');
    const [, lateTarget] = await line.listener.sockets.first(2);
    const [lateBytes] = await once(lateTarget as Socket, 'data');
    expect([text(line.toTarget), text(line.toClient), String(lateBytes)]).toEqual([
      'question',
      'answer',
      'late',
    ]);
    late.destroy();
  });

  it('partition() - leaves the bytes to the kernel, which pushes back', async () => {
    await using line = await Line.start();
    line.proxy.partition();
    line.client.write(Buffer.alloc(1 << 25));
    await settled();
    expect(line.client.writableLength).toBeGreaterThan(0);
    const reset = once(line.client, 'error');
    line.proxy.cut();
    expect((await reset)[0]).toMatchObject({ code: 'ECONNRESET' });
  });

  it('silence() - stops one direction only', async () => {
    await using line = await Line.start();
    line.proxy.silence('toTarget');
    line.client.write('question');
    line.target.write('answer');
    await once(line.client, 'data');
    await settled();
    expect(text(line.toTarget)).toBe('');
    line.proxy.heal();
    await once(line.target, 'data');
    line.proxy.silence('toClient');
    line.target.write('answer');
    line.client.write('question');
    await once(line.target, 'data');
    await settled();
    expect([text(line.toTarget), text(line.toClient)]).toEqual(['questionquestion', 'answer']);
  });

  it('refuse() and accept() - close and open the same address, and leave connections alone', async () => {
    await using line = await Line.start();
    line.proxy.refuse();
    await expect(dial(line.proxy)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    line.client.write('still here');
    await once(line.target, 'data');
    line.proxy.accept();
    const again = await dial(line.proxy);
    await line.listener.sockets.first(2);
    again.destroy();
  });

  it('delay() - keeps the order', async () => {
    await using line = await Line.start();
    line.proxy.delay(50);
    const began = performance.now();
    line.client.write('1');
    await settled();
    line.proxy.delay(0);
    line.client.end('2');
    await once(line.target, 'end');
    expect(performance.now() - began).toBeGreaterThan(45);
    expect(text(line.toTarget)).toBe('12');
  });

  it('throttle() - takes as long as the bytes need', async () => {
    await using line = await Line.start();
    line.proxy.throttle(1_000_000);
    const began = performance.now();
    line.client.end(Buffer.alloc(200_000));
    await once(line.target, 'end');
    expect(performance.now() - began).toBeGreaterThan(150);
    expect(text(line.toTarget)).toHaveLength(200_000);
  });

  it('corrupt() - hands over every chunk, to be changed', async () => {
    await using line = await Line.start();
    line.proxy.corrupt((chunk, direction) =>
      direction === 'toTarget' ? Buffer.concat([chunk, chunk]) : chunk.subarray(1),
    );
    line.client.write('ab');
    line.target.write('abc');
    await Promise.all([once(line.target, 'data'), once(line.client, 'data')]);
    expect([text(line.toTarget), text(line.toClient)]).toEqual(['abab', 'bc']);
  });

  it('resets a client whose target refuses', async () => {
    await using line = await Line.start();
    await using proxy = await FaultProxy.start({ host: '127.0.0.1', port: await deadPort() });
    const client = await dial(proxy);
    const [error] = await once(client.resume(), 'error');
    expect(error).toMatchObject({ code: 'ECONNRESET' });
    expect(line.proxy.connections).toBe(1);
  });
});

async function deadPort(): Promise<number> {
  await using listener = await Listener.start();
  return listener.port;
}
