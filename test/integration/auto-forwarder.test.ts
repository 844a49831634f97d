/** `forwarder: 'auto'`: who runs the forwarder, in which process, and that nothing hangs or is left behind. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createDistributedEmitter, DistributedEmitter } from '../../src/emitter.js';
import { createForwarder } from '../../src/forwarder.js';
import { ForwarderProcess } from '../support/forwarder-process.js';
import { Peer } from '../support/peer.js';
import { spawnSource } from '../support/process.js';

interface Addresses {
  readonly xsubAddress: string;
  readonly xpubAddress: string;
}

async function tcp(): Promise<Addresses> {
  return (await ForwarderProcess.reserve()).addresses;
}

async function folder() {
  const path = await mkdtemp(join(tmpdir(), 'demitter-'));
  return {
    addresses: { xsubAddress: `ipc://${join(path, 'xsub')}`, xpubAddress: `ipc://${join(path, 'xpub')}` },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}

async function isListening({ xsubAddress }: Pick<Addresses, 'xsubAddress'>): Promise<boolean> {
  const { hostname, port } = new URL(xsubAddress.replace('tcp:', 'http:'));
  const socket = connect({ host: hostname, port: Number(port) });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function startTen(addresses: Addresses): Promise<Peer[]> {
  const options = { forwarder: 'auto', ...addresses, connectTimeout: 15_000 };
  return Promise.all(Array.from({ length: 10 }, () => Peer.start(options)));
}

async function endAll(peers: readonly Peer[]): Promise<void> {
  await Promise.all(peers.map((peer) => peer[Symbol.asyncDispose]()));
}

async function tenTalk(addresses: Addresses): Promise<void> {
  const peers = await startTen(addresses);
  try {
    await Promise.all(peers.map((peer) => peer.listen('on', 'hello')));
    await Promise.all(peers.map((peer) => peer.ready()));
    const hosting = await Promise.all(peers.map((peer) => peer.hosting()));
    expect(hosting.filter(Boolean)).toHaveLength(1);
    await Promise.all(peers.map((peer, i) => peer.emit('hello', i)));
    await Promise.all(peers.map((peer) => peer.sawAtLeast(10)));
    for (const peer of peers) {
      // Its own event, too: from itself.
      expect(peer.seen.map(({ data }) => data as number).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(peer.errors).toEqual([]);
    }
  } finally {
    await endAll(peers);
  }
}

describe('ten processes started at once make exactly one forwarder, and all talk', () => {
  test('at TCP ports', { timeout: 60_000 }, async () => {
    await tenTalk(await tcp());
  });

  test('at Unix sockets, also where the last forwarder left its files', { timeout: 60_000 }, async () => {
    await using here = await folder();
    await tenTalk(here.addresses);
    await tenTalk(here.addresses);
  });
});

describe('in one process', () => {
  test('emitters share one forwarder, which ends with the last of them', async () => {
    const options = { forwarder: 'auto', ...(await tcp()) } as const;
    const one = await createDistributedEmitter(options);
    const two = await createDistributedEmitter(options);
    expect([one.hosting, two.hosting]).toEqual([true, true]);
    const heard = two.once('hello');
    await two.ready();
    await one.emit('hello', 'from one');
    expect(await heard).toBe('from one');
    await one.close();
    const heardAgain = two.once('hello');
    await using other = await createDistributedEmitter({ ...options, forwarder: 'external' });
    await two.ready();
    await other.emit('hello', 'from another');
    expect(await heardAgain).toBe('from another');
    await other.close();
    await two.close();
    expect([one.hosting, two.hosting]).toEqual([false, false]);
    expect(await isListening(options)).toBe(false);
  });

  test('emitters that close at the same time do so at once if nobody else is there', async ({ annotate }) => {
    const options = { forwarder: 'auto', ...(await tcp()), closeTimeout: 60_000 } as const;
    const emitters = await Promise.all(Array.from({ length: 3 }, () => createDistributedEmitter(options)));
    const began = performance.now();
    await Promise.all(
      emitters.map(async (emitter) => {
        await emitter.emit('bye');
        await emitter.close();
      }),
    );
    const ms = performance.now() - began;
    await annotate(`took ${Math.round(ms)} ms`);
    // Far from `closeTimeout`.
    expect(ms).toBeLessThan(10_000);
    expect(await isListening(options)).toBe(false);
  });

  test('one that was never connected holds nothing', async () => {
    const emitter = new DistributedEmitter({ forwarder: 'auto' });
    expect(emitter.hosting).toBe(false);
    await emitter.close();
  });

  test('one that is closed while it begins leaves nothing behind', async () => {
    const options = { forwarder: 'auto', ...(await tcp()) } as const;
    const emitter = new DistributedEmitter(options);
    const connected = emitter.connect();
    await emitter.close();
    await connected;
    expect(emitter.hosting).toBe(false);
    expect(await isListening(options)).toBe(false);
  });
});

describe('where somebody listens already', () => {
  test('a forwarder of its own process is used, and not replaced', async () => {
    const addresses = await tcp();
    const port = (address: string) => Number(new URL(address.replace('tcp:', 'http:')).port);
    await using forwarder = await createForwarder({
      xsubPort: port(addresses.xsubAddress),
      xpubPort: port(addresses.xpubAddress),
    });
    await using emitter = await createDistributedEmitter({ forwarder: 'auto', ...addresses });
    expect(emitter.hosting).toBe(false);
    expect(emitter.status).toBe('ready');
    await emitter.close();
    expect(await isListening(addresses)).toBe(true);
    await forwarder.close();
  });

  test('a server that is no forwarder is left alone, and the error says what is wrong', async () => {
    await using here = await folder();
    const server = createServer((socket) =>
      socket.on('error', () => undefined).end('HTTP/1.1 400 No\r\n\r\n'),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const emitter = new DistributedEmitter({
      forwarder: 'auto',
      xsubPort: port,
      xpubAddress: here.addresses.xpubAddress,
      connectTimeout: 500,
    });
    const told = emitter.once('distributed:error');
    await emitter.connect();
    const { code, message } = await told;
    expect(code).toBe('DEMITTER_CONNECT_TIMEOUT');
    expect(message).toMatch(/within 500 ms \(.*\)\. Is it running\?/);
    expect(emitter.hosting).toBe(false);
    await emitter.close();
    server.close();
  });

  test('the same at the other side: the error says that no forwarder can run here', async () => {
    const { xsubAddress } = await tcp();
    const server = createServer((socket) =>
      socket.on('error', () => undefined).end('HTTP/1.1 400 No\r\n\r\n'),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const options = { forwarder: 'auto', xsubAddress, xpubPort: port, connectTimeout: 500 } as const;
    const emitter = new DistributedEmitter(options);
    const told = emitter.once('distributed:error');
    await emitter.connect();
    expect((await told).message).toMatch(
      /None can run here: cannot bind the XPUB side .* the port is in use/,
    );
    expect(emitter.hosting).toBe(false);
    await emitter.close();
    expect(await isListening(options)).toBe(false);
    server.close();
  });

  test('an address that cannot be bound is named, with the reason', async () => {
    await using here = await folder();
    const emitter = new DistributedEmitter({
      forwarder: 'auto',
      xsubAddress: here.addresses.xsubAddress.replace(/xsub$/, 'no/such/folder'),
      xpubAddress: here.addresses.xpubAddress,
      connectTimeout: 300,
    });
    const told = emitter.once('distributed:error');
    await emitter.connect();
    expect((await told).message).toMatch(
      /None can run here: cannot bind the XSUB side .* the folder does not exist/,
    );
    await emitter.close();
  });
});

/** A process that runs a forwarder of its own, and `program` after that. */
const hostProgram = (addresses: Addresses, program: string) => `
  import { createDistributedEmitter } from 'demitter';
  const emitter = await createDistributedEmitter(${JSON.stringify({ forwarder: 'auto', closeTimeout: 60_000, ...addresses })});
  emitter.on('distributed:error', (error) => console.log('error', error.code));
  await emitter.emit('hello');
  console.log('hosting', emitter.hosting);
  ${program}`;

