/** Listeners of errors that emit, and are refused again. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { DistributedEmitter } from '../../src/emitter.js';
import type { DistributedError } from '../../src/errors.js';
import { createMemoryTransport, MemoryHub } from '../../src/transport/memory.js';

const transport = () => createMemoryTransport(new MemoryHub());

test('are not told without end', async () => {
  const emitter = new DistributedEmitter({ transport: transport() });
  await emitter.connect();
  await emitter.close();
  let told = 0;
  emitter.on('distributed:error', ({ message }: DistributedError) => {
    told += 1;
    void emitter.emit('failure', message);
  });
  const first = emitter.once('distributed:error');
  void emitter.emit('a', 1);
  await first;
  for (let i = 0; i < 100; i += 1) await turn();
  expect(told).toBe(1);
});

test('are told of values that cannot be retained outside of the call of emit()', async () => {
  await using emitter = new DistributedEmitter({ transport: transport(), retainedBytes: 0 });
  let depth = 0;
  let deepest = 0;
  let told = 0;
  const enough = new Promise<void>((resolve) => {
    emitter.on('distributed:error', ({ message }: DistributedError) => {
      depth += 1;
      told += 1;
      deepest = Math.max(deepest, depth);
      if (told < 10) void emitter.emit('failure', message, { retain: true });
      else resolve();
      depth -= 1;
    });
  });
  void emitter.emit('a', 1, { retain: true });
  await enough;
  expect(deepest).toBe(1);
});
