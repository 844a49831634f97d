/** The forwarder in this process, as independent ZeroMQ peers see it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { Publisher, Subscriber, XSubscriber } from 'zeromq';
import { DemitterError } from '../../src/errors.js';
import { createForwarder, type Forwarder } from '../../src/forwarder.js';
import { spawnSource } from '../support/process.js';

const ANY_PORT = { xsubPort: 0, xpubPort: 0 };
const portOf = (address: string) => Number(address.split(':').pop());

/** A subscriber that is known to be subscribed, and a publisher that is known to be heard. */
async function openRing(forwarder: Forwarder, topic: string) {
  const publisher = new Publisher({ linger: 0 });
  const subscriber = new Subscriber({ linger: 0 });
  for (const socket of [publisher, subscriber]) socket.ipv6 = true;
  publisher.connect(forwarder.xsubAddress);
  subscriber.connect(forwarder.xpubAddress);
  subscriber.subscribe(topic);
  await probe(publisher, subscriber, topic);
  return {
    publisher,
    subscriber,
    async [Symbol.asyncDispose]() {
      publisher.close();
      subscriber.close();
    },
  };
}

/** Publishes probes until one comes back, then waits until the last of them did. */
async function probe(
  publisher: Publisher,
  subscriber: Subscriber | XSubscriber,
  topic: string,
): Promise<void> {
  let sent = 0;
  const timer = setInterval(() => {
    sent += 1;
    void publisher.send(`${topic} probe ${sent}`);
  }, 5);
  await subscriber.receive();
  clearInterval(timer);
  await publisher.send(`${topic} last probe`);
  for (;;) if (String(await subscriber.receive()) === `${topic} last probe`) return;
}

async function listen(
  server: Server,
  options: { port?: number; path?: string; host?: string },
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, resolve);
  });
}

async function closeServer(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}

async function failure(promise: Promise<unknown>): Promise<DemitterError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DemitterError);
  return error as DemitterError;
}

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'demitter-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

describe('relaying', () => {
  test('port 0 gives real addresses, and a message of any publisher reaches every subscriber of its topic', async () => {
    await using forwarder = await createForwarder(ANY_PORT);
    expect(portOf(forwarder.xsubAddress)).toBeGreaterThan(0);
    expect(portOf(forwarder.xpubAddress)).toBeGreaterThan(0);
    expect(forwarder.xsubAddress).toMatch(/^tcp:\/\/0\.0\.0\.0:\d+$/);
    await using first = await openRing(forwarder, 'topic');
    await using second = await openRing(forwarder, 'topic');
    await first.publisher.send('other');
    await first.publisher.send('topic from first');
    expect(String(await first.subscriber.receive())).toContain('topic');
    for (;;) if (String(await second.subscriber.receive()) === 'topic from first') break;
  });

  test('a subscriber may be an XSUB socket', async () => {
    await using forwarder = await createForwarder(ANY_PORT);
    const publisher = new Publisher({ linger: 0 });
    const subscriber = new XSubscriber({ linger: 0 });
    publisher.connect(forwarder.xsubAddress);
    subscriber.connect(forwarder.xpubAddress);
    await subscriber.send('\x01topic');
    await probe(publisher, subscriber, 'topic');
    publisher.close();
    subscriber.close();
  });

  test('a subscriber of everything that leaves takes nothing from the others', async () => {
    await using forwarder = await createForwarder(ANY_PORT);
    await using ring = await openRing(forwarder, 'topic');
    {
      await using everything = await openRing(forwarder, '');
      everything.subscriber.unsubscribe('');
    }
    await ring.publisher.send('topic still here');
    for (;;) if (String(await ring.subscriber.receive()) === 'topic still here') break;
  });

  test('a subscriber that reads nothing does not hold up another', async () => {
    await using forwarder = await createForwarder({ ...ANY_PORT, highWaterMark: 10 });
    await using ring = await openRing(forwarder, 'topic');
    const stalled = new Subscriber({ linger: 0, receiveHighWaterMark: 1 });
    stalled.connect(forwarder.xpubAddress);
    stalled.subscribe('');
    await probe(ring.publisher, stalled, 'topic');
    const payload = Buffer.alloc(100_000, 'topic ');
    for (let sent = 0; sent < 500; sent += 1) {
      await ring.publisher.send(payload);
      for (;;) if ((await ring.subscriber.receive())[0]?.equals(payload)) break;
    }
    stalled.close();
  });

  test('a peer that sends more than maxMessageBytes is disconnected', async () => {
    await using forwarder = await createForwarder({ ...ANY_PORT, maxMessageBytes: 1024 });
    await using ring = await openRing(forwarder, 'topic');
    const disconnected = new Promise((resolve) => ring.publisher.events.on('disconnect', resolve));
    await ring.publisher.send(Buffer.alloc(1025));
    await disconnected;
  });

  test('a peer that does not shake hands in time is disconnected', async () => {
    await using forwarder = await createForwarder({ ...ANY_PORT, handshakeInterval: 100 });
    const idle = connect(portOf(forwarder.xpubAddress), '127.0.0.1');
    await new Promise((resolve) => idle.once('close', resolve).resume());
  });
});

