/** A revocation costs everybody the connection for a moment, and nobody an event. */
import { createDistributedEmitter, type DistributedEmitter, type DistributedError } from 'demitter';
import { expect, test } from 'vitest';
import { formatKey } from '../../src/keys.js';
import { KeyedForwarder, makeClient, type NamedClient } from '../support/keyed-forwarder.js';

/** What the forwarder promises, from the change of the file to the refusal. */
const WITHIN_MS = 2000;
const EVENTS = 20_000;

function connect(
  forwarder: KeyedForwarder,
  { keys }: NamedClient,
  { connectTimeout = 10_000 } = {},
): Promise<DistributedEmitter> {
  const { xsubAddress, xpubAddress, server } = forwarder;
  const serverKey = formatKey(server.publicKey);
  return createDistributedEmitter({
    xsubAddress,
    xpubAddress,
    connectTimeout,
    security: { serverKey, secretKey: formatKey(keys.secretKey.bytes) },
  });
}

test('who is revoked is told within 2 s; the others lose nothing, in order, while they are in full flight', async () => {
  const [sender, reader, leaving] = ['sender', 'reader', 'leaving'].map(makeClient) as [
    NamedClient,
    NamedClient,
    NamedClient,
  ];
  await using forwarder = await KeyedForwarder.start(
    [sender, reader, leaving].map((client) => [client, 'both']),
  );
  await using publisher = await connect(forwarder, sender);
  await using receiver = await connect(forwarder, reader);
  await using revoked = await connect(forwarder, leaving);
  const problems: DistributedError[] = [];
  for (const emitter of [publisher, receiver]) {
    emitter.on('distributed:error', (error: DistributedError) => void problems.push(error));
  }
  const refused = new Promise<DistributedError>((resolve) => {
    revoked.on('distributed:error', (error: DistributedError) => {
      if (error.type === 'security') resolve(error);
    });
  });
  const received: number[] = [];
  const all = new Promise<void>((resolve) => {
    receiver.on('count', (count: number) => {
      received.push(count);
      if (count === EVENTS - 1) resolve();
    });
  });
  let afterwards = 0;
  revoked.on('count', (count: number) => {
    if (count === EVENTS - 1) afterwards += 1;
  });
  for (const emitter of [publisher, receiver, revoked]) await emitter.ready();

  let elapsed = 0;
  for (let count = 0; count < EVENTS; count += 1) {
    if (count === EVENTS / 4) {
      const since = performance.now();
      forwarder.grant([sender, reader].map((client) => [client, 'both']));
      void refused.then(() => {
        elapsed = performance.now() - since;
      });
    }
    await publisher.emit('count', count);
    if (count % 10 === 0) await new Promise(setImmediate);
    if (count === EVENTS / 2) await refused;
  }
  const error = await refused;
  expect(error.code).toBe('DEMITTER_REFUSED');
  expect(elapsed).toBeLessThan(WITHIN_MS);
  await all;
  expect(received).toEqual(Array.from({ length: EVENTS }, (_, count) => count));
  expect(problems.map(({ code }) => code).filter((code) => code !== 'DEMITTER_NETWORK')).toEqual([]);
  expect(afterwards).toBe(0);
});

test('who was refused works within 2 s of being authorized, with the same emitter', async () => {
  const client = makeClient('client');
  await using forwarder = await KeyedForwarder.start([]);
  await using emitter = await connect(forwarder, client, { connectTimeout: 1 });
  await new Promise<void>((resolve) => {
    emitter.on('distributed:error', (error: DistributedError) => {
      if (error.code === 'DEMITTER_REFUSED') resolve();
    });
  });
  const since = performance.now();
  forwarder.grant([[client, 'both']]);
  await emitter.ready();
  expect(performance.now() - since).toBeLessThan(WITHIN_MS);
});
