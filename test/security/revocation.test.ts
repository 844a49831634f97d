/** Who loses a right loses it at once: the connection is cut, and dialling again does not help. */
import { describe, expect, test } from 'vitest';
import { KeyedForwarder, makeClient } from '../support/keyed-forwarder.js';
import { LibzmqPeer } from '../support/libzmq-peer.js';

/** What the forwarder promises, from the change of the file to the cut. */
const WITHIN_MS = 2000;

describe('a key that is removed while its client is connected', () => {
  test('is cut off on both sides within 2 s and refused from then on; others are back', async () => {
    const [staying, leaving] = [makeClient('staying'), makeClient('leaving')];
    await using forwarder = await KeyedForwarder.start([
      [staying, 'both'],
      [leaving, 'both'],
    ]);
    await using other = new LibzmqPeer(forwarder, forwarder.keysOf(staying));
    await using revoked = new LibzmqPeer(forwarder, forwarder.keysOf(leaving));
    for (const peer of [other, revoked]) await peer.became('handshake', 'xsub', 'xpub');

    const since = performance.now();
    forwarder.grant([[staying, 'both']]);
    await revoked.became('disconnect', 'xsub', 'xpub');
    await revoked.became('refused 400', 'xsub', 'xpub');
    expect(performance.now() - since).toBeLessThan(WITHIN_MS);
    await other.became('handshake', 'xsub', 'xpub');
    expect(await forwarder.logged(/cutting off/)).toContain('leaving');
    expect(await forwarder.logged(/is not authorized/)).toContain('127.0.0.1');
    expect(forwarder.process.output).not.toContain('cutting off staying');
  });

  test('is cut off on the side to which it lost the right', async () => {
    const client = makeClient('client');
    await using forwarder = await KeyedForwarder.start([[client, 'both']]);
    await using peer = new LibzmqPeer(forwarder, forwarder.keysOf(client));
    await peer.became('handshake', 'xsub', 'xpub');
    forwarder.grant([[client, 'publish']]);
    await peer.became('refused 400', 'xpub');
    await peer.became('handshake', 'xsub');
    expect(await forwarder.logged(/may publish only/)).toContain('client');
  });
});

describe('nobody is cut off', () => {
  test('when a key is removed whose client was never connected, or one is added', async () => {
    const [here, absent, added] = [makeClient('here'), makeClient('absent'), makeClient('added')];
    await using forwarder = await KeyedForwarder.start([
      [here, 'both'],
      [absent, 'both'],
    ]);
    await using peer = new LibzmqPeer(forwarder, forwarder.keysOf(here));
    await peer.became('handshake', 'xsub', 'xpub');
    const since = performance.now();
    forwarder.grant([
      [here, 'both'],
      [added, 'both'],
    ]);
    await forwarder.logged(/authorized keys read again: 2 clients/);
    await using newcomer = new LibzmqPeer(forwarder, forwarder.keysOf(added));
    await newcomer.became('handshake', 'xsub', 'xpub');
    expect(performance.now() - since).toBeLessThan(WITHIN_MS);
    expect(peer.output).not.toContain('disconnect');
  });
});
