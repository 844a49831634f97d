/** Requests between processes, through a real forwarder. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Bus } from '../support/bus.js';
import { proveAsked, RequestPeer } from '../support/request-peer.js';

let bus: Bus;
beforeAll(async () => {
  bus = await Bus.start();
});
afterAll(() => bus[Symbol.asyncDispose]());

test('an answer, an error, and all answers come from other processes', async () => {
  await using one = await RequestPeer.start();
  await using two = await RequestPeer.start();
  await using three = await RequestPeer.start();
  const options = { ...bus.addresses, namespace: 'processes' };
  const here = await one.create(options);
  const a = await two.create(options);
  const b = await three.create(options);
  await a.respondAs('pid', 'pid');
  await b.respondAs('pid', 'pid');
  await b.respondAs('fail', 'fail');
  const pids = [two.process.pid, three.process.pid];
  const { value } = await here.request('pid', 1);
  expect(pids).toContain(value);
  expect(await here.request('fail', 1)).toEqual({
    error: { name: 'RangeError', message: 'out of range', code: 'E_RANGE', cause: 'deep' },
  });
  const answers = await here.requestMany('pid', 1, { max: 2 });
  const expected = [
    { status: 'fulfilled', value: pids[0], publisherId: a.id },
    { status: 'fulfilled', value: pids[1], publisherId: b.id },
  ];
  expect(answers).toHaveLength(2);
  expect(answers).toEqual(expect.arrayContaining(expected));
  expect(await here.request('nobody', 1, { timeout: 50 })).toMatchObject({
    error: { code: 'DEMITTER_TIMEOUT' },
  });
});

test('20,000 in flight over two responders in processes of their own: each asked once, nothing mixed up', async () => {
  await using asking = await RequestPeer.start();
  await using first = await RequestPeer.start();
  await using second = await RequestPeer.start();
  const options = { ...bus.addresses, namespace: 'flood' };
  const requesters = [await asking.create(options), await asking.create(options)];
  const [a, b] = [await first.create(options), await second.create(options)];
  const names = ['x', 'y'];
  await a.respond(names);
  await b.respond(names);
  const outcomes = await Promise.all(requesters.map((requester) => requester.flood(names, 10_000)));
  for (const { answered, mixedUp, rejected } of outcomes)
    expect({ answered, mixedUp, rejected }).toEqual({ answered: 10_000, mixedUp: 0, rejected: {} });
  await proveAsked(requesters, [a, b]);
});

test('a responder that is killed takes its answer with it; another one’s is still an answer', async () => {
  await using asking = await RequestPeer.start();
  await using victim = await RequestPeer.start();
  await using other = await RequestPeer.start();
  const options = { ...bus.addresses, namespace: 'killed' };
  const here = await asking.create(options);
  await (await victim.create(options)).respondAs('a', 'never');
  const asked = victim.asked();
  const request = here.request('a', 1, { timeout: 400 });
  await asked;
  victim.process.kill('SIGKILL');
  expect(await request).toMatchObject({
    error: { code: 'DEMITTER_TIMEOUT', message: "Nobody answered request 'a' within 400 ms" },
  });
  await using second = await RequestPeer.start();
  await (await second.create(options)).respondAs('a', 'never');
  await (await other.create(options)).respondAs('a', 'pid');
  const again = here.request('a', 1, { timeout: 0 });
  second.process.kill('SIGKILL');
  expect(await again).toEqual({ value: other.process.pid });
});

test('a process that closes its emitter tells whoever waits for it', async () => {
  await using asking = await RequestPeer.start();
  await using leaving = await RequestPeer.start();
  const options = { ...bus.addresses, namespace: 'leaving' };
  const here = await asking.create(options);
  await (await leaving.create(options)).respondAs('a', 'never');
  const asked = leaving.asked();
  const request = here.request('a', 1);
  await asked;
  // The handler that never ends does not hold it up.
  expect(await leaving.end()).toEqual({ code: 0, signal: null });
  expect(await request).toMatchObject({ error: { code: 'DEMITTER_RESPONDER_LEFT' } });
});

test('an answer that came while the event loop was blocked counts', async () => {
  await using asking = await RequestPeer.start();
  await using answering = await RequestPeer.start();
  const options = { ...bus.addresses, namespace: 'blocked' };
  const here = await asking.create(options);
  await (await answering.create(options)).respondAs('a', 'pid');
  // So that the next one leaves at once.
  await here.request('a', 0);
  expect(await here.blockedRequest('a', 1, { timeout: 200, blockMs: 600 })).toEqual({
    value: answering.process.pid,
  });
});

test('nothing keeps a process alive after close(), and nothing is rejected unheard', async () => {
  await using asking = await RequestPeer.start();
  const here = await asking.create({ ...bus.addresses, namespace: 'ending' });
  const waiting = here.request('nobody', 1, { timeout: 600_000 });
  await here.request('nobody', 1, { timeout: 1 });
  await here.close();
  expect(await waiting).toMatchObject({ error: { code: 'DEMITTER_CLOSED' } });
  expect(await asking.unhandled()).toEqual([]);
  expect(await asking.end()).toEqual({ code: 0, signal: null });
});
