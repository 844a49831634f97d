import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createDistributedEmitter, DistributedEmitter } from '../../src/emitter.js';
import { createMemoryTransport, MemoryHub } from '../../src/transport/memory.js';
import type { Transport, TransportFactory, TransportHandlers } from '../../src/transport/transport.js';
import { MessageKind } from '../../src/wire/batch.js';
import { caughtUp } from '../support/caught-up.js';
import { describeOverEach } from '../support/meeting.js';

describeOverEach('volatile events', (start) => {
  test('arrive at every kind of listener, with headers, while the link is free', async () => {
    await using meeting = await start();
    const here = await meeting.emitter();
    const there = await meeting.emitter({ context: true });
    const seen: unknown[] = [];
    there.on('a', (data) => seen.push([data, there.context()?.headers, there.context()?.sequence]));
    there.channel('c').onPattern('*', (name, data) => seen.push([name, data]));
    await there.ready();
    await here.emit('a', 1, { volatile: true });
    await here.volatile.emit('a', 2, { headers: { h: '2' } });
    await here.channel('c').volatile.emit('a', 3);
    await here.channel('c').emitSerial('a', 4, { volatile: true });
    await here.emission('a', { volatile: true })(5);
    await caughtUp(here, there);
    expect(seen).toEqual([
      [1, {}, undefined],
      [2, { h: '2' }, undefined],
      ['a', 3],
      ['a', 4],
      [5, {}, undefined],
    ]);
    expect(here.volatileDropped).toBe(0);
  });

  test('leave the order and the numbers of ordinary events alone', async () => {
    await using meeting = await start();
    const [here, there] = [await meeting.emitter(), await meeting.emitter()];
    const errors: unknown[] = [];
    const seen: number[] = [];
    let ticks = 0;
    there.on('distributed:error', (error) => errors.push(error));
    there.on(['a', 'b'], (data) => {
      if (data < 0) ticks += 1;
      else seen.push(data);
    });
    await there.ready();
    for (let i = 0; i < 1000; i += 1) {
      void here.emit(i % 3 === 0 ? 'a' : 'b', i);
      if (i % 2 === 0) void here.volatile.emit('a', -1);
      if (i % 97 === 0) await turn();
    }
    await caughtUp(here, there);
    expect(seen).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(errors).toEqual([]);
    expect(ticks + here.volatileDropped).toBe(500);
  });
});

/** A memory transport that takes no more when it is told so, and can lose messages. */
class Valve {
  isOpen = true;
  isLossy = false;
  sent: number[] = [];
  #handlers: TransportHandlers | undefined;
  readonly #hub: MemoryHub;

  constructor(hub: MemoryHub) {
    this.#hub = hub;
  }

  readonly factory: TransportFactory = (context): Transport => {
    const transport = createMemoryTransport(this.#hub)(context);
    const open = transport.open.bind(transport);
    const send = transport.send.bind(transport);
    transport.open = (handlers) => {
      this.#handlers = handlers;
      open(handlers);
    };
    transport.send = (message) => {
      if (message[0] === 'e'.charCodeAt(0)) this.sent.push(message[message.indexOf(0) + 2] as number);
      if (!this.isLossy) send(message);
      return this.isOpen;
    };
    return transport;
  };

  open(): void {
    this.isOpen = true;
    this.#handlers?.onDrain();
  }
}

test('are dropped at once, and counted, while something waits to be sent; what waits stays as it was', async () => {
  const hub = new MemoryHub();
  const valve = new Valve(hub);
  await using here = await createDistributedEmitter({ transport: valve.factory });
  await using there = await createDistributedEmitter({ transport: createMemoryTransport(hub) });
  const errors: unknown[] = [];
  const seen: unknown[] = [];
  const local: unknown[] = [];
  here.on('distributed:error', (error) => errors.push(error));
  here.on('v', (data) => local.push(data));
  there.on(['a', 'v'], (data) => seen.push(data));
  await there.ready();
  valve.isOpen = false;
  await here.emit('a', 'closes');
  await turn();
  valve.sent = [];
  for (let i = 0; i < 100; i += 1) {
    void here.emit('a', i);
    await here.volatile.emit('v', i, { headers: { h: 'x' } });
  }
  // Nothing is packed of what is dropped: nor is it told that it could not travel.
  await here.volatile.emit('v', () => {});
  expect(here.volatileDropped).toBe(101);
  expect(local).toHaveLength(101);
  valve.open();
  await caughtUp(here, there);
  expect(seen).toEqual(['closes', ...Array(100).keys()]);
  // They did not tear a batch of the others apart.
  expect(valve.sent.filter((kind) => kind === MessageKind.batch)).toHaveLength(2);
  expect(errors).toEqual([]);
});

test('that are lost leave no gap, are not given again, and nobody is told', async () => {
  const hub = new MemoryHub();
  const valve = new Valve(hub);
  await using here = await createDistributedEmitter({ transport: valve.factory });
  await using there = await createDistributedEmitter({ transport: createMemoryTransport(hub) });
  const errors: unknown[] = [];
  const seen: unknown[] = [];
  there.on('distributed:error', (error) => errors.push(error));
  there.on('a', (data) => seen.push(data));
  await there.ready();
  await here.emit('a', 1);
  await turn();
  valve.isLossy = true;
  await here.volatile.emit('a', 'volatile');
  await turn();
  valve.isLossy = false;
  await here.emit('a', 2);
  await caughtUp(here, there);
  expect([seen, errors, here.volatileDropped]).toEqual([[1, 2], [], 0]);
});

test('before connect(), while connecting and after close(): dropped, counted, never told', async () => {
  const emitter = new DistributedEmitter({ transport: createMemoryTransport(new MemoryHub()) });
  const errors: unknown[] = [];
  const local: unknown[] = [];
  emitter.on('distributed:error', (error) => errors.push(error));
  emitter.on('a', (data) => local.push(data));
  await emitter.volatile.emit('a', 'idle');
  const connected = emitter.connect();
  await emitter.volatile.emit('a', 'connecting');
  await connected;
  expect(emitter.volatileDropped).toBe(2);
  await emitter.volatile.emit('a', 'ready');
  expect(emitter.volatileDropped).toBe(2);
  await emitter.close();
  await emitter.volatile.emit('a', 'closed', { headers: { h: 'x' } });
  // What never leaves is not dropped on the way.
  await emitter.volatile.emit(Symbol('local'));
  await turn();
  expect(emitter.volatileDropped).toBe(3);
  expect(local).toEqual(['idle', 'connecting', 'ready', 'closed']);
  expect(errors).toEqual([]);
});

test('one that cannot travel is told, as every event', async () => {
  await using emitter = await createDistributedEmitter({ transport: 'memory' });
  const errors = emitter.events('distributed:error');
  await emitter.volatile.emit('a', () => {});
  expect((await errors.next()).value).toMatchObject({ code: 'DEMITTER_SERIALIZATION', eventName: 'a' });
  expect(emitter.volatileDropped).toBe(0);
});