describe('a process that runs the forwarder', () => {
  test('ends by itself after close(), soon if it is alone', async () => {
    const addresses = await tcp();
    await using child = spawnSource(
      hostProgram(
        addresses,
        `const began = performance.now();
         await emitter.close();
         console.log('close took', Math.round(performance.now() - began));`,
      ),
    );
    expect(await child.exit, child.output).toEqual({ code: 0, signal: null });
    const [, ms] = await child.line(/close took (\d+)/);
    // Far from `closeTimeout`.
    expect(Number(ms)).toBeLessThan(10_000);
    expect(child.stdout[0]).toBe('hosting true');
    expect(child.stderr).toEqual([]);
    expect(await isListening(addresses)).toBe(false);
  });

  test.for([
    ['process.exit()', 'process.exit(3);', 3],
    ['process.exit() while it closes', 'void emitter.close(); process.exit(3);', 3],
    ['an uncaught error', 'throw new Error("thrown");', 1],
  ] as const)('does not hang at %s', async ([, program, code]) => {
    const addresses = await tcp();
    await using child = spawnSource(hostProgram(addresses, program));
    expect(await child.exit, child.output).toEqual({ code, signal: null });
    expect(await isListening(addresses)).toBe(false);
  });

  test('waits, at close(), until another one has taken over and asked for what it missed', async ({
    annotate,
  }) => {
    const addresses = await tcp();
    const options = { forwarder: 'auto', ...addresses, closeTimeout: 15_000 } as const;
    await using host = await Peer.start(options);
    await using other = await Peer.start(options);
    expect([await host.hosting(), await other.hosting()]).toEqual([true, false]);
    await other.listen('on', 'last words');
    await other.ready();
    await host.emitMany(['last words'], 1000, { awaited: false, chunk: 1000 });
    const began = performance.now();
    expect(await host.close()).toEqual({ code: 0, signal: null });
    await annotate(`close() and the end of the process took ${Math.round(performance.now() - began)} ms`);
    await other.sawAtLeast(1000);
    expect(other.seen.map(({ data }) => (data as { sequence: number }).sequence)).toEqual(
      Array.from({ length: 1000 }, (_, i) => i),
    );
    expect(await other.hosting()).toBe(true);
    expect(await other.close()).toEqual({ code: 0, signal: null });
  });

  test('loads the native module; one that only connects does not', async () => {
    const addresses = await tcp();
    const native = `const { sharedObjects } = process.report.getReport();
      console.log('native', sharedObjects.some((file) => /zeromq.*\\.node$/.test(file)));
      process.stdin.once('data', () => emitter.close()).resume();
      process.stdin.once('end', () => undefined);`;
    await using host = spawnSource(hostProgram(addresses, native));
    await host.line(/native true/);
    await using client = spawnSource(hostProgram(addresses, native));
    await client.line(/hosting false/);
    await client.line(/native false/);
  });
});

