import { describe, expect, it } from 'vitest';
import { DemitterError } from '../../src/errors.js';
import { defaultMemoryLimit, limitMemory, type MemoryLimit } from '../../src/forwarder/memory-limit.js';
import { resolveProxySettings } from '../../src/forwarder/options.js';
import type { ProxySettings, RunningProxy } from '../../src/forwarder/settings.js';
import { Mailbox } from '../conformance/mailbox.js';

const UNHEARD = { onOver: () => undefined, onStuck: () => undefined };
/** Every process needs more, and none needs so much. */
const ALWAYS_OVER: MemoryLimit = { ...UNHEARD, maxBytes: 1 };
const NEVER_OVER: MemoryLimit = { ...UNHEARD, maxBytes: Number.MAX_SAFE_INTEGER };

const SETTINGS = resolveProxySettings({ xsubPort: 0, xpubPort: 0 }, {});

class FakeProxy implements RunningProxy {
  readonly kind = 'process';
  readonly pid = process.pid;
  readonly xsubAddress = 'tcp://0.0.0.0:1';
  readonly xpubAddress = 'tcp://0.0.0.0:2';
  readonly ended: Promise<DemitterError | undefined>;
  end: (failure?: DemitterError) => void = () => undefined;
  isStopped = false;

  constructor() {
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  reloads = 0;

  reloadKeys(): void {
    this.reloads += 1;
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.end();
  }
}

describe('limitMemory()', () => {
  it('replaces a proxy that needs more, at the same addresses', async () => {
    const first = new FakeProxy();
    const next = new Mailbox<ProxySettings>();
    const told = new Mailbox<number>();
    const over = new Error('no third one');
    const start = limitMemory(
      async () => first,
      async (settings) => {
        next.push(settings);
        if (next.all.length > 1) throw over;
        return new FakeProxy();
      },
      { ...ALWAYS_OVER, onOver: (bytes) => told.push(bytes) },
    );
    const proxy = await start(SETTINGS, () => undefined);
    const [settings] = await next.first(1);
    expect(first.isStopped).toBe(true);
    expect(settings?.xsub.endpoint).toEqual({ protocol: 'tcp', host: '*', port: 1 });
    expect(settings?.xpub.endpoint).toEqual({ protocol: 'tcp', host: '*', port: 2 });
    expect(told.all[0]).toBeGreaterThan(1);
    expect(await proxy.ended).toMatchObject({ code: 'DEMITTER_FORWARDER_FAILED', cause: over });
  });

  it('stops the next one, too, if it is stopped while that starts', async () => {
    const next = new FakeProxy();
    const asked = new Mailbox<true>();
    let begin: (proxy: RunningProxy) => void = () => undefined;
    const start = limitMemory(
      async () => new FakeProxy(),
      () => {
        asked.push(true);
        return new Promise((resolve) => {
          begin = resolve;
        });
      },
      ALWAYS_OVER,
    );
    const proxy = await start(SETTINGS, () => undefined);
    await asked.first(1);
    const stopped = proxy.stop();
    begin(next);
    await stopped;
    expect(next.isStopped).toBe(true);
    expect(await proxy.ended).toBe(undefined);
  });

  it('leaves alone a proxy that needs less, and its end', async () => {
    const only = new FakeProxy();
    const start = limitMemory(
      async () => only,
      () => Promise.reject(new Error('not needed')),
      NEVER_OVER,
    );
    const proxy = await start(SETTINGS, () => undefined);
    proxy.reloadKeys();
    expect(only.reloads).toBe(1);
    const failure = new DemitterError('DEMITTER_FORWARDER_FAILED', 'it died');
    only.end(failure);
    expect(await proxy.ended).toBe(failure);
  });
});

it('defaultMemoryLimit() leaves room for two', () => {
  expect(defaultMemoryLimit()).toBeGreaterThan(0);
  expect(defaultMemoryLimit()).toBeLessThanOrEqual(512 * 1024 * 1024);
});
