/** Presence in faults: who is gone is told in time, and nobody else is taken for gone. */
import { setTimeout as lasting } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Bus } from '../support/bus.js';
import { byForm, medianAndMax, tellFigures } from '../support/fault-form.js';
import type { Direction } from '../support/fault-pipe.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { ForwarderProcess } from '../support/forwarder-process.js';
import { type Entry, PresencePeer } from '../support/presence-peer.js';

/** How long a message may take on a busy machine, and a timer may be late. */
const SLACK_MS = 500;

const inShort = ({ what, id, reason, code }: Entry) => [what, id ?? code, reason].filter(Boolean).join(' ');

/** Resolves when `peer` has written `line`. */
async function written(peer: PresencePeer, line: string, times = 1): Promise<void> {
  for (;;) {
    const lines = (await peer.journal()).map(inShort);
    if (lines.filter((each) => each === line).length >= times) return;
    await lasting(20);
  }
}

test('a peer that is killed has left within three of its heartbeats', async () => {
  const kills = byForm({ short: 3, long: 20 });
  const times: number[] = [];
  await using bus = await Bus.start();
  await using watcher = await bus.emitter();
  await watcher.peers();
  for (let i = 0; i < kills; i += 1) {
    const heartbeatInterval = [1000, 200, 500][i % 3] as number;
    await using victim = await PresencePeer.start();
    const joined = watcher.once('distributed:join');
    const [id] = await victim.create([{ ...bus.addresses, name: 'victim', heartbeatInterval }]);
    expect(await joined).toMatchObject({ id, pid: victim.process.pid });
    await lasting(heartbeatInterval * (2 + Math.random()));
    const left = watcher.once('distributed:leave');
    victim.process.kill('SIGKILL');
    const killed = performance.now();
    expect(await left).toMatchObject({ id, name: 'victim', reason: 'silent' });
    const took = performance.now() - killed;
    expect(took).toBeLessThan(3 * heartbeatInterval + SLACK_MS);
    times.push((100 * took) / heartbeatInterval);
    expect(await watcher.peers()).toEqual([]);
  }
  tellFigures('killed', { kills, 'left after, in hundredths of a heartbeat': medianAndMax(times) });
});

test('a forwarder that is killed and comes back: nobody leaves, and nobody joins again', async () => {
  const awayMs = byForm({ short: [2000], long: [100, 2000, 5000, 300, 1000] });
  await using forwarder = await ForwarderProcess.start();
  const options = [200, 1000, 1000].map((heartbeatInterval) => ({
    ...forwarder.addresses,
    heartbeatInterval,
  }));
  await using one = await PresencePeer.start();
  await using other = await PresencePeer.start();
  await one.create(options, { watches: true });
  await other.create(options, { watches: true });
  await Promise.all([one.peers(), other.peers()]);
  for (const ms of awayMs) {
    await forwarder.kill();
    await lasting(ms);
    await forwarder.start();
    await lasting(4500);
  }
  for (const peer of [one, other]) {
    const entries = await peer.journal();
    expect(entries.filter(({ what }) => what === 'leave')).toEqual([]);
    // Each of the three was told of the five others.
    expect(entries.filter(({ what }) => what === 'join')).toHaveLength(15);
    expect((await peer.peers()).map(({ length }) => length)).toEqual([5, 5, 5]);
  }
}, 60_000);

test('who dies while the forwarder is away is gone after it is back', async () => {
  await using forwarder = await ForwarderProcess.start();
  await using watcher = await PresencePeer.start();
  await using victim = await PresencePeer.start();
  await watcher.create([{ ...forwarder.addresses }], { watches: true });
  const [id] = await victim.create([{ ...forwarder.addresses, name: 'victim' }]);
  await watcher.peers();
  await forwarder.kill();
  victim.process.kill('SIGKILL');
  await lasting(5000);
  expect((await watcher.peers())[0]).toEqual([id]);
  await forwarder.start();
  await written(watcher, `leave ${id} silent`);
});

