import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DEFAULT_TIMING } from '../../src/transport/zmtp/link.js';
import { createZmtpTransport, type ZmtpDependencies } from '../../src/transport/zmtp/zmtp.js';
import { TransportEnd, until } from '../conformance/transport-end.js';
import { Listener, RecordedConnection } from '../support/zmtp-sockets.js';

function endFor(
  xsubAddress: string,
  xpubAddress: string,
  dependencies?: Partial<ZmtpDependencies>,
): TransportEnd {
  return new TransportEnd(
    createZmtpTransport({ xsubAddress, xpubAddress, maxMessageBytes: 1 << 20 }, dependencies),
  );
}

/** Our own connection type in the forwarder's place, on every socket that comes. */
async function accept(listener: Listener, socketType: 'PUB' | 'SUB', count = 1): Promise<RecordedConnection> {
  const sockets = await listener.sockets.first(count);
  return new RecordedConnection(sockets.at(-1) as Socket, { socketType });
}

const HAS_IPV6 = Object.values(networkInterfaces()).some((each) =>
  each?.some(({ address }) => address === '::1'),
);

/** What the forwarder listens at, and how a client may call it. */
const HOSTS: [name: string, bound: string, dialled: string][] = [
  ['a name whose first address nobody listens at', '127.0.0.1', 'localhost'],
  ['an IPv4 address', '127.0.0.1', '127.0.0.1'],
  ['this machine by a wildcard', '127.0.0.1', '*'],
  ['this machine by a wildcard address', '127.0.0.1', '0.0.0.0'],
];
if (HAS_IPV6) HOSTS.push(['an IPv6 address', '::1', '[::1]']);

async function freePort(): Promise<number> {
  await using listener = await Listener.start();
  return listener.port;
}

async function firstCause(end: TransportEnd): Promise<Error> {
  const [report] = await end.open().statuses.first(1);
  expect(report?.status).toBe('down');
  return report?.cause as Error;
}

afterEach(() => {
  vi.useRealTimers();
});

describe('createZmtpTransport()', () => {
  it.each([
    ['xsubAddress', 'udp://x:1', 'tcp://x:1'],
    ['xpubAddress', 'tcp://x:1', 'tcp://x'],
  ])('with a bad %s - throws a TypeError that names it', (option, xsub, xpub) => {
    expect(() => endFor(xsub, xpub)).toThrow(TypeError);
    expect(() => endFor(xsub, xpub)).toThrow(`\`${option}\``);
  });
});

describe('the ZMTP transport reaches', () => {
  it.each(HOSTS)('%s', async (_name, bound, dialled) => {
    await using xsub = await Listener.start({ port: 0, host: bound });
    await using xpub = await Listener.start({ port: 0, host: bound });
    await using end = endFor(`tcp://${dialled}:${xsub.port}`, `tcp://${dialled}:${xpub.port}`).open();
    await accept(xsub, 'SUB');
    await accept(xpub, 'PUB');
    await end.up();
  });

  it('a Unix socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'demitter-'));
    await using xsub = await Listener.start({ path: join(folder, 'xsub') });
    await using xpub = await Listener.start({ path: join(folder, 'xpub') });
    await using end = endFor(`ipc://${folder}/xsub`, `ipc://${folder}/xpub`).open();
    await accept(xsub, 'SUB');
    await accept(xpub, 'PUB');
    await end.up();
    await rm(folder, { recursive: true });
  });
});

