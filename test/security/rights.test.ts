/**
 * Emitters that may only publish, or only subscribe: what they do, over each transport, and what they say of the rest.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createDistributedEmitter, DistributedEmitter } from '../../src/emitter.js';
import type { DistributedError } from '../../src/errors.js';
import type { Peer as PresentPeer } from '../../src/peer.js';
import { Bus } from '../support/bus.js';
import { caughtUp } from '../support/caught-up.js';
import { describeOverEach } from '../support/meeting.js';
import { Peer } from '../support/peer.js';

const NOT_PERMITTED = expect.objectContaining({ code: 'DEMITTER_NOT_PERMITTED' });

/** The next error that `emitter` tells. */
function nextError(emitter: DistributedEmitter): Promise<DistributedError> {
  return emitter.once('distributed:error') as Promise<DistributedError>;
}

describeOverEach("rights: 'publish'", (meet) => {
  test('its events arrive, in order and once, and it gets none', async () => {
    await using meeting = await meet();
    const sensor = await meeting.emitter({ rights: 'publish' });
    const other = await meeting.emitter();
    const got: unknown[] = [];
    const heard: unknown[] = [];
    other.on('reading', (data) => got.push(data));
    sensor.onAny((_name, data) => heard.push(data));
    await Promise.all([other.ready(), sensor.ready()]);
    await other.emit('reading', 'of the other');
    for (let i = 0; i < 1000; i += 1) void sensor.emit('reading', i);
    await caughtUp(sensor, other);
    const emitted = Array.from({ length: 1000 }, (_, i) => i);
    expect(got).toEqual(['of the other', ...emitted]);
    // Local listeners are none of the forwarder's business.
    expect(heard.filter((data) => data !== undefined)).toEqual(emitted);
    expect(sensor.status).toBe('ready');
  });

  test('takes part in presence: who comes later knows it within an interval', async () => {
    await using meeting = await meet();
    const sensor = await meeting.emitter({ rights: 'publish', name: 'sensor', heartbeatInterval: 100 });
    const other = await meeting.emitter();
    const joined = other.once('distributed:join') as Promise<PresentPeer>;
    const left = other.once('distributed:leave');
    await expect(joined).resolves.toMatchObject({ id: sensor.id, name: 'sensor' });
    await expect(other.peers()).resolves.toMatchObject([{ id: sensor.id }]);
    await sensor.close();
    await expect(left).resolves.toMatchObject({ id: sensor.id, reason: 'closed' });
  });

  test('an event that was to be retained is sent, and that it is not retained is told', async () => {
    await using meeting = await meet();
    const sensor = await meeting.emitter({ rights: 'publish' });
    const other = await meeting.emitter();
    const got = other.once('state');
    await other.ready();
    const told = nextError(sensor);
    await sensor.emit('state', 'on', { retain: true });
    await expect(got).resolves.toBe('on');
    await expect(told).resolves.toMatchObject({
      type: 'security',
      code: 'DEMITTER_NOT_PERMITTED',
      eventName: 'state',
      missed: 1,
    });
  });
});

describeOverEach("rights: 'subscribe'", (meet) => {
  test('gets events in order and once; what it emits stays here, and that is told once per turn', async () => {
    await using meeting = await meet();
    const dashboard = await meeting.emitter({ rights: 'subscribe' });
    const other = await meeting.emitter();
    const got: unknown[] = [];
    const elsewhere: unknown[] = [];
    dashboard.on('reading', (data) => got.push(data));
    other.on('reading', (data) => elsewhere.push(data));
    await Promise.all([dashboard.ready(), other.ready()]);
    for (let i = 0; i < 1000; i += 1) void other.emit('reading', i);
    await caughtUp(other, dashboard);
    const emitted = Array.from({ length: 1000 }, (_, i) => i);
    expect(got).toEqual(emitted);

    const errors: DistributedError[] = [];
    dashboard.on('distributed:error', (error) => errors.push(error as DistributedError));
    const told = nextError(dashboard);
    await Promise.all(['a', 'b', 'c'].map((data) => dashboard.emit('reading', data)));
    await told;
    await caughtUp(other, dashboard);
    expect(got).toEqual([...emitted, 'a', 'b', 'c']);
    expect(elsewhere).toEqual(emitted);
    expect(errors).toEqual([
      expect.objectContaining({
        type: 'security',
        code: 'DEMITTER_NOT_PERMITTED',
        eventName: 'reading',
        missed: 3,
        message: expect.stringContaining("rights: 'subscribe'"),
      }),
    ]);
  });

  test('volatile events count as dropped, and are told; local symbols are not', async () => {
    await using meeting = await meet();
    const dashboard = await meeting.emitter({ rights: 'subscribe' });
    const told = nextError(dashboard);
    await dashboard.emit(Symbol('local'), 1, { volatile: true });
    await dashboard.volatile.emit('tick', 1);
    await expect(told).resolves.toMatchObject({ eventName: 'tick', missed: 1 });
    expect(dashboard.volatileDropped).toBe(1);
  });

  test('a retained value comes as an event when it is emitted, and is not asked for', async () => {
    await using meeting = await meet();
    const other = await meeting.emitter();
    await other.emit('state', 'on', { retain: true });
    const dashboard = await meeting.emitter({ rights: 'subscribe' });
    const got: unknown[] = [];
    dashboard.on('state', (data) => got.push(data));
    await dashboard.ready();
    await other.emit('state', 'off', { retain: true });
    await caughtUp(other, dashboard);
    expect(got).toEqual(['off']);
  });
});

