import { expect, test } from 'vitest';
import { createDistributedEmitter } from '../../src/emitter.js';
import type { DistributedError } from '../../src/errors.js';
import { createMemoryTransport, MemoryHub } from '../../src/transport/memory.js';
import type { TransportFactory } from '../../src/transport/transport.js';
import { EVENTS } from '../../src/wire/space.js';

const EVENT_KIND = EVENTS.prefix[0];

/** The end of a bus from which some of the messages that carry events never leave. */
function losing(hub: MemoryHub, isLost: () => boolean): TransportFactory {
  return (context) => {
    const transport = createMemoryTransport(hub)(context);
    const send = transport.send.bind(transport);
    transport.send = (message) => (message[0] === EVENT_KIND && isLost() ? true : send(message));
    return transport;
  };
}

test('delivered and told is what was emitted, by name, however much the network loses', async () => {
  const hub = new MemoryHub();
  let losses = false;
  let count = 0;
  const isLost = () => losses && (count++ * 7919) % 5 < 2;
  await using publisher = await createDistributedEmitter({
    transport: losing(hub, isLost),
    historyBytes: 0,
  });
  await using subscriber = await createDistributedEmitter({ transport: createMemoryTransport(hub) });
  const names = ['a', 'b', 3];
  const delivered = new Map<PropertyKey, number[]>(names.map((name) => [name, []]));
  const told = new Map<PropertyKey, number>(names.map((name) => [name, 0]));
  for (const name of names) subscriber.on(name, (value: number) => delivered.get(name)?.push(value));
  subscriber.on('distributed:error', ({ code, eventName, missed, publisherId }: DistributedError) => {
    expect([code, publisherId]).toEqual(['DEMITTER_LOSS', publisher.id]);
    told.set(eventName as PropertyKey, (told.get(eventName as PropertyKey) ?? 0) + (missed as number));
  });
  await subscriber.ready();

  const emitted = new Map<PropertyKey, number>(names.map((name) => [name, 0]));
  const emit = async (name: string | number) => {
    const value = emitted.get(name) as number;
    emitted.set(name, value + 1);
    await publisher.emit(name, value);
  };
  // The first and the last of each name arrive: what is before and after them cannot be known.
  const first = Promise.all(names.map((name) => subscriber.once(name)));
  for (const name of names) await emit(name);
  await first;
  losses = true;
  for (let i = 0; i < 5000; i += 1) await emit(names[(i * i + (i >> 3)) % 3] as string | number);
  await new Promise((resolve) => setImmediate(resolve));
  losses = false;
  const last = Promise.all(
    names.map((name) => subscriber.once(name, (value: number) => value + 1 === emitted.get(name))),
  );
  for (const name of names) await emit(name);
  await last;

  for (const name of names) {
    const values = delivered.get(name) as number[];
    expect(values.length).toBeLessThan(emitted.get(name) as number);
    expect(values.length + (told.get(name) as number)).toBe(emitted.get(name));
    expect(values).toEqual([...new Set(values)].sort((x, y) => x - y));
  }
});