describe('the ZMTP transport says why it is down', () => {
  it('when nobody listens', async () => {
    const port = await freePort();
    await using end = endFor(`tcp://127.0.0.1:${port}`, `tcp://127.0.0.1:${port}`);
    expect(await firstCause(end)).toMatchObject({
      code: 'DEMITTER_NETWORK',
      message: expect.stringMatching(
        /^Cannot connect to the forwarder's X(SUB|PUB) at tcp:.*nothing listens there.*ECONNREFUSED/,
      ),
      cause: { code: 'ECONNREFUSED' },
    });
  });

  it('when nobody listens at any address of a name', async () => {
    const port = await freePort();
    await using end = endFor(`tcp://localhost:${port}`, `tcp://localhost:${port}`);
    const { message } = await firstCause(end);
    expect(message).toContain('nothing listens there');
    expect(message).toContain(`127.0.0.1:${port}`);
  });

  it('when the name is unknown', async () => {
    await using end = endFor('tcp://no-such-host.invalid:5555', 'tcp://no-such-host.invalid:5556');
    expect(await firstCause(end)).toMatchObject({
      code: 'DEMITTER_NETWORK',
      message: expect.stringContaining('the host name cannot be resolved'),
      cause: { syscall: 'getaddrinfo' },
    });
  });

  it('when there is no such Unix socket', async () => {
    await using end = endFor('ipc:///nonexistent/socket', 'ipc:///nonexistent/socket');
    expect((await firstCause(end)).message).toContain('there is no such socket (connect ENOENT');
  });

  it('when the network does not answer', async () => {
    await using xsub = await Listener.start();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const end = endFor(xsub.address, xsub.address).open();
    vi.advanceTimersByTime(DEFAULT_TIMING.connectTimeoutMs);
    await end.statuses.first(1);
    expect(end.statuses.all).toMatchObject([
      {
        status: 'down',
        cause: { code: 'DEMITTER_NETWORK', message: expect.stringContaining('no answer within 2000 ms') },
      },
    ]);
    await end.transport.close(0);
  });

  it('when the peer is silent, and dials again', async () => {
    await using silent = await Listener.start();
    const timing = { ...DEFAULT_TIMING, handshakeTimeoutMs: 20 };
    await using end = endFor(silent.address, silent.address, { timing });
    expect(await firstCause(end)).toMatchObject({
      code: 'DEMITTER_ZMTP',
      message: expect.stringMatching(/^Cannot connect to .* did not finish the handshake within 20 ms/),
    });
    await silent.sockets.first(6);
    expect(end.statuses.all).toHaveLength(1);
  });

  it('when the addresses are swapped', async () => {
    await using xsub = await Listener.start();
    await using xpub = await Listener.start();
    await using end = endFor(xpub.address, xsub.address).open();
    const wrong = await accept(xpub, 'PUB');
    expect((await end.statuses.first(1))[0]?.cause).toMatchObject({
      code: 'DEMITTER_ZMTP',
      message: expect.stringContaining('The peer is a PUB socket; PUB talks to SUB or XSUB'),
    });
    expect((await wrong.failures.first(1))[0]?.message).toMatch(/PUB socket|refused/);
  });
});

