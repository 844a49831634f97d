import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DistributedEmitter } from '../../src/emitter.js';
import type { DistributedError } from '../../src/errors.js';
import { createForwarder } from '../../src/forwarder.js';
import type { DistributedEmitterOptions } from '../../src/options.js';
import { createMemoryTransport, MemoryHub } from '../../src/transport/memory.js';
import { Bus } from '../support/bus.js';
import { caughtUp } from '../support/caught-up.js';

let bus: Bus;
beforeAll(async () => {
  bus = await Bus.start();
});
afterAll(() => bus[Symbol.asyncDispose]());

const RETAIN = { retain: true };

describe.each(['zmtp', 'memory'])('retained values, over %s', (kind) => {
  /** Emitters that have nothing to do with those of other tests. */
  function place() {
    const transport = createMemoryTransport(new MemoryHub());
    const where = { ...(kind === 'memory' ? { transport } : bus.addresses), namespace: crypto.randomUUID() };
    return async (given: DistributedEmitterOptions = {}, connected = true): Promise<DistributedEmitter> => {
      const emitter = new DistributedEmitter({ ...where, ...given });
      if (connected) await emitter.connect();
      return emitter;
    };
  }

  /** The first event that a listener gets that begins now. */
  const firstOf = (emitter: DistributedEmitter, name: string): Promise<unknown> => emitter.once(name);

  test('reach who begins to listen later: first, and once', async () => {
    const emitter = place();
    await using here = await emitter();
    await here.emit('state', 1, RETAIN);
    await here.emit('state', 2, RETAIN);
    await here.emit('state', 'not retained');
    await using there = await emitter();
    await caughtUp(here, there);
    const seen: unknown[] = [];
    const first = there.once('state');
    there.on('state', (data) => void seen.push(data));
    expect(await first).toBe(2);
    await here.emit('state', 3, RETAIN);
    await caughtUp(here, there);
    expect(seen).toEqual([2, 3]);
  });

  test('reach each new listener and iterator, also of an emitter that listens already', async () => {
    const emitter = place();
    await using here = await emitter();
    await using there = await emitter();
    await here.emit('state', 1, RETAIN);
    await caughtUp(here, there);
    expect(await firstOf(there, 'state')).toBe(1);
    expect(await firstOf(there, 'state')).toBe(1);
    await using iterator = there.events('state');
    expect(await iterator.next()).toEqual({ done: false, value: 1 });
  });

  test('are the newest of all that are held', async () => {
    const emitter = place();
    await using a = await emitter();
    await using b = await emitter();
    await using c = await emitter();
    await a.emit('state', 'old', RETAIN);
    await b.emit('state', 'newer', RETAIN);
    await a.emit('other', 'of another name', RETAIN);
    await caughtUp(a, c);
    await caughtUp(b, c);
    expect(await firstOf(c, 'state')).toBe('newer');
    // Its own counts as well.
    expect(await firstOf(a, 'state')).toBe('newer');
    await a.emit('state', 'newest', RETAIN);
    await caughtUp(a, b);
    expect(await firstOf(a, 'state')).toBe('newest');
    expect(await firstOf(b, 'state')).toBe('newest');
  });

  test('do not come after an event that is newer', async () => {
    const emitter = place();
    await using here = await emitter();
    await using there = await emitter();
    await here.emit('state', 'old', RETAIN);
    await caughtUp(here, there);
    const seen: unknown[] = [];
    there.on('state', (data) => void seen.push(data));
    // To a local listener it comes at once, while the search is still going on.
    await there.emit('state', 'new');
    expect(await firstOf(there, 'state')).toBe('old');
    expect(seen).toEqual(['new']);
  });

  test('say so in their context, with headers and when they were sent', async () => {
    const emitter = place();
    await using here = await emitter();
    await using there = await emitter({ context: true });
    await here.emit('state', 1, { retain: true, headers: { id: '7' } });
    await caughtUp(here, there);
    const context = await new Promise((resolve) => {
      there.on('state', () => resolve(there.context()));
    });
    expect(context).toMatchObject({
      eventName: 'state',
      publisherId: here.id,
      retained: true,
      headers: { id: '7' },
      sequence: undefined,
    });
  });

  test('are those of a channel, in a channel', async () => {
    const emitter = place();
    await using here = await emitter();
    await using there = await emitter();
    await here.emit('state', 'of the emitter', RETAIN);
    await here.channel('room').emit('state', 'of the room', RETAIN);
    await caughtUp(here, there);
    expect(await there.channel('room').once('state')).toBe('of the room');
    expect(await firstOf(there, 'state')).toBe('of the emitter');
  });

  test('go with who holds them', async () => {
    const emitter = place();
    await using there = await emitter();
    const here = await emitter();
    await here.emit('state', 1, RETAIN);
    await here.emit('other', 2, RETAIN);
    await using second = await emitter();
    await second.emit('other', 3, RETAIN);
    await here.close();
    const seen: unknown[] = [];
    there.on('state', (data) => void seen.push(data));
    expect(await firstOf(there, 'other')).toBe(3);
    expect(seen).toEqual([]);
  });

  test('are bounded: those not renewed for longest are forgotten, and that is told', async () => {
    const emitter = place();
    await using here = await emitter({ retainedBytes: 1500 });
    await using there = await emitter();
    const errors: DistributedError[] = [];
    here.on('distributed:error', (error) => void errors.push(error));
    for (const name of ['a', 'b']) await here.emit(name, 'x'.repeat(500), RETAIN);
    await here.emit('a', 'y'.repeat(500), RETAIN);
    const told = here.once('distributed:error');
    await here.emit('c', 'z'.repeat(500), RETAIN);
    await told;
    expect(errors.map(({ type, code }) => [type, code])).toEqual([['overflow', 'DEMITTER_OVERFLOW']]);
    expect(errors[0]?.message).toMatch(/^1 retained value was forgotten/);
    await caughtUp(here, there);
    const seen: unknown[] = [];
    there.on('b', (data) => void seen.push(data));
    expect(await Promise.all([firstOf(there, 'a'), firstOf(there, 'c')])).toEqual([
      'y'.repeat(500),
      'z'.repeat(500),
    ]);
    expect(seen).toEqual([]);
  });

  test('larger than all that may be kept are not kept, nor the older one; that is told, and the others stay', async () => {
    const emitter = place();
    await using here = await emitter({ retainedBytes: 1500 });
    await using there = await emitter();
    for (const name of ['a', 'b']) await here.emit(name, 'x'.repeat(500), RETAIN);
    const told = here.once('distributed:error');
    await here.emit('a', 'y'.repeat(2000), RETAIN);
    expect((await told).message).toMatch(/^1 retained value was forgotten/);
    await caughtUp(here, there);
    const seen: unknown[] = [];
    there.on('a', (data) => void seen.push(data));
    expect(await firstOf(there, 'b')).toBe('x'.repeat(500));
    expect(seen).toEqual([]);
  });

  test('wait for the link: who listens before it connects gets them, too', async () => {
    const emitter = place();
    await using here = await emitter();
    await here.emit('state', 1, RETAIN);
    await using there = await emitter({}, false);
    const found = there.once('state');
    await there.connect();
    expect(await found).toBe(1);
  });

  test('cannot be volatile', async () => {
    await using here = await place()();
    await expect(here.emit('a', 1, { retain: true, volatile: true })).rejects.toThrow(
      'Expected an event to be `volatile` or to `retain`, got both',
    );
  });
});

test('retained values are found after an outage', async () => {
  await using own = await Bus.start();
  await using here = await own.emitter();
  await using there = await own.emitter();
  for (const emitter of [here, there]) emitter.on('distributed:error', () => {});
  await here.emit('state', 1, { retain: true });
  const { xsubAddress, xpubAddress } = own.addresses;
  await own.forwarder.close();
  const found = there.once('state');
  const again = await createForwarder({ xsubAddress, xpubAddress });
  expect(await found).toBe(1);
  await there.close();
  await here.close();
  await again.close();
});

test('who leaves before anything is found leaves nothing behind', async () => {
  const emitter = new DistributedEmitter();
  for (let i = 0; i < 1000; i += 1) emitter.on(`name ${i}`, () => {})();
  const iterator = emitter.events('a');
  await iterator.return?.();
  expect(emitter.listenerCount()).toBe(0);
  await emitter.close();
});
