import { expect, test } from 'vitest';
import { createForwarder } from '../../src/forwarder.js';
import { Peer } from '../support/peer.js';

const EVENTS = 300_000;

test.each([
  { how: 'not awaited, in chunks of 1,000 with a turn of the event loop between them', awaited: false },
  { how: 'each awaited', awaited: true },
])('300,000 events from one process to another - $how - all arrive, in order', async ({ awaited }) => {
  await using forwarder = await createForwarder({ xsubPort: 0, xpubPort: 0 });
  const { xsubAddress, xpubAddress } = forwarder;
  await using publisher = await Peer.start({ xsubAddress, xpubAddress });
  await using subscriber = await Peer.start({ xsubAddress, xpubAddress });
  await subscriber.expectSequence('flood', EVENTS);
  await subscriber.ready();
  await publisher.emitMany('flood', EVENTS, { awaited, chunk: 1000 });
  expect(await subscriber.wholeSequence()).toEqual({ next: EVENTS, disorder: 0 });
  expect(publisher.errors).toEqual([]);
  expect(subscriber.errors).toEqual([]);
});
