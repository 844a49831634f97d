import { describe, expect, test } from 'vitest';
import { Bus } from '../support/bus.js';
import type { Peer } from '../support/peer.js';

const ONE_NAME = ['flood'];
const TEN_NAMES = Array.from({ length: 10 }, (_, i) => `flood:${i}`);

const IN_CHUNKS = { awaited: false, chunk: 1000 };
const AWAITED = { awaited: true, chunk: 0 };

function peers(bus: Bus, count: number): Promise<Peer[]> {
  return Promise.all(Array.from({ length: count }, () => bus.peer()));
}

describe('a flood from one process to another arrives whole and in order', () => {
  test.each([
    { how: 'one name, not awaited, in chunks of 1,000', names: ONE_NAME, manner: IN_CHUNKS, events: 300_000 },
    { how: 'one name, each awaited', names: ONE_NAME, manner: AWAITED, events: 300_000 },
    { how: 'ten names in rotation, not awaited', names: TEN_NAMES, manner: IN_CHUNKS, events: 100_000 },
    { how: 'ten names in rotation, each awaited', names: TEN_NAMES, manner: AWAITED, events: 100_000 },
  ])('$events events, $how', async ({ names, manner, events }) => {
    await using bus = await Bus.start();
    const [publisher, subscriber] = (await peers(bus, 2)) as [Peer, Peer];
    await subscriber.expectSequence(names, events);
    await subscriber.ready();
    await publisher.emitMany(names, events, manner);
    expect(await subscriber.wholeSequence()).toEqual({ received: events, disorder: 0 });
    expect([...publisher.errors, ...subscriber.errors]).toEqual([]);
  });
});

test('a flood from one process to four', async () => {
  await using bus = await Bus.start();
  const [publisher, ...subscribers] = (await peers(bus, 5)) as [Peer, ...Peer[]];
  for (const subscriber of subscribers) {
    await subscriber.expectSequence(TEN_NAMES, 50_000);
    await subscriber.ready();
  }
  await publisher.emitMany(TEN_NAMES, 50_000, AWAITED);
  for (const subscriber of subscribers) {
    expect(await subscriber.wholeSequence()).toEqual({ received: 50_000, disorder: 0 });
  }
});

test('floods from four processes to one', async () => {
  await using bus = await Bus.start();
  const [subscriber, ...publishers] = (await peers(bus, 5)) as [Peer, ...Peer[]];
  await subscriber.expectSequence(TEN_NAMES, 25_000, { publishers: 4 });
  await subscriber.ready();
  await Promise.all(publishers.map((publisher) => publisher.emitMany(TEN_NAMES, 25_000, AWAITED)));
  expect(await subscriber.wholeSequence()).toEqual({ received: 100_000, disorder: 0 });
});

test('a receiver that is slower than the flood paces it', async () => {
  await using bus = await Bus.start();
  const [publisher, slow] = (await peers(bus, 2)) as [Peer, Peer];
  await slow.expectSequence(TEN_NAMES, 30_000, { workMs: 0.05 });
  await slow.ready();
  await publisher.emitMany(TEN_NAMES, 30_000, AWAITED);
  expect(await slow.wholeSequence()).toEqual({ received: 30_000, disorder: 0 });
});
