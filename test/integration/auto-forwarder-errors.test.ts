/** `forwarder: 'auto'` where it cannot be run: what is told, and that it goes on once it can. */
import { mkdtemp, rm } from 'node:fs/promises';
import { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { DistributedEmitter } from '../../src/emitter.js';
import { ForwarderProcess } from '../support/forwarder-process.js';

test.each([
  ['DEMITTER_ALLOW', 'nonsense'],
  ['DEMITTER_UNPROTECTED', 'perhaps'],
])('a bad %s is an error of whoever makes the emitter', async (variable, value) => {
  const { addresses } = await ForwarderProcess.reserve();
  vi.stubEnv(variable, value);
  try {
    expect(() => new DistributedEmitter({ ...addresses, forwarder: 'auto' })).toThrow(variable);
  } finally {
    vi.unstubAllEnvs();
  }
});

test('if only the first of two paths can be locked, that is given back', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'demitter-'));
  const addresses = {
    xsubAddress: `ipc://${join(folder, 'xsub')}`,
    xpubAddress: `ipc://${join(folder, 'xpub')}`,
  };
  const { listen } = Server.prototype;
  let calls = 0;
  const spy = vi.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server, ...args) {
    calls += 1;
    if (calls !== 2) return Reflect.apply(listen, this, args);
    process.nextTick(() => this.emit('error', Object.assign(new Error('no more'), { code: 'EMFILE' })));
    return this;
  });
  try {
    await using emitter = new DistributedEmitter({ ...addresses, forwarder: 'auto', connectTimeout: 10_000 });
    emitter.on('distributed:error', () => {});
    await emitter.connect();
    expect([emitter.status, emitter.hosting]).toEqual(['ready', true]);
    expect(calls).toBeGreaterThan(2);
  } finally {
    spy.mockRestore();
    await rm(folder, { recursive: true, force: true });
  }
});