describe('in a worker thread', () => {
  /** A worker that runs the forwarder and ends as `ending` says, while the main thread emits to it. */
  const program = (addresses: Addresses, ending: string) => `
    import { Worker } from 'node:worker_threads';
    import { createDistributedEmitter } from 'demitter';
    const options = ${JSON.stringify({ forwarder: 'auto', ...addresses })};
    const worker = new Worker(\`
      const { parentPort, workerData } = require('node:worker_threads');
      import('demitter').then(async ({ createDistributedEmitter }) => {
        const emitter = await createDistributedEmitter(workerData);
        emitter.on('ping', () => emitter.emit('pong', emitter.hosting));
        emitter.on('leave', () => emitter.close());
        await emitter.ready();
        parentPort.postMessage('ready');
      });
    \`, { eval: true, execArgv: [], workerData: options });
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    await new Promise((resolve) => worker.once('message', resolve));
    const emitter = await createDistributedEmitter(options);
    const pong = emitter.once('pong');
    await emitter.ready();
    await emitter.emit('ping');
    console.log('the worker hosts:', await pong, 'the main thread:', emitter.hosting);
    const back = emitter.once('distributed:status', ({ status }) => status === 'ready');
    ${ending}
    await exited;
    await back;
    if (emitter.hosting) console.log('the main thread took over');
    await emitter.close();
    console.log('closed');`;

  test.for([
    ['close()', `await emitter.emit('leave');`],
    ['worker.terminate()', 'await worker.terminate();'],
  ] as const)('it runs in a child process, and the main thread takes over after %s', async ([, ending]) => {
    const addresses = await tcp();
    await using child = spawnSource(program(addresses, ending));
    expect(await child.exit, child.output).toEqual({ code: 0, signal: null });
    expect(child.stdout, child.output).toEqual([
      'the worker hosts: true the main thread: false',
      'the main thread took over',
      'closed',
    ]);
    expect(await isListening(addresses)).toBe(false);
  });
});