describe('addresses', () => {
  test('a wildcard listens on IPv4 and on IPv6', async () => {
    await using forwarder = await createForwarder(ANY_PORT);
    for (const host of ['127.0.0.1', '::1']) {
      const socket = connect(portOf(forwarder.xpubAddress), host);
      await new Promise((resolve, reject) => socket.once('data', resolve).once('error', reject));
      socket.destroy();
    }
  });

  test.each(['127.0.0.1', '[::1]', 'localhost'])('tcp://%s:0', async (host) => {
    await using forwarder = await createForwarder({
      xsubAddress: `tcp://${host}:0`,
      xpubAddress: `tcp://${host}:0`,
    });
    expect(forwarder.xsubAddress).toMatch(
      host === '[::1]' ? /^tcp:\/\/\[::1\]:\d+$/ : /^tcp:\/\/127\.0\.0\.1:\d+$/,
    );
    await using _ring = await openRing(forwarder, 'topic');
  });

  test('ipc:// works, refuses a path where somebody listens, and takes one that a dead process left', async () => {
    await using folder = await temporaryFolder();
    const options = { xsubAddress: `ipc://${folder.path}/in`, xpubAddress: `ipc://${folder.path}/out` };
    {
      await using forwarder = await createForwarder(options);
      expect(forwarder).toMatchObject(options);
      await using ring = await openRing(forwarder, 'topic');
      const error = await failure(createForwarder({ ...options, xsubPort: 0 }));
      expect(error).toMatchObject({ code: 'DEMITTER_BIND', cause: { code: 'EADDRINUSE' } });
      await ring.publisher.send('topic');
      expect(String(await ring.subscriber.receive())).toBe('topic');
    }
    // Killed, a process leaves the file of its socket behind.
    await using dead = spawnSource(
      `import { createServer } from 'node:net';
       createServer().listen(${JSON.stringify(`${folder.path}/in`)}, () => process.kill(process.pid, 'SIGKILL'));`,
    );
    await dead.exit;
    await using forwarder = await createForwarder(options);
    await using _ring = await openRing(forwarder, 'topic');
  });

  test('ipc:// does not replace a file that is no socket', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'precious');
    await writeFile(path, 'data');
    const error = await failure(createForwarder({ xsubPort: 0, xpubAddress: `ipc://${path}` }));
    expect(error.message).toBe(
      `cannot bind the XPUB side to ipc://${path} (\`xpubAddress\`): a file that is no socket lies there: remove it, or choose another path [EEXIST]`,
    );
    await expect(writeFile(path, 'still a file', { flag: 'r+' })).resolves.toBeUndefined();
  });

  test('a failing second bind is told by option, address and cause, and leaves nothing bound', async () => {
    const taken = createServer();
    await listen(taken, { port: 0 });
    const { port } = taken.address() as AddressInfo;
    const free = createServer();
    await listen(free, { port: 0 });
    const xsubPort = (free.address() as AddressInfo).port;
    await closeServer(free);
    for (let round = 0; round < 20; round += 1) {
      const error = await failure(createForwarder({ xsubPort, xpubPort: port }));
      expect(error).toMatchObject({ code: 'DEMITTER_BIND', cause: { code: 'EADDRINUSE' } });
      expect(error.message).toBe(
        `cannot bind the XPUB side to tcp://*:${port} (\`xpubPort\`): the port is in use: stop what uses it, or choose another (0 lets the system choose) [EADDRINUSE]`,
      );
      const other = createServer();
      await listen(other, { port: xsubPort });
      await closeServer(other);
    }
    await closeServer(taken);
  });

  test.each([
    ['tcp://192.0.2.1:5555', 'this machine has no such address'],
    ['tcp://nowhere.invalid:5555', 'no interface or host of that name exists'],
    ['ipc:///nowhere/at/all', 'the folder does not exist'],
  ])('%s cannot be bound: %s', async (xsubAddress, reason) => {
    const error = await failure(createForwarder({ xsubAddress, xpubPort: 0 }));
    expect(error.code).toBe('DEMITTER_BIND');
    expect(error.message).toContain(`${xsubAddress} (\`xsubAddress\`): ${reason}`);
  });

  test('a bad option rejects before anything is bound', async () => {
    await expect(createForwarder({ xsubPort: 70_000 })).rejects.toThrow(RangeError);
    await expect(createForwarder({ xsubPort: '5555' as unknown as number })).rejects.toThrow(TypeError);
  });
});

