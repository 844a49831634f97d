/**
 * `close()` while something is wrong with the link, or was a moment ago: what was emitted arrives, or is told. Whoever
 * missed something can ask for it as long as its publisher lives.
 */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { createDistributedEmitter, type DistributedEmitter } from '../../src/emitter.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { ForwarderProcess } from '../support/forwarder-process.js';

interface Addresses {
  readonly xsubAddress: string;
  readonly xpubAddress: string;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

function stateOf(pid: number): string {
  return execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
}

/** A subscriber that keeps what comes. */
async function record(addresses: Addresses) {
  const emitter = await createDistributedEmitter(addresses);
  const sequences: number[] = [];
  let look = (): void => undefined;
  // It sees the outages too.
  emitter.on('distributed:error', () => undefined);
  emitter.on('burst', ({ sequence }: { sequence: number }) => {
    sequences.push(sequence);
    look();
  });
  await emitter.ready();
  return {
    sequences,
    /** Resolves when at least `count` have come; that they do not is the runner's time limit to say. */
    async reached(count: number): Promise<void> {
      await new Promise<void>((resolve) => {
        look = () => sequences.length >= count && resolve();
        look();
      });
    },
    [Symbol.asyncDispose]: () => emitter.close(),
  };
}

/** A publisher that counts what it emits and what it is told. */
async function publish(addresses: Addresses, closeTimeout: number) {
  const emitter: DistributedEmitter = await createDistributedEmitter({ ...addresses, closeTimeout });
  let emitted = 0;
  let told = 0;
  emitter.on('distributed:error', ({ code, missed }) => {
    if (code === 'DEMITTER_CLOSE_TIMEOUT') told += missed ?? 0;
  });
  await emitter.ready();
  return {
    emitter,
    burst(count: number, bytes = 0): void {
      const padding = 'x'.repeat(bytes);
      for (let i = 0; i < count; i += 1) void emitter.emit('burst', { sequence: emitted++, padding });
    },
    get told() {
      return told;
    },
    [Symbol.asyncDispose]: () => emitter.close(),
  };
}

test.for([0, 2000])(
  'the forwarder killed after the emits and started again, close() at once: all arrive (%i bytes)',
  async (bytes, { annotate }) => {
    await using forwarder = await ForwarderProcess.start();
    await using one = await record(forwarder.addresses);
    await using two = await record(forwarder.addresses);
    await using publisher = await publish(forwarder.addresses, 15_000);
    publisher.burst(500, bytes);
    await forwarder.kill();
    publisher.burst(500, bytes);
    await forwarder.start();
    const began = performance.now();
    await publisher.emitter.close();
    await annotate(`close() took ${Math.round(performance.now() - began)} ms`);
    expect(publisher.told).toBe(0);
    expect(one.sequences).toEqual(upTo(1000));
    expect(two.sequences).toEqual(upTo(1000));
  },
);

test('the same without the time for it: what does not arrive is told', async ({ annotate }) => {
  await using forwarder = await ForwarderProcess.start();
  await using recorded = await record(forwarder.addresses);
  await using publisher = await publish(forwarder.addresses, 50);
  publisher.burst(500);
  await forwarder.kill();
  publisher.burst(500);
  await forwarder.start();
  await publisher.emitter.close();
  await annotate(`told ${publisher.told}`);
  await recorded.reached(1000 - publisher.told);
});

test('the forwarder killed and gone: what was on its way and what came after is told', async () => {
  await using forwarder = await ForwarderProcess.start();
  await using publisher = await publish(forwarder.addresses, 300);
  forwarder.suspend();
  // On another processor, it goes on for a moment and reads what comes.
  while (!stateOf(forwarder.pid).startsWith('T'));
  publisher.burst(500);
  // It leaves, and nobody reads it.
  await new Promise((resolve) => setImmediate(resolve));
  await forwarder.kill();
  publisher.burst(500);
  await publisher.emitter.close();
  expect(publisher.told).toBe(1000);
});

test('an outage that is over, and nothing sent since: close() does not wait', async () => {
  await using forwarder = await ForwarderProcess.start();
  await using publisher = await publish(forwarder.addresses, 15_000);
  const lost = publisher.emitter.once('distributed:status', ({ status }) => status === 'reconnecting');
  await forwarder.kill();
  await lost;
  await publisher.emitter.close();
  expect(publisher.told).toBe(0);
});

test('a link too slow for closeTimeout: what arrives and what is told are everything', async ({
  annotate,
}) => {
  await using forwarder = await ForwarderProcess.start();
  await using recorded = await record(forwarder.addresses);
  const { xsubAddress, xpubAddress } = forwarder.addresses;
  await using proxy = await FaultProxy.start(xsubAddress);
  await using publisher = await publish({ xsubAddress: proxy.address, xpubAddress }, 1000);
  proxy.throttle(2 << 20);
  publisher.burst(500, 20_000);
  await publisher.emitter.close();
  await annotate(`told ${publisher.told}`);
  expect(publisher.told).toBeGreaterThan(0);
  expect(publisher.told).toBeLessThan(500);
  await recorded.reached(500 - publisher.told);
  expect(recorded.sequences).toEqual(upTo(recorded.sequences.length));
});
