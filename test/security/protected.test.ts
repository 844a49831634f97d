/** A forwarder without keys is for this machine only, until somebody says otherwise; and how it says so. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { KeyedForwarder, makeClient } from '../support/keyed-forwarder.js';
import { LibzmqPeer } from '../support/libzmq-peer.js';
import { NetworkNamespace } from '../support/network-namespace.js';
import { DIST, type ProcessOptions, spawnNode, spawnSource, type TestProcess } from '../support/process.js';

const CLI = join(DIST, 'cli.js');
const STARTED = /forwarder started: XSUB tcp:\/\/\S+:(\d+), XPUB tcp:\/\/[^\s"]+:(\d+)/;

interface Started extends AsyncDisposable {
  readonly process: TestProcess;
  /** Its addresses, at one of the addresses of this machine. */
  at(host: string): { xsubAddress: string; xpubAddress: string };
}

/** A standalone one that listens on all interfaces. */
async function startForwarder(args: readonly string[], options: ProcessOptions = {}): Promise<Started> {
  const process = spawnNode(CLI, { ...options, args: ['--xsub-port', '0', '--xpub-port', '0', ...args] });
  const [, xsub, xpub] = await process.line(STARTED);
  return {
    process,
    at: (host) => ({ xsubAddress: `tcp://${host}:${xsub}`, xpubAddress: `tcp://${host}:${xpub}` }),
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

/** All log lines that warn, and worse. */
function warnings({ process }: Started): string[] {
  return process.stdout
    .map((line) => JSON.parse(line) as { level: number; msg: string })
    .filter(({ level }) => level >= 40)
    .map(({ msg }) => msg);
}

describe('without keys', () => {
  test('this machine gets in at its loopback addresses, and there is nothing to warn of', async () => {
    await using forwarder = await startForwarder([]);
    await using peer = new LibzmqPeer(forwarder.at('127.0.0.1'));
    await using other = new LibzmqPeer(forwarder.at('127.0.0.2'));
    for (const one of [peer, other]) await one.became('handshake', 'xsub', 'xpub');
    expect(warnings(forwarder)).toEqual([]);
  });

  test.each([
    ['--unprotected', ['--unprotected'], {}],
    ['DEMITTER_UNPROTECTED=1', [], { DEMITTER_UNPROTECTED: '1' }],
  ])('%s is warned of at the start', async (_, args, env) => {
    await using forwarder = await startForwarder(args, { env });
    await forwarder.process.line(/unprotected: whoever reaches tcp:\S+ and tcp:\S+ can read and emit/);
  });

  test('a loopback address or ipc:// needs no warning, also unprotected', async () => {
    await using process = spawnNode(CLI, {
      args: ['--xsub-address', 'tcp://127.0.0.1:0', '--xpub-address', 'tcp://[::1]:0', '--unprotected'],
    });
    await process.line(STARTED);
    process.kill();
    await process.exit;
    expect(process.stdout.filter((line) => line.includes('"level":40'))).toEqual([]);
  });
});

describe.skipIf(!NetworkNamespace.isPossible())('another machine (a network namespace: Linux, root)', () => {
  test('is refused, and the log says so once for each side, with the cure; this machine is not', async () => {
    using machine = new NetworkNamespace();
    await using forwarder = await startForwarder([]);
    await using stranger = new LibzmqPeer(forwarder.at(machine.here), undefined, machine);
    await stranger.became('refused 400', 'xsub', 'xpub');
    await using again = new LibzmqPeer(forwarder.at(machine.here), undefined, machine);
    await again.became('refused 400', 'xsub', 'xpub');
    await using own = new LibzmqPeer(forwarder.at(machine.here));
    await own.became('handshake', 'xsub', 'xpub');
    expect(warnings(forwarder).sort()).toEqual(
      ['XPUB', 'XSUB'].map((side) =>
        expect.stringMatching(
          `^refused ${machine.there} at the ${side} side: only this machine may connect.*--allow ${machine.there}, or its network`,
        ),
      ),
    );
  });

  test.each([
    ['--allow', (network: string) => ['--allow', 'fd00::/8', '--allow', `10.0.0.0/8,${network}`]],
    ['--unprotected', () => ['--unprotected']],
  ])('gets in with %s', async (_, args) => {
    using machine = new NetworkNamespace();
    await using forwarder = await startForwarder(args(`${machine.there}/30`));
    await using peer = new LibzmqPeer(forwarder.at(machine.here), undefined, machine);
    await peer.became('handshake', 'xsub', 'xpub');
  });

  test('is refused by --allow with another network, although --unprotected is given', async () => {
    using machine = new NetworkNamespace();
    await using forwarder = await startForwarder(['--unprotected', '--allow', '203.0.113.0/24']);
    await using peer = new LibzmqPeer(forwarder.at(machine.here), undefined, machine);
    await peer.became('refused 400', 'xsub', 'xpub');
  });

  test('gets in with an authorized key; not if --allow names another network', async () => {
    using machine = new NetworkNamespace();
    const client = makeClient('client');
    const addresses = (port: string) => [`--${port}-address`, `tcp://${machine.here}:0`];
    const here = [...addresses('xsub'), ...addresses('xpub')];
    await using open = await KeyedForwarder.start([[client, 'both']], here);
    await using peer = new LibzmqPeer(open, open.keysOf(client), machine);
    await peer.became('handshake', 'xsub', 'xpub');
    await using narrow = await KeyedForwarder.start(
      [[client, 'both']],
      [...here, '--allow', '203.0.113.0/24'],
    );
    await using refused = new LibzmqPeer(narrow, narrow.keysOf(client), machine);
    await refused.became('refused 400', 'xsub', 'xpub');
    await narrow.logged(/only 203\.0\.113\.0\/24 and this machine may connect/);
  });
});

describe('options', () => {
  test.each([
    [['--allow', '10.0.0.0/33'], {}, /--allow to be networks like .* got '10\.0\.0\.0\/33'/],
    [['--allow', 'example.org'], {}, /got 'example\.org'/],
    [[], { DEMITTER_ALLOW: '10.0.0.0/8,x' }, /variable DEMITTER_ALLOW to be networks/],
    [[], { DEMITTER_UNPROTECTED: 'maybe' }, /variable DEMITTER_UNPROTECTED to be 1 or 0, got 'maybe'/],
  ])('%j with %j is refused', async (args, env, message) => {
    await using process = spawnNode(CLI, { args, env });
    expect((await process.exit).code).toBe(2);
    expect(process.stderr.join('\n')).toMatch(message);
  });

  test('keys rule, whatever DEMITTER_UNPROTECTED says', async () => {
    await using forwarder = await KeyedForwarder.start([], ['--unprotected']);
    await using peer = new LibzmqPeer(forwarder, forwarder.keysOf(makeClient('stranger')));
    await peer.became('refused 400', 'xsub', 'xpub');
  });
});

describe('an embedded forwarder whose event loop is blocked', () => {
  const program = (host: string) => `
    import { createForwarder } from 'demitter';
    const address = 'tcp://${host}:0';
    const { xsubAddress, xpubAddress } = await createForwarder({ xsubAddress: address, xpubAddress: address });
    console.log('forwarder started: XSUB ' + xsubAddress + ', XPUB ' + xpubAddress);
    process.stdin.once('data', () => {
      console.log('blocked');
      const until = performance.now() + 2000;
      while (performance.now() < until);
      console.log('unblocked');
    });`;

  test.each([
    ['lets everybody in at a loopback address, where nobody is asked about', '127.0.0.1', false],
    ['lets nobody new in elsewhere, until it goes on', '*', true],
  ])('%s', async (_, host, waits) => {
    await using child = spawnSource(program(host));
    const [, xsub, xpub] = await child.line(STARTED);
    child.child.stdin?.write('block\n');
    await child.line(/^blocked/);
    const ports = { xsubAddress: `tcp://127.0.0.1:${xsub}`, xpubAddress: `tcp://127.0.0.1:${xpub}` };
    await using peer = new LibzmqPeer(ports);
    await peer.became('handshake', 'xsub', 'xpub');
    expect(child.stdout.includes('unblocked')).toBe(waits);
  });
});
