/** An emitter that the forwarder does not know the inbox of: everything else reaches it, but no answer ever would. */
import { expect, test } from 'vitest';
import { createDistributedEmitter, DistributedEmitter } from '../../src/emitter.js';
import type { DistributedError } from '../../src/errors.js';
import { createForwarder } from '../../src/forwarder.js';
import { inboxTopic } from '../../src/wire/topic.js';
import { FaultProxy } from '../support/fault-proxy.js';

const EVENTS = 1_000;

/** Turns the subscription to an inbox, once, into one to another name. */
function damagingOnce(inboxOf: () => string): (chunk: Buffer) => Buffer {
  let isDone = false;
  return (chunk) => {
    const at = isDone ? -1 : chunk.indexOf(inboxTopic(inboxOf()));
    if (at < 0) return chunk;
    isDone = true;
    const damaged = Buffer.from(chunk);
    damaged[at + 1] = 'x'.charCodeAt(0);
    return damaged;
  };
}

test('is noticed by its heartbeat and made known again: what is missed elsewhere is replayed', async () => {
  await using forwarder = await createForwarder({ xsubPort: 0, xpubPort: 0 });
  const { xsubAddress, xpubAddress } = forwarder;
  await using damaging = await FaultProxy.start(xpubAddress);
  await using breaking = await FaultProxy.start(xpubAddress);
  await using subscriber = await createDistributedEmitter({ xsubAddress, xpubAddress: breaking.address });
  await using publisher = new DistributedEmitter({ xsubAddress, xpubAddress: damaging.address });
  damaging.corrupt(damagingOnce(() => publisher.id));
  const told: string[] = [];
  for (const emitter of [subscriber, publisher])
    emitter.on('distributed:error', ({ type }: DistributedError) => told.push(type));
  const received: number[] = [];
  subscriber.on('numbers', (value: number) => received.push(value));
  await subscriber.ready();
  await publisher.connect();

  const first = subscriber.once('numbers');
  await publisher.emit('numbers', 0);
  await first;
  const all = subscriber.once('numbers', (value: number) => value === EVENTS - 1);
  const backAgain = subscriber.once('distributed:status', ({ status }) => status === 'ready');
  breaking.cut();
  for (let value = 1; value < EVENTS; value += 1) await publisher.emit('numbers', value);
  await backAgain;
  await all;
  expect(received).toEqual(Array.from({ length: EVENTS }, (_, i) => i));
  expect(told).toEqual(['network']);
});
