/** Requests whose data is checked by a schema that takes its time, and requests around `connect()`. */
import { setTimeout as lasting } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { DistributedEmitter } from '../../src/emitter.js';
import { createMemoryTransport, MemoryHub } from '../../src/transport/memory.js';
import { ForwarderProcess } from '../support/forwarder-process.js';

/** Never decides. */
const SCHEMAS = {
  a: {
    request: {
      '~standard': {
        version: 1 as const,
        vendor: 'demitter',
        validate: () => new Promise<never>(() => {}),
      },
    },
  },
};

async function requester(): Promise<DistributedEmitter> {
  const emitter = new DistributedEmitter({
    transport: createMemoryTransport(new MemoryHub()),
    ...({ schemas: SCHEMAS } as object),
  });
  await emitter.connect();
  emitter.respond('a', () => 1);
  return emitter;
}

test('end within their timeout', async () => {
  await using emitter = await requester();
  await expect(emitter.request('a', 1, { timeout: 50 })).rejects.toMatchObject({ code: 'DEMITTER_TIMEOUT' });
});

test('end with their signal', async () => {
  await using emitter = await requester();
  await expect(emitter.request('a', 1, { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
    name: 'TimeoutError',
  });
});

test('end when the emitter is closed', async () => {
  const emitter = await requester();
  const answer = emitter.request('a', 1);
  const all = (async () => {
    for await (const _ of emitter.requestMany('a', 1));
  })();
  await Promise.all([
    emitter.close(),
    expect(answer).rejects.toMatchObject({ code: 'DEMITTER_CLOSED' }),
    expect(all).rejects.toMatchObject({ code: 'DEMITTER_CLOSED' }),
  ]);
});

test('made right after connect() are sent, also after one that was made before it', async () => {
  await using emitter = new DistributedEmitter({ transport: createMemoryTransport(new MemoryHub()) });
  emitter.respond('a', () => lasting(1, 'answer'));
  const early = emitter.request('a');
  void emitter.connect();
  const late = emitter.request('a');
  await expect(early).rejects.toMatchObject({ code: 'DEMITTER_NOT_CONNECTED' });
  expect(await late).toBe('answer');
});

test('close() takes no longer than closeTimeout in all for what a schema never decides on, and for the link', async () => {
  const { addresses } = await ForwarderProcess.reserve();
  const schemas = { schemas: { b: SCHEMAS.a.request } } as object;
  const emitter = new DistributedEmitter({
    ...addresses,
    connectTimeout: 10,
    closeTimeout: 1000,
    ...schemas,
  });
  emitter.on('distributed:error', () => {});
  await emitter.connect();
  void emitter.emit('unsent', 1);
  void emitter.emit('b', 1);
  const began = performance.now();
  await emitter.close();
  expect(performance.now() - began).toBeLessThan(1900);
});
