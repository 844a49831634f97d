/** Emitters with keys at our own forwarder: granted, revoked, granted again; and the fault suite's oracle with it. */
import { setTimeout as lasting } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { DistributedEmitter } from '../../src/emitter.js';
import type { DistributedError } from '../../src/errors.js';
import { formatKeyFile } from '../../src/keys.js';
import { Mailbox } from '../conformance/mailbox.js';
import { SERVER, securityOf } from '../support/curve.js';
import { FaultCluster } from '../support/fault-cluster.js';
import { byForm, tellFigures } from '../support/fault-form.js';
import { ForwarderProcess } from '../support/forwarder-process.js';
import {
  authorize,
  Folder,
  KeyedForwarder,
  makeClient,
  type NamedClient,
} from '../support/keyed-forwarder.js';
import { summary } from '../support/oracle.js';

/** What is asked of grants and revocations. */
const SOON_MS = 2_000;

const CYCLES = { short: 3, long: 50 };
const EVENTS_PER_SECOND = 5_000;
/** How long the forwarder is there, and away, in each cycle, in rotation. */
const UP_MS = [700, 100, 300];
const DOWN_MS = [50, 1_000, 300, 5];

function securityFor({ keys }: NamedClient, server = SERVER): { serverKey: string; secretKey: string } {
  return securityOf({ ...keys, serverKey: server.publicKey });
}

test('who is revoked is cut off and told why within 2 s, and back within 2 s of being granted', async () => {
  const [alice, bob] = [makeClient('alice'), makeClient('bob')];
  await using forwarder = await KeyedForwarder.start([
    [alice, 'both'],
    [bob, 'both'],
  ]);
  const { xsubAddress, xpubAddress, server } = forwarder;
  const addresses = { xsubAddress, xpubAddress };
  await using a = new DistributedEmitter({ ...addresses, security: securityFor(alice, server) });
  await using b = new DistributedEmitter({ ...addresses, security: securityFor(bob, server) });
  const errors = new Mailbox<DistributedError>();
  const got = new Mailbox<unknown>();
  a.on('distributed:error', (error) => errors.push(error));
  b.on('event', (data) => got.push(data));
  const others = new Mailbox<DistributedError>();
  b.on('distributed:error', (error) => others.push(error));
  await Promise.all([a.connect(), b.connect()]);
  await Promise.all([a.ready(), b.ready()]);
  await a.emit('event', 1);
  await got.first(1);

  forwarder.grant([[bob, 'both']]);
  const revoked = performance.now();
  const refused = await errors.find(({ code }) => code === 'DEMITTER_REFUSED');
  expect(performance.now() - revoked).toBeLessThan(SOON_MS);
  expect(refused.type).toBe('security');
  void a.emit('event', 2);

  forwarder.grant([
    [alice, 'both'],
    [bob, 'both'],
  ]);
  const granted = performance.now();
  await a.ready();
  expect(performance.now() - granted).toBeLessThan(SOON_MS);
  expect(await got.first(2)).toEqual([1, 2]);
  expect(others.all.filter(({ type }) => type !== 'network')).toEqual([]);
});

test('killed and restarted under load, with CURVE: nothing is lost, told or doubled', async () => {
  using folder = new Folder();
  const client = makeClient('everybody');
  const files = {
    secret: folder.replace('server.key', formatKeyFile(SERVER, 'a server')),
    authorized: folder.replace('authorized', authorize([[client, 'both']])),
  };
  const flags = ['--secret-key-file', files.secret, '--authorized-keys', files.authorized];
  await using forwarder = await ForwarderProcess.start(...flags);
  const ways = [forwarder.addresses, forwarder.addresses];
  await using cluster = await FaultCluster.start({
    publishers: ways,
    subscribers: ways,
    options: { security: securityFor(client) },
  });
  await cluster.ready();
  cluster.startLoad(EVENTS_PER_SECOND);
  const cycles = byForm(CYCLES);
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    await lasting(UP_MS[cycle % UP_MS.length]);
    await forwarder.kill();
    await lasting(DOWN_MS[cycle % DOWN_MS.length]);
    await forwarder.start();
  }
  await cluster.stopLoad();
  const verdict = await cluster.prove({ told: 'none' });
  tellFigures('forwarder with CURVE killed and restarted', { cycles, events: summary(verdict) });
  expect(verdict.delivered).toBeGreaterThan(0);
});
