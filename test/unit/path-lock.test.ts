import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lockPath, type PathLock } from '../../src/forwarder/path-lock.js';

test('the lock on a path is held once, however the path is spelled, and can be had again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'demitter-'));
  try {
    await symlink(folder, join(folder, 'link'));
    const lock = (await lockPath(join(folder, 'xsub'))) as PathLock;
    expect(lock).toBeDefined();
    expect(await lockPath(join(folder, 'xsub'))).toBeUndefined();
    expect(await lockPath(join(folder, 'link', 'xsub'))).toBeUndefined();
    const other = await lockPath(join(folder, 'xpub'));
    expect(other).toBeDefined();
    await other?.release();
    await lock.release();
    const again = await lockPath(join(folder, 'link', 'xsub'));
    expect(again).toBeDefined();
    await again?.release();
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a path in no folder can be locked: that it cannot be bound is told by who binds it', async () => {
  const lock = await lockPath('/no/such/folder/xsub');
  expect(lock).toBeDefined();
  await lock?.release();
});
