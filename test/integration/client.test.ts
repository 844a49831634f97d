import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createDistributedEmitter, DistributedEmitter } from '../../src/emitter.js';
import type { DistributedError } from '../../src/errors.js';
import type { StatusChange } from '../../src/status.js';
import { Bus } from '../support/bus.js';
import { spawnSource } from '../support/process.js';

/** A port that nothing listens on at the moment. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('connecting', () => {
  test('createDistributedEmitter() - resolves ready, with an id of its own', async () => {
    await using bus = await Bus.start();
    const [a, b] = await Promise.all([bus.emitter(), bus.emitter()]);
    expect([a.status, b.status]).toEqual(['ready', 'ready']);
    expect(a.id).toMatch(/^[0-9a-f]{14}$/);
    expect(a.id).not.toBe(b.id);
  });

  test('new and connect() - listeners added before, and events emitted before, count', async () => {
    await using bus = await Bus.start();
    await using early = new DistributedEmitter(bus.addresses);
    const changes: string[] = [];
    early.on('distributed:status', ({ status }: StatusChange) => changes.push(status));
    const heard = early.once('to-early');
    const other = await bus.emitter();
    const fromEarly = other.once('from-early');
    await other.ready();
    await early.emit('from-early', 1);
    expect(early.status).toBe('idle');
    await early.connect();
    await other.emit('to-early', 2);
    expect([await fromEarly, await heard]).toEqual([1, 2]);
    await early.close();
    expect(changes).toEqual(['connecting', 'ready', 'closing', 'closed']);
  });

  test('connect() - gives the same promise each time', async () => {
    await using bus = await Bus.start();
    await using emitter = new DistributedEmitter(bus.addresses);
    expect(emitter.connect()).toBe(emitter.connect());
    await emitter.connect();
  });

  test('without a forwarder - returns after connectTimeout, says so, and works once the forwarder is there', async () => {
    const [xsubPort, xpubPort] = [await freePort(), await freePort()];
    await using emitter = new DistributedEmitter({ xsubPort, xpubPort, connectTimeout: 50 });
    const told = emitter.once('distributed:error');
    await emitter.connect();
    const error: DistributedError = await told;
    expect(error).toMatchObject({ type: 'network', code: 'DEMITTER_CONNECT_TIMEOUT' });
    expect(error.message).toContain(`tcp://localhost:${xsubPort}`);
    expect(error.cause).toBeInstanceOf(Error);
    expect(emitter.status).toBe('connecting');
    await emitter.emit('early', { kept: true });

    await using bus = await Bus.start({ xsubPort, xpubPort });
    const listener = await bus.emitter();
    const heard = listener.once('late');
    await listener.ready();
    await emitter.ready();
    expect(emitter.status).toBe('ready');
    await emitter.emit('late', 1);
    expect(await heard).toBe(1);
  });

  test('without a forwarder and without a listener of errors - a process warning says so', async () => {
    await using child = spawnSource(
      `import { createDistributedEmitter } from 'demitter';
       const emitter = await createDistributedEmitter({ xsubPort: ${await freePort()}, connectTimeout: 20 });
       await emitter.close();`,
    );
    expect(await child.exit).toEqual({ code: 0, signal: null });
    expect(child.stderr.join('\n')).toMatch(/\[DEMITTER_CONNECT_TIMEOUT\] DistributedError: No working link/);
  });

  test.each(['tcp://127.0.0.1:0', 'tcp://[::1]:0', 'tcp://localhost:0', 'tcp://*:0'])(
    'over %s',
    async (address) => {
      await using bus = await Bus.start({ xsubAddress: address, xpubAddress: address });
      const [a, b] = await Promise.all([bus.emitter(), bus.emitter()]);
      const heard = b.once('x');
      await b.ready();
      await a.emit('x', address);
      expect(await heard).toBe(address);
    },
  );

  test('over ipc:// (Unix sockets)', async () => {
    const path = (side: string) => `ipc://${join(tmpdir(), `demitter-${process.pid}-${side}.sock`)}`;
    await using bus = await Bus.start({ xsubAddress: path('xsub'), xpubAddress: path('xpub') });
    const [a, b] = await Promise.all([bus.emitter(), bus.emitter()]);
    const heard = b.once('x');
    await b.ready();
    await a.emit('x', 1);
    expect(await heard).toBe(1);
  });
});

describe('ready()', () => {
  test('after it, whatever is emitted anywhere at once arrives', async () => {
    await using bus = await Bus.start();
    const [a, b] = await Promise.all([bus.emitter(), bus.emitter()]);
    for (let i = 0; i < 300; i += 1) {
      const heard = b.once(`name ${i}`);
      await b.ready();
      void a.emit(`name ${i}`, i);
      expect(await heard).toBe(i);
    }
  });

  test('rejects on time-out, before connect() and after close(), with codes', async () => {
    const options = { xsubPort: await freePort(), xpubPort: await freePort(), connectTimeout: 1 };
    await using emitter = new DistributedEmitter(options);
    emitter.on('distributed:error', () => {});
    await expect(emitter.ready()).rejects.toMatchObject({ code: 'DEMITTER_NOT_CONNECTED' });
    await emitter.connect();
    await expect(emitter.ready({ timeout: 5 })).rejects.toMatchObject({ code: 'DEMITTER_READY_TIMEOUT' });
    const pending = emitter.ready();
    await Promise.all([expect(pending).rejects.toMatchObject({ code: 'DEMITTER_CLOSED' }), emitter.close()]);
    await expect(emitter.ready()).rejects.toMatchObject({ code: 'DEMITTER_CLOSED' });
    await expect(emitter.ready({ timeout: -1 })).rejects.toThrow('`timeout`');
  });
});

describe('10,000 names', () => {
  test.each(['before connecting', 'after connecting, before the publisher', 'after the publisher'])(
    'listened to %s - all of them work',
    async (order) => {
      await using bus = await Bus.start();
      const names = Array.from({ length: 10_000 }, (_, i) => `name:${i}`);
      const missing = new Set(names);
      await using subscriber = new DistributedEmitter(bus.addresses);
      const listenToAll = () => {
        for (const name of names) subscriber.on(name, (data) => missing.delete(data));
      };
      if (order === 'before connecting') listenToAll();
      await subscriber.connect();
      if (order === 'after connecting, before the publisher') listenToAll();
      const publisher = await bus.emitter();
      if (order === 'after the publisher') listenToAll();
      const end = subscriber.once('end');
      await subscriber.ready();
      for (const name of names) await publisher.emit(name, name);
      await publisher.emit('end');
      await end;
      expect(missing.size).toBe(0);
    },
  );
});

describe('emit()', () => {
  test('refuses an event over maxEventBytes with a clear error, and sends the next one', async () => {
    await using bus = await Bus.start();
    const [a, b] = await Promise.all([bus.emitter({ maxEventBytes: 1000 }), bus.emitter()]);
    const seen: unknown[] = [];
    b.on('x', (data: Buffer | string) => seen.push(data));
    const end = b.once('end');
    await b.ready();
    const told = a.once('distributed:error');
    await a.emit('x', Buffer.alloc(1001));
    expect(await told).toMatchObject({
      type: 'serialization',
      code: 'DEMITTER_EVENT_TOO_LARGE',
      eventName: 'x',
      message: expect.stringContaining('`maxEventBytes` is 1000'),
    });
    await a.emit('x', 'small');
    await a.emit('end');
    await end;
    expect(seen).toEqual(['small']);
  });

  test('takes events up to the default limit of 16 MiB', async () => {
    await using bus = await Bus.start();
    const [a, b] = await Promise.all([bus.emitter(), bus.emitter()]);
    const heard = b.once('big');
    await b.ready();
    const big = Buffer.alloc(16 * 1024 * 1024 - 5, 7);
    await a.emit('big', big);
    expect(big.equals(await heard)).toBe(true);
  });

  test('a name too long to travel is told, by emit() and by on(), and stays of use in the process', async () => {
    await using bus = await Bus.start();
    const emitter = await bus.emitter();
    const errors: DistributedError[] = [];
    const toldTwice = new Promise<void>((resolve) => {
      emitter.on('distributed:error', (error: DistributedError) => {
        if (errors.push(error) === 2) resolve();
      });
    });
    const name = 'n'.repeat(70_000);
    const local: unknown[] = [];
    emitter.on(name, (data) => local.push(data));
    await emitter.emit(name, 1);
    await toldTwice;
    expect(local).toEqual([1]);
    expect(errors.map(({ code, eventName }) => [code, eventName])).toEqual([
      ['DEMITTER_EVENT_TOO_LARGE', name],
      ['DEMITTER_EVENT_TOO_LARGE', name],
    ]);
    expect(errors[0]?.message.length).toBeLessThan(300);
  });

  test('what cannot travel is told by name, nothing is sent, and local listeners still get it', async () => {
    await using bus = await Bus.start();
    const [a, b] = await Promise.all([bus.emitter(), bus.emitter()]);
    const remote: unknown[] = [];
    b.on('x', (data) => remote.push(data));
    const end = b.once('end');
    await b.ready();
    const local: unknown[] = [];
    a.on('x', (data) => local.push(data));
    const errors: DistributedError[] = [];
    a.on('distributed:error', (error: DistributedError) => errors.push(error));
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    const bad = [() => {}, Symbol('s'), circular, { deep: { fn() {} } }];
    for (const value of bad) await a.emit('x', value);
    await a.emit('end');
    await end;
    expect(remote).toEqual([]);
    expect(local).toEqual(bad);
    expect(errors.map(({ type, code, eventName }) => ({ type, code, eventName }))).toEqual(
      bad.map(() => ({ type: 'serialization', code: 'DEMITTER_SERIALIZATION', eventName: 'x' })),
    );
  });

  test('over maxBufferBytes - un-awaited events are refused and told exactly, in one error per turn', async () => {
    await using bus = await Bus.start();
    const [a, b] = await Promise.all([bus.emitter({ maxBufferBytes: 100_000 }), bus.emitter()]);
    let received = 0;
    b.on('x', () => {
      received += 1;
    });
    const end = b.once('end');
    await b.ready();
    const overflow: Promise<DistributedError> = a.once('distributed:error');
    const data = Buffer.alloc(50_000);
    // One turn of the loop: the socket takes what its buffers hold, the rest has no room.
    for (let i = 0; i < 2000; i += 1) void a.emit('x', data);
    const error = await overflow;
    expect(error).toMatchObject({ type: 'overflow', code: 'DEMITTER_OVERFLOW', eventName: 'x' });
    await a.emit('end');
    await end;
    expect(received + (error.missed as number)).toBe(2000);
  });

  test('awaited in a loop - neither starves the event loop nor fills memory', async () => {
    await using bus = await Bus.start();
    const [a, b] = await Promise.all([bus.emitter(), bus.emitter()]);
    b.on('x', () => {});
    await b.ready();
    let turns = 0;
    const count = (): void => {
      turns += 1;
      timer = setImmediate(count);
    };
    let timer = setImmediate(count);
    for (let i = 0; i < 20_000; i += 1) await a.emit('x', 'some data that fills the buffer after a while');
    clearImmediate(timer);
    expect(turns).toBeGreaterThan(1);
  });

  test('needs no forwarder to reach local listeners', async () => {
    const emitter = new DistributedEmitter();
    expect(emitter.listenerCount()).toBe(0);
    const seen: unknown[] = [];
    emitter.on('x', (data) => seen.push(data));
    await emitter.emit('x', 1);
    await emitter.emitSerial('x', 2);
    expect(seen).toEqual([1, 2]);
  });

  test('order across names holds', async () => {
    await using bus = await Bus.start();
    const [a, b] = await Promise.all([bus.emitter(), bus.emitter()]);
    const seen: unknown[] = [];
    b.onAny((_, data) => seen.push(data));
    await b.ready();
    const end = b.once('end');
    for (let i = 0; i < 5000; i += 1) void a.emit(`name ${i % 7}`, i);
    await a.emit('end', 5000);
    await end;
    expect(seen).toEqual(Array.from({ length: 5001 }, (_, i) => i));
  });
});

describe('close()', () => {
  test('with 500 events just emitted - all arrive, and the process ends by itself', async () => {
    await using bus = await Bus.start();
    const listener = await bus.emitter();
    const seen: number[] = [];
    const all = new Promise<void>((resolve) => {
      listener.on('x', (i: number) => {
        if (seen.push(i) === 500) resolve();
      });
    });
    await listener.ready();
    await using child = spawnSource(
      `import { createDistributedEmitter } from 'demitter';
       const emitter = await createDistributedEmitter(${JSON.stringify(bus.addresses)});
       for (let i = 0; i < 500; i += 1) void emitter.emit('x', i);
       await emitter.close();`,
    );
    expect(await child.exit).toEqual({ code: 0, signal: null });
    await all;
    expect(seen).toEqual(Array.from({ length: 500 }, (_, i) => i));
  });

  test('is idempotent, finishes iterators, and leaves the emitter of use to local listeners', async () => {
    await using bus = await Bus.start();
    const emitter = await bus.emitter();
    const iterated = (async () => {
      const seen = [];
      for await (const data of emitter.events('x')) seen.push(data);
      return seen;
    })();
    await emitter.emit('x', 1);
    await Promise.all([emitter.close(), emitter.close()]);
    await emitter.close();
    expect(await iterated).toEqual([1]);
    expect(emitter.status).toBe('closed');

    const local: unknown[] = [];
    emitter.on('x', (data) => local.push(data));
    const told = emitter.once('distributed:error');
    await emitter.emit('x', 2);
    await emitter.emit('x', 3);
    expect(local).toEqual([2, 3]);
    expect(await told).toMatchObject({ type: 'closed', code: 'DEMITTER_CLOSED', eventName: 'x', missed: 2 });
  });

  test('while connecting, with events that were never sent - ends within closeTimeout and says how many', async () => {
    const emitter = new DistributedEmitter({
      xsubPort: await freePort(),
      connectTimeout: 1,
      closeTimeout: 100,
    });
    const errors: DistributedError[] = [];
    emitter.on('distributed:error', (error: DistributedError) => errors.push(error));
    await emitter.connect();
    for (let i = 0; i < 7; i += 1) void emitter.emit(`x${i % 2}`, i);
    await emitter.close();
    expect(errors.at(-1)).toMatchObject({ type: 'closed', code: 'DEMITTER_CLOSE_TIMEOUT', missed: 7 });
  });

  test('await using closes', async () => {
    await using bus = await Bus.start();
    let emitter: DistributedEmitter;
    {
      await using scoped = await createDistributedEmitter(bus.addresses);
      emitter = scoped;
    }
    expect(emitter.status).toBe('closed');
  });
});

describe('the forwarder goes and comes back', () => {
  test('the emitters say so once, reconnect, and their subscriptions are in force', async () => {
    const [xsubPort, xpubPort] = [await freePort(), await freePort()];
    const first = await Bus.start({ xsubPort, xpubPort });
    await using a = await createDistributedEmitter({ xsubPort, xpubPort });
    await using b = await createDistributedEmitter({ xsubPort, xpubPort });
    const errors: string[] = [];
    // Both: as long as one has not noticed, it has no reason to think that it is not ready.
    const lost = [a, b].map(
      (emitter) =>
        new Promise<void>((resolve) => {
          emitter.on('distributed:status', ({ status }) => status === 'reconnecting' && resolve());
        }),
    );
    a.on('distributed:error', ({ code }) => errors.push(code));
    b.on('distributed:error', () => {});
    const heard = b.once('x');
    await b.ready();
    await first.forwarder.close();
    await Promise.all(lost);
    await using second = await Bus.start({ xsubPort, xpubPort });
    await Promise.all([a.ready(), b.ready()]);
    expect(second.addresses.xsubAddress).toContain(String(xsubPort));
    await a.emit('x', 'again');
    expect(await heard).toBe('again');
    expect(errors).toEqual(['DEMITTER_NETWORK']);
  });
});
