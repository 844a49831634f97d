/** `connect()` and `close()` by listeners of what they themselves cause. */
import { expect, test } from 'vitest';
import { createDistributedEmitter, DistributedEmitter } from '../../src/emitter.js';
import { createMemoryTransport, MemoryHub } from '../../src/transport/memory.js';
import { ForwarderProcess } from '../support/forwarder-process.js';
import { Peer } from '../support/peer.js';

test.each([
  ['connect', 'connecting'],
  ['close', 'closing'],
] as const)('%s() in a listener of %s is the same call', async (method, wanted) => {
  await using emitter = new DistributedEmitter({ transport: createMemoryTransport(new MemoryHub()) });
  if (method === 'close') await emitter.connect();
  let inner: Promise<void> | undefined;
  emitter.on('distributed:status', ({ status }) => {
    if (status === wanted) inner = emitter[method]();
  });
  const outer = emitter[method]();
  expect(inner).toBe(outer);
  await outer;
});

test('a host that closes once more in such a listener stays until another one has taken over', async () => {
  const { addresses } = await ForwarderProcess.reserve();
  const host = await createDistributedEmitter({ ...addresses, forwarder: 'auto' });
  await using other = await Peer.start({ forwarder: 'auto', ...addresses, connectTimeout: 15_000 });
  await other.listen('on', 'a');
  await other.ready();
  expect(host.hosting).toBe(true);
  host.on('distributed:status', ({ status }) => {
    if (status === 'closing') void host.close();
  });
  const told: unknown[] = [];
  host.on('distributed:error', (error) => void told.push(error));
  for (let i = 0; i < 20; i += 1) void host.emit('a', i);
  await host.close();
  expect(await other.hosting()).toBe(true);
  expect(told).toEqual([]);
});
