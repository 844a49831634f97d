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

/** How long the schema takes for an answer is what the answer says; it never decides on `null`. */
async function responders(count: number, answer: (i: number) => unknown): Promise<DistributedEmitter[]> {
  const hub = new MemoryHub();
  const validate = (value: unknown) =>
    value === null ? new Promise<never>(() => {}) : lasting(value as number, { value });
  const schemas = { a: { answer: { '~standard': { version: 1 as const, vendor: 'demitter', validate } } } };
  const emitters = Array.from(
    { length: count + 1 },
    () =>
      new DistributedEmitter({
        transport: createMemoryTransport(hub),
        ...({ schemas, validate: 'receive' } as object),
      }),
  );
  for (const [i, emitter] of emitters.entries()) if (i > 0) emitter.respond('a', () => answer(i));
  await Promise.all(emitters.map((emitter) => emitter.connect()));
  return emitters;
}

test('end within their timeout and with their signal also while their answer is checked', async () => {
  const emitters = await responders(1, () => null);
  const [emitter] = emitters as [DistributedEmitter];
  await Promise.all([
    expect(emitter.request('a', 1, { timeout: 100 })).rejects.toMatchObject({ code: 'DEMITTER_TIMEOUT' }),
    expect(emitter.request('a', 1, { signal: AbortSignal.timeout(100) })).rejects.toMatchObject({
      name: 'TimeoutError',
    }),
    expect(emitter.request('a', 1, { timeout: 100, fallback: 'none' })).resolves.toBe('none'),
  ]);
  const closed = expect(emitter.request('a', 1)).rejects.toMatchObject({ code: 'DEMITTER_CLOSED' });
  await Promise.all(emitters.map((each) => each.close()));
  await closed;
});

test('of many give the answers that are checked in time, in the order in which they are', async () => {
  const emitters = await responders(3, (i) => [undefined, 200, null, 1][i]);
  const [emitter] = emitters as [DistributedEmitter];
  const values: unknown[] = [];
  for await (const answer of emitter.requestMany('a', 1, { timeout: 1000 }))
    values.push(answer.status === 'fulfilled' ? answer.value : answer.reason);
  expect(values).toEqual([1, 200]);
  await Promise.all(emitters.map((each) => each.close()));
});

test('of many wait for the check of what came, also of the last that is taken and while nothing else comes', async () => {
  const emitters = await responders(2, () => 300);
  const [emitter] = emitters as [DistributedEmitter];
  for (const options of [{ max: 2 }, { stall: 10 }]) {
    const values: unknown[] = [];
    for await (const answer of emitter.requestMany('a', 1, { timeout: 10_000, ...options }))
      values.push(answer.status === 'fulfilled' ? answer.value : answer.reason);
    expect(values.length).toBeGreaterThanOrEqual('max' in options ? 2 : 1);
  }
  await Promise.all(emitters.map((each) => each.close()));
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
