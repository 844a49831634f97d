/** Who gets in at a forwarder with keys, asked by libzmq's own clients; and what its gate does to its process. */
import { createForwarder, type Forwarder } from 'demitter';
import { describe, expect, test } from 'vitest';
import { Gate } from '../../src/forwarder/access/gate.js';
import { startNativeProxy } from '../../src/forwarder/native-proxy.js';
import { resolveProxySettings } from '../../src/forwarder/options.js';

import { formatKey, formatKeyFile, type KeyPair, makeKeyPair } from '../../src/keys.js';
import { authorize, Folder, KeyedForwarder, makeClient } from '../support/keyed-forwarder.js';
import { LibzmqPeer } from '../support/libzmq-peer.js';
import { DIST, spawnNode, spawnSource } from '../support/process.js';

const ANY_PORT = { xsubAddress: 'tcp://127.0.0.1:0', xpubAddress: 'tcp://127.0.0.1:0' };
const client = makeClient('client');

/** Embedded in the test's own process, in a folder that goes with it. */
async function createKeyed(folder: Folder, server: KeyPair = makeKeyPair()): Promise<Forwarder> {
  return createForwarder({
    ...ANY_PORT,
    secretKeyFile: folder.replace('server.key', formatKeyFile(server, 'a server')),
    authorizedKeysFile: folder.replace('authorized', authorize([[client, 'both']])),
  });
}

describe('rights', () => {
  test('a subscribe-only key cannot publish, a publish-only key receives nothing', async () => {
    const [sender, reader] = [makeClient('sender'), makeClient('reader')];
    await using forwarder = await KeyedForwarder.start([
      [sender, 'publish'],
      [reader, 'subscribe'],
    ]);
    await using publishing = new LibzmqPeer(forwarder, forwarder.keysOf(sender));
    await using subscribing = new LibzmqPeer(forwarder, forwarder.keysOf(reader));
    await publishing.became('handshake', 'xsub');
    await publishing.became('refused 400', 'xpub');
    await subscribing.became('handshake', 'xpub');
    await subscribing.became('refused 400', 'xsub');
    subscribing.publish('forged');
    await publishUntil(publishing, 'true', subscribing.got('true'));
    expect(subscribing.output).not.toContain('got forged');
    expect(publishing.output).not.toContain('got');
    expect(await forwarder.logged(/'sender' .* XPUB side: it may publish only/)).toContain('127.0.0.1');
    await forwarder.logged(/'reader' .* XSUB side: it may subscribe only/);
  });
});

describe('nobody gets in', () => {
  test('with a key that is not authorized; the log has the line that would let it in', async () => {
    await using forwarder = await KeyedForwarder.start([]);
    const stranger = makeClient('stranger');
    await using peer = new LibzmqPeer(forwarder, forwarder.keysOf(stranger));
    await peer.became('refused 400', 'xsub', 'xpub');
    const { msg } = JSON.parse(await forwarder.logged(/XPUB side: its public key/)) as { msg: string };
    expect(msg).toContain(`add the line \`NAME ${formatKey(stranger.keys.publicKey)} both\``);
    expect(forwarder.process.output).not.toContain(formatKey(forwarder.server.secretKey.bytes));
  });

  test('without a key, or with the wrong one of the server', async () => {
    await using forwarder = await KeyedForwarder.start([[client, 'both']]);
    await using keyless = new LibzmqPeer(forwarder);
    await using misled = new LibzmqPeer(forwarder, {
      own: client.keys,
      serverKey: makeKeyPair().publicKey,
    });
    await using rightful = new LibzmqPeer(forwarder, forwarder.keysOf(client));
    await rightful.became('handshake', 'xsub', 'xpub');
    await publishUntil(rightful, 'secret', rightful.got('secret'));
    for (const peer of [keyless, misled]) {
      expect(peer.output).not.toContain('handshake');
      expect(peer.output).not.toContain('got');
    }
  });

  test('if no handler answers', async () => {
    const zmq = await import('zeromq');
    using folder = new Folder();
    const server = makeKeyPair();
    const settings = resolveProxySettings(
      {
        ...ANY_PORT,
        secretKeyFile: folder.replace('server.key', formatKeyFile(server, 'a server')),
        authorizedKeysFile: folder.replace('authorized', authorize([[client, 'both']])),
      },
      {},
    );
    const gate = await Gate.open(
      zmq,
      settings,
      () => undefined,
      () => undefined,
    );
    // The gate's own options, in a context that has no handler.
    const proxy = await startNativeProxy(settings, {
      context: new zmq.Context(),
      securityOf: (side) => gate.securityOf(side),
    });
    try {
      await using peer = new LibzmqPeer(proxy, { own: client.keys, serverKey: server.publicKey });
      await peer.became('disconnect', 'xsub', 'xpub');
      expect(peer.output).not.toContain('handshake');
    } finally {
      await proxy.stop();
      await gate.close();
    }
  });
});