describeOverEach('either', (meet) => {
  test.each(['publish', 'subscribe'] as const)(
    "with rights: '%s', what takes both directions is refused",
    async (rights) => {
      await using meeting = await meet();
      const emitter = await meeting.emitter({ rights });
      const told = nextError(emitter);
      await expect(emitter.request('sum', [1, 2])).rejects.toEqual(NOT_PERMITTED);
      await expect(emitter.channel('room').request('sum')).rejects.toEqual(NOT_PERMITTED);
      await expect(emitter.requestMany('sum').next()).rejects.toEqual(NOT_PERMITTED);
      expect(() => emitter.respond('sum', () => 3)).toThrow(NOT_PERMITTED);
      await expect(emitter.peers()).rejects.toEqual(NOT_PERMITTED);
      emitter.on('distributed:join', () => {});
      await expect(told).resolves.toMatchObject({ type: 'security', code: 'DEMITTER_NOT_PERMITTED' });
      expect(emitter.status).toBe('ready');
    },
  );
});

describe('links', () => {
  /** A place where nobody is to connect. */
  async function trap() {
    const visitors: Socket[] = [];
    const server = createServer((socket) => visitors.push(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(async () => {
      for (const socket of visitors) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    const { port } = server.address() as AddressInfo;
    return { address: `tcp://127.0.0.1:${port}`, visitors };
  }

  test.each([
    ['publish', 'xpubAddress'],
    ['subscribe', 'xsubAddress'],
  ] as const)("with rights: '%s', the other side is never dialled", async (rights, side) => {
    await using bus = await Bus.start();
    const other = await trap();
    const emitter = await bus.emitter({ rights, [side]: other.address });
    await emitter.ready();
    expect(emitter.status).toBe('ready');
    await expect.poll(() => emitter.latency).toBeGreaterThan(0);
    await emitter.close();
    expect(other.visitors).toEqual([]);
  });

  test('what cannot be reached is named, and nothing else', async () => {
    const { address } = await trap();
    const emitter = new DistributedEmitter({ rights: 'publish', xsubAddress: address, connectTimeout: 50 });
    const told = nextError(emitter);
    await emitter.connect();
    const { code, message } = await told;
    expect(code).toBe('DEMITTER_CONNECT_TIMEOUT');
    expect(message).toContain(`the forwarder at ${address} within`);
    await emitter.close();
  });
});

test("with forwarder: 'auto', a dashboard gets what a sensor emits right before it closes and takes the forwarder along", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'demitter-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const addresses = { xsubAddress: `ipc://${folder}/xsub`, xpubAddress: `ipc://${folder}/xpub` };
  await using sensor = await createDistributedEmitter({ ...addresses, forwarder: 'auto', rights: 'publish' });
  expect(sensor.hosting).toBe(true);
  await using peer = await Peer.start({ ...addresses, forwarder: 'auto', rights: 'subscribe' });
  await peer.listen('on', 'reading');
  await peer.ready();
  for (let i = 0; i < 1000; i += 1) void sensor.emit('reading', i);
  await sensor.close();
  // It has stayed until the forwarder was another's: somebody was there to hear, although not to send.
  expect(await peer.hosting()).toBe(true);
  await peer.sawAtLeast(1000);
  expect(peer.errors.map(({ code }) => code)).toEqual(['DEMITTER_NETWORK']);
});