describe('close()', () => {
  test('frees both addresses: they can be bound again at once, fifty times over', async () => {
    let forwarder = await createForwarder(ANY_PORT);
    const ports = { xsubPort: portOf(forwarder.xsubAddress), xpubPort: portOf(forwarder.xpubAddress) };
    for (let round = 0; round < 50; round += 1) {
      const client = connect(ports.xpubPort, '127.0.0.1');
      await new Promise((resolve) => client.once('data', resolve));
      await forwarder.close();
      forwarder = await createForwarder(ports);
      client.destroy();
    }
    await forwarder.close();
  });

  test('may be called any number of times, and `closed` resolves without an error', async () => {
    const forwarder = await createForwarder(ANY_PORT);
    await Promise.all([forwarder.close(), forwarder.close()]);
    await forwarder.close();
    await forwarder[Symbol.asyncDispose]();
    expect(await forwarder.closed).toBeUndefined();
  });
});

describe('logging', () => {
  function memoryLogger(level: string) {
    const lines: Record<string, unknown>[] = [];
    const stream = new Writable({
      write(chunk, _encoding, done) {
        lines.push(JSON.parse(String(chunk)));
        done();
      },
    });
    return { lines, logger: pino({ level }, stream) };
  }

  test('is silent unless asked for, and takes pino options or a logger', async () => {
    await using quiet = await createForwarder(ANY_PORT);
    expect(quiet.logger.level).toBe('silent');
    await using loud = await createForwarder({
      ...ANY_PORT,
      loggerOptions: { level: 'error', name: 'mine' },
    });
    expect(loud.logger.level).toBe('error');
    expect(loud.logger.bindings()).toMatchObject({ name: 'mine' });
  });

  test('tells start with both addresses and stop with the reason, one line each', async () => {
    const { lines, logger } = memoryLogger('info');
    const forwarder = await createForwarder({ ...ANY_PORT, logger });
    expect(forwarder.logger).toBe(logger);
    const { xsubAddress, xpubAddress } = forwarder;
    await forwarder.close('the show is over');
    expect(lines).toEqual([
      expect.objectContaining({
        level: 30,
        xsubAddress,
        xpubAddress,
        msg: `forwarder started: XSUB ${xsubAddress}, XPUB ${xpubAddress}`,
      }),
      expect.objectContaining({
        level: 30,
        reason: 'the show is over',
        msg: 'forwarder stopped: the show is over',
      }),
    ]);
  });
});