describe('demitter-forwarder health', () => {
  test("is let in with the forwarder's own key file and nothing else", async () => {
    await using forwarder = await KeyedForwarder.start([]);
    const { xsubAddress, xpubAddress } = forwarder;
    const addresses = ['--xsub-address', xsubAddress, '--xpub-address', xpubAddress];
    const own = ['--secret-key-file', forwarder.folder.file('server.key')];
    await using healthy = spawnNode(`${DIST}cli.js`, {
      args: ['health', ...addresses, ...own, '--timeout', '10000'],
    });
    expect(await healthy.exit).toEqual({ code: 0, signal: null });
    await using blind = spawnNode(`${DIST}cli.js`, { args: ['health', ...addresses, '--timeout', '300'] });
    expect((await blind.exit).code).toBe(1);
  });
});

describe('several in one process', () => {
  test('each have their own keys, also the one in a child process; the last one to go ends the handler', async () => {
    using folders = new Folders(3);
    const servers = folders.all.map(() => makeKeyPair());
    for (let round = 0; round < 2; round += 1) {
      const forwarders = await Promise.all(folders.all.map((folder, i) => createKeyed(folder, servers[i])));
      const [first, , third] = forwarders;
      await using mistaken = new LibzmqPeer(first as Forwarder, {
        own: client.keys,
        serverKey: (servers[2] as KeyPair).publicKey,
      });
      await using peer = new LibzmqPeer(third as Forwarder, {
        own: client.keys,
        serverKey: (servers[2] as KeyPair).publicKey,
      });
      await peer.became('handshake', 'xsub', 'xpub');
      expect(mistaken.output).not.toContain('handshake');
      await Promise.all(forwarders.map((forwarder) => forwarder.close()));
    }
  });

  test("beside an application's own ZAP handler, which is asked about its own sockets alone", async () => {
    const zmq = await import('zeromq');
    const asked: string[] = [];
    const own = new zmq.Reply();
    await own.bind('inproc://zeromq.zap.01');
    void (async () => {
      for await (const [, id, domain] of own) {
        asked.push(`${domain}`);
        await own.send(['1.0', id ?? '', '200', 'OK', '', '']);
      }
    })();
    const [server, subscriber] = [new zmq.Publisher({ zapDomain: 'mine' }), new zmq.Subscriber()];
    using folder = new Folder();
    const keys = makeKeyPair();
    await using forwarder = await createKeyed(folder, keys);
    await using peer = new LibzmqPeer(forwarder, { own: client.keys, serverKey: keys.publicKey });
    await peer.became('handshake', 'xsub', 'xpub');
    await server.bind('tcp://127.0.0.1:*');
    const connected = new Promise((resolve) => subscriber.events.on('handshake', resolve));
    subscriber.connect(server.lastEndpoint as string);
    await connected;
    expect(asked).toEqual(['mine']);
    for (const socket of [server, subscriber, own]) socket.close();
  });
});

describe("a forwarder's process", () => {
  const program = (rest: string) => `
    import { createForwarder } from 'demitter';
    const [secretKeyFile, authorizedKeysFile] = process.argv.slice(1);
    const forwarder = await createForwarder({
      xsubAddress: 'tcp://127.0.0.1:0', xpubAddress: 'tcp://127.0.0.1:0', secretKeyFile, authorizedKeysFile,
    });
    ${rest}`;

  test.each([
    ['by itself after close()', 'await forwarder.close();', 0],
    ['by process.exit() while it runs', 'process.exit(7);', 7],
    ['by an uncaught error', "setImmediate(() => { throw new Error('uncaught'); });", 1],
  ])('ends %s', async (_, rest, code) => {
    using folder = new Folder();
    const secret = folder.replace('server.key', formatKeyFile(makeKeyPair(), 'a server'));
    const authorized = folder.replace('authorized', '');
    await using child = spawnSource(program(rest), { args: [secret, authorized] });
    expect(await child.exit).toEqual({ code, signal: null });
  });
});

class Folders implements Disposable {
  readonly all: readonly Folder[];

  constructor(count: number) {
    this.all = Array.from({ length: count }, () => new Folder());
  }

  [Symbol.dispose](): void {
    for (const folder of this.all) folder[Symbol.dispose]();
  }
}

/** What is published before the subscription has arrived is lost, so it is repeated until `done`. */
async function publishUntil(peer: LibzmqPeer, text: string, done: Promise<void>): Promise<void> {
  const timer = setInterval(() => peer.publish(text), 20);
  await done.finally(() => clearInterval(timer));
}