test.each(byForm<readonly Direction[]>({ short: ['toClient'], long: ['toTarget', 'toClient'] }))(
  'a link of one’s own that is dead %s: nobody leaves',
  async (direction) => {
    await using bus = await Bus.start();
    const { xsubAddress, xpubAddress } = bus.addresses;
    await using xsub = await FaultProxy.start(xsubAddress);
    await using xpub = await FaultProxy.start(xpubAddress);
    await using others = await PresencePeer.start();
    const ids = await others.create(
      [200, 1000].map((heartbeatInterval) => ({ ...bus.addresses, heartbeatInterval })),
    );
    const watcher = await bus.emitter({ xsubAddress: xsub.address, xpubAddress: xpub.address });
    const told: string[] = [];
    watcher.on('distributed:error', () => {});
    watcher.on('distributed:join', ({ id }) => told.push(`join ${id}`));
    watcher.on('distributed:leave', ({ id, reason }) => told.push(`leave ${id} ${reason}`));
    await watcher.peers();
    const back = new Promise<void>((resolve) => {
      watcher.on('distributed:status', ({ status }) => status === 'ready' && resolve());
    });
    for (const proxy of [xsub, xpub]) proxy.silence(direction);
    await lasting(8000);
    expect(watcher.status).toBe('reconnecting');
    for (const proxy of [xsub, xpub]) proxy.heal();
    await back;
    await lasting(4000);
    expect(told.sort()).toEqual(ids.map((id) => `join ${id}`).sort());
    expect((await watcher.peers()).map(({ id }) => id).sort()).toEqual([...ids].sort());
  },
  60_000,
);

test('a peer that stands still has left, and joins again when it goes on', async () => {
  await using bus = await Bus.start();
  await using watcher = await PresencePeer.start();
  await using peer = await PresencePeer.start();
  await watcher.create([bus.addresses], { watches: true });
  const [id] = await peer.create([{ ...bus.addresses, heartbeatInterval: 300 }], { watches: true });
  await written(watcher, `join ${id}`);
  await peer.peers();
  peer.process.kill('SIGSTOP');
  await written(watcher, `leave ${id} silent`);
  await lasting(3000);
  peer.process.kill('SIGCONT');
  await written(watcher, `join ${id}`, 2);
  // It takes nobody for gone, although it did not hear anybody.
  await lasting(4000);
  expect((await peer.journal()).filter(({ what }) => what === 'leave')).toEqual([]);
  expect((await watcher.journal()).map(inShort)).toEqual([`join ${id}`, `leave ${id} silent`, `join ${id}`]);
});

test('a process whose event loop is blocked takes nobody for gone, not even those in it', async () => {
  const blocks = byForm({ short: [5000, 700], long: [5000, 700, 3000, 10_000, 400, 5000] });
  await using bus = await Bus.start();
  await using blocked = await PresencePeer.start();
  await using others = await PresencePeer.start();
  const options = [100, 200, 1000].map((heartbeatInterval) => ({ ...bus.addresses, heartbeatInterval }));
  await blocked.create(options, { watches: true });
  await others.create([...options, ...options], { watches: true });
  await Promise.all([blocked.peers(), others.peers()]);
  for (const ms of blocks) {
    await blocked.block(ms);
    await lasting(1500);
  }
  expect((await blocked.journal()).filter(({ what }) => what === 'leave')).toEqual([]);
}, 60_000);

test('very many all see each other', async () => {
  const { emitters, processes } = byForm({
    short: { emitters: 200, processes: 4 },
    long: { emitters: 400, processes: 4 },
  });
  await using bus = await Bus.start();
  const peers = await Promise.all(Array.from({ length: processes }, () => PresencePeer.start()));
  try {
    const options = Array.from({ length: emitters / processes }, (_, i) => ({
      ...bus.addresses,
      name: `service ${i}`,
    }));
    const created = await Promise.all(peers.map((peer) => peer.create(options)));
    const began = performance.now();
    const complete = (lists: readonly string[][]) =>
      lists.filter(({ length }) => length === emitters - 1).length;
    // So many at once, in few processes, keep these busy: whoever answers late is listed later.
    let lists = (await Promise.all(peers.map((peer) => peer.peers()))).flat();
    const completeAtFirst = complete(lists);
    while (complete(lists) < emitters) {
      await lasting(200);
      lists = (await Promise.all(peers.map((peer) => peer.peers()))).flat();
    }
    const took = performance.now() - began;
    const ofAll = created.flat();
    const all = [...ofAll].sort();
    for (const [i, list] of lists.entries()) expect([...list, ofAll[i]].sort()).toEqual(all);
    tellFigures('very many', {
      emitters,
      'lists complete at first': completeAtFirst,
      'all complete after': `${Math.round(took)} ms`,
    });
    expect(took).toBeLessThan(20_000);
    const [leaving, staying] = peers as [PresencePeer, PresencePeer];
    await leaving.close();
    const left = (emitters / processes) * (processes - 1);
    while ((await staying.peers()).some(({ length }) => length !== left - 1)) await lasting(100);
  } finally {
    await Promise.all(peers.map((peer) => peer[Symbol.asyncDispose]()));
  }
}, 60_000);