describe('the ZMTP transport', () => {
  it('keeps the connection that is alive when the other breaks', async () => {
    await using xsub = await Listener.start();
    await using xpub = await Listener.start();
    await using end = endFor(xsub.address, xpub.address).subscribe('m').open();
    const broken = await accept(xsub, 'SUB');
    const alive = await accept(xpub, 'PUB');
    await Promise.all([end.up(), alive.ready.first(1)]);
    broken.connection.destroy();
    await end.statuses.first(2);
    alive.connection.send(Buffer.from('m while down'));
    alive.connection.flush();
    expect(await end.received(1)).toEqual(['m while down']);
    await accept(xsub, 'SUB', 2);
    await end.statuses.first(3);
    expect(end.statuses.all.map(({ status }) => status)).toEqual(['up', 'down', 'up']);
    expect(xpub.sockets.all).toHaveLength(1);
  });

  it('owes a sender that waits an onDrain, also when the link breaks', async () => {
    await using xsub = await Listener.start();
    await using xpub = await Listener.start();
    await using end = endFor(xsub.address, xpub.address).open();
    const stalled = await accept(xsub, 'SUB');
    await accept(xpub, 'PUB');
    await Promise.all([end.up(), stalled.ready.first(1)]);
    xsub.sockets.all[0]?.pause();
    while (end.transport.send(Buffer.alloc(1 << 20)));
    xsub.sockets.all[0]?.resetAndDestroy();
    await end.statuses.first(2);
    expect(end.drains.all).toEqual([]);
    await accept(xsub, 'SUB', 2);
    await end.drains.first(1);
    expect(end.statuses.all.map(({ status }) => status)).toEqual(['up', 'down', 'up']);
  });

  it('subscribes again, in the order in which the subscriptions were made', async () => {
    await using xsub = await Listener.start();
    await using xpub = await Listener.start();
    await using end = endFor(xsub.address, xpub.address).subscribe('c', 'a', 'x', 'b').open();
    await accept(xsub, 'SUB');
    const first = await accept(xpub, 'PUB');
    await end.up();
    await first.subscriptions.first(4);
    end.unsubscribe('x', 'a').subscribe('a');
    await first.subscriptions.first(7);
    first.connection.destroy();
    const second = await accept(xpub, 'PUB', 2);
    const again = await second.subscriptions.first(3);
    expect(again.map(({ prefix, change }) => `${change} ${prefix}`)).toEqual([
      'subscribe c',
      'subscribe b',
      'subscribe a',
    ]);
  });

  it('dials ever more slowly, and anew after a connection that lasted', async () => {
    await using xsub = await Listener.start();
    await using xpub = await Listener.start();
    const ceilings: number[] = [];
    const wait = vi.spyOn(globalThis, 'setTimeout');
    let now = 0;
    await using end = endFor(xsub.address, xpub.address, { random: () => 0.001, now: () => now }).open();
    await accept(xpub, 'PUB');
    for (const lasted of [0, 999, 10, 1_000]) {
      const accepted = await accept(xsub, 'SUB', ceilings.length + 1);
      await accepted.ready.first(1);
      await end.statuses.first(2 * ceilings.length + 1);
      now += lasted;
      accepted.connection.destroy();
      await end.statuses.first(2 * ceilings.length + 2);
      // The timer made last is that of the back-off: 10 ms and a thousandth of the way to the ceiling.
      ceilings.push(Math.round((Number(wait.mock.calls.at(-1)?.[1]) - 10) / 0.001) + 10);
    }
    wait.mockRestore();
    expect(ceilings).toEqual([50, 100, 200, 50]);
  });

  it.each(['dialling', 'waiting', 'shaking hands', 'up'])(
    'close() - while %s leaves no timer behind',
    async (stage) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      await using xsub = await Listener.start();
      await using xpub = await Listener.start();
      const port = await freePort();
      const end = endFor(stage === 'waiting' ? `tcp://127.0.0.1:${port}` : xsub.address, xpub.address).open();
      if (stage === 'waiting') await end.statuses.first(1);
      if (stage === 'shaking hands') {
        const [socket] = await xsub.sockets.first(1);
        await once(socket as Socket, 'data');
      }
      if (stage === 'up') {
        await accept(xsub, 'SUB');
        await accept(xpub, 'PUB');
        await end.up();
      }
      const reports = end.statuses.all.length;
      await Promise.all([end.transport.close(10_000), end.transport.close(0)]);
      // Those who accepted in the forwarder's place have timers too, until they see that it is over.
      await until(() => vi.getTimerCount() === 0);
      expect(end.statuses.all).toHaveLength(reports);
    },
  );

  it('close() - waits no longer than it may for a forwarder that does not read', async () => {
    await using xsub = await Listener.start();
    await using xpub = await Listener.start();
    await using end = endFor(xsub.address, xpub.address).open();
    await accept(xsub, 'SUB');
    await accept(xpub, 'PUB');
    await end.up();
    xsub.sockets.all[0]?.pause();
    while (end.transport.send(Buffer.alloc(1 << 20)));
    await end.transport.close(50);
    expect(end.transport.unconfirmedBytes).toBe(0);
  });
});

describe('confirm() of a ZMTP transport that only publishes', () => {
  it('waits for an answer, and until the peer has subscribed to everything', async () => {
    await using xsub = await Listener.start();
    const context = { xsubAddress: xsub.address, xpubAddress: 'tcp://127.0.0.1:1', maxMessageBytes: 1000 };
    await using end = new TransportEnd(createZmtpTransport({ ...context, rights: 'publish' })).open();
    const [socket] = await xsub.sockets.first(1);
    const peer = { socketType: 'SUB', heartbeat: DEFAULT_TIMING.heartbeat } as const;
    const { connection, ready } = new RecordedConnection(socket as Socket, peer);
    await Promise.all([end.up(), ready.first(1)]);
    let confirmed = 0;
    const answered = (): Promise<void> => new Promise((resolve) => connection.ping(resolve));
    end.transport.confirm?.(() => {
      confirmed += 1;
    });
    connection.changeSubscription(Buffer.from('some'), 'subscribe');
    await answered();
    await answered();
    expect(confirmed).toBe(0);
    connection.changeSubscription(Buffer.of(), 'subscribe');
    await answered();
    expect(confirmed).toBe(1);
    await end.confirmed();
  });
});
