/** The file of authorized keys while the forwarder runs: replaced, rewritten, linked to, broken, gone. */
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { authorize, KeyedForwarder, makeClient } from '../support/keyed-forwarder.js';
import { LibzmqPeer } from '../support/libzmq-peer.js';

const [first, second] = [makeClient('first'), makeClient('second')];

describe('the list is read again', () => {
  test('when the file is rewritten in place', async () => {
    await using forwarder = await KeyedForwarder.start([]);
    writeFileSync(forwarder.folder.file('authorized'), authorize([[first, 'both']]));
    await forwarder.logged(/authorized keys read again: 1 clients/);
    await using peer = new LibzmqPeer(forwarder, forwarder.keysOf(first));
    await peer.became('handshake', 'xsub', 'xpub');
  });

  test('when a symbolic link above it is switched, as Kubernetes does it', async () => {
    await using forwarder = await KeyedForwarder.start([]);
    const { folder } = forwarder;
    for (const [version, rights] of [
      ['v1', []],
      ['v2', [[first, 'both']]],
    ] as const) {
      mkdirSync(folder.file(version));
      writeFileSync(folder.file(`${version}/authorized`), authorize(rights));
    }
    symlinkSync('v1', folder.file('data'));
    symlinkSync('data/authorized', folder.file('link'));
    renameSync(folder.file('link'), folder.file('authorized'));
    await forwarder.logged(/authorized keys read again: 0 clients/);
    symlinkSync('v2', folder.file('data.new'));
    renameSync(folder.file('data.new'), folder.file('data'));
    await forwarder.logged(/authorized keys read again: 1 clients/);
  });

  test('at once on SIGHUP, which ends nothing', async () => {
    await using forwarder = await KeyedForwarder.start([[first, 'both']]);
    forwarder.process.kill('SIGHUP');
    await forwarder.logged(/authorized keys read again: 1 clients/);
    forwarder.process.kill('SIGTERM');
    expect(await forwarder.process.exit).toEqual({ code: 0, signal: null });
  });
});

describe('the last good list stays in force', () => {
  test('while the file is broken or gone, and the log says so; who is in stays in', async () => {
    await using forwarder = await KeyedForwarder.start([[first, 'both']]);
    await using peer = new LibzmqPeer(forwarder, forwarder.keysOf(first));
    await peer.became('handshake', 'xsub', 'xpub');

    forwarder.folder.replace('authorized', `${authorize([[second, 'both']])}third\n`);
    const broken = JSON.parse(await forwarder.logged(/stay as they were/)) as { level: number; msg: string };
    expect(broken.level).toBe(50);
    expect(broken.msg).toMatch(
      /\(1 clients\): Expected line 2 of --authorized-keys \('.*authorized'\) to be `NAME PUBLIC-KEY RIGHTS`, got 1 words/,
    );
    rmSync(forwarder.folder.file('authorized'));
    expect(await forwarder.logged(/stay as they were/)).toContain('cannot be read (ENOENT)');

    await using again = new LibzmqPeer(forwarder, forwarder.keysOf(first));
    await again.became('handshake', 'xsub', 'xpub');
    expect(peer.output).not.toContain('disconnect');

    forwarder.grant([[second, 'both']]);
    await forwarder.logged(/authorized keys read again: 1 clients/);
    await using newcomer = new LibzmqPeer(forwarder, forwarder.keysOf(second));
    await peer.became('refused 400', 'xsub', 'xpub');
    await newcomer.became('handshake', 'xsub', 'xpub');
  });
});
