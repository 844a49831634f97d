/** Our CURVE client in conversation with libzmq's CURVE server, by way of zeromq.js. */
import { describe, expect, it } from 'vitest';
import * as zmq from 'zeromq';
import { curveClient, curveServer } from '../support/curve.js';
import { Conversation } from '../support/zmtp-conversation.js';

/** On both sides of the sizes of short frames, of what a slab holds, and of libsodium's scratch. */
const SIZES = [0, 1, 221, 222, 223, 255, 256, 8_191, 65_494, 65_495, 65_536, 1_000_000];
const MESSAGES = SIZES.map((size, index) => Buffer.alloc(size, index + 1));

async function receive(socket: zmq.Subscriber | zmq.XSubscriber, count: number): Promise<Buffer[]> {
  const received: Buffer[] = [];
  while (received.length < count) received.push((await socket.receive())[0] as Buffer);
  return received;
}

function sameBytes(received: readonly Buffer[], expected = MESSAGES): boolean {
  return received.length === expected.length && expected.every((each, at) => received[at]?.equals(each));
}

describe('CURVE with libzmq', () => {
  it('PUB feeds a Subscriber, whose subscriptions come as commands', async () => {
    const theirs = new zmq.Subscriber(curveServer());
    await using conversation = await Conversation.start(theirs, 'dialling', 'tcp', {
      mechanism: await curveClient('PUB'),
    });
    const { ours } = conversation;
    theirs.subscribe('a', '');
    const received = receive(theirs, MESSAGES.length);
    const subscriptions = await ours.subscriptions.first(2);
    expect(subscriptions.map(({ prefix, change }) => `${change} ${prefix}`).sort()).toEqual([
      'subscribe ',
      'subscribe a',
    ]);
    for (const message of MESSAGES) ours.connection.send(message);
    ours.connection.flush();
    expect(sameBytes(await received)).toBe(true);
    theirs.unsubscribe('a');
    expect((await ours.subscriptions.first(3))[2]).toEqual({ prefix: Buffer.from('a'), change: 'cancel' });
  });

  it('PUB feeds an XSubscriber over a Unix socket', async () => {
    const theirs = new zmq.XSubscriber(curveServer());
    await using conversation = await Conversation.start(theirs, 'dialling', 'ipc', {
      mechanism: await curveClient('PUB'),
    });
    const { ours } = conversation;
    await theirs.send('\x01first');
    // As in zmtp-libzmq.test.ts: libzmq takes note of the connection while it receives.
    const received = receive(theirs, MESSAGES.length);
    await ours.subscriptions.first(1);
    await theirs.send('\x01topic');
    await theirs.send('\x00topic');
    expect((await ours.subscriptions.first(3)).map(({ prefix, change }) => `${change} ${prefix}`)).toEqual([
      'subscribe first',
      'subscribe topic',
      'cancel topic',
    ]);
    for (const message of MESSAGES) ours.connection.send(message);
    ours.connection.flush();
    expect(sameBytes(await received)).toBe(true);
  });

  it('SUB subscribes to an XPublisher, is fed by it, and drops what has several parts', async () => {
    const theirs = new zmq.XPublisher(curveServer());
    await using conversation = await Conversation.start(theirs, 'dialling', 'tcp', {
      mechanism: await curveClient('SUB'),
    });
    const { ours } = conversation;
    ours.connection.changeSubscription(Buffer.alloc(0), 'subscribe');
    ours.connection.changeSubscription(Buffer.from('x'.repeat(1_000)), 'subscribe');
    ours.connection.changeSubscription(Buffer.from('x'.repeat(1_000)), 'cancel');
    ours.connection.flush();
    const heard = [await theirs.receive(), await theirs.receive(), await theirs.receive()];
    expect(heard.map(([message]) => message?.toString('latin1'))).toEqual([
      '\x01',
      `\x01${'x'.repeat(1_000)}`,
      `\x00${'x'.repeat(1_000)}`,
    ]);
    for (const message of MESSAGES) await theirs.send(message);
    expect(sameBytes(await ours.messages.first(MESSAGES.length))).toBe(true);
    await theirs.send(['in', 'three', 'parts']);
    await theirs.send('after');
    expect((await ours.messages.first(MESSAGES.length + 1)).at(-1)?.toString()).toBe('after');
    expect(ours.dropped.all).toHaveLength(1);
  });

  it('PINGs are answered both ways, so that what was sent is confirmed', async () => {
    const theirs = new zmq.XSubscriber({ ...curveServer(), heartbeatInterval: 20 });
    await using conversation = await Conversation.start(theirs, 'dialling', 'tcp', {
      mechanism: await curveClient('PUB'),
      heartbeat: { intervalMs: 10, maxSilentTicks: 100 },
    });
    const { connection } = conversation.ours;
    for (const message of MESSAGES) connection.send(message);
    connection.flush();
    expect(connection.unconfirmedBytes).toBeGreaterThan(0);
    await expect.poll(() => connection.unconfirmedBytes, { interval: 5 }).toBe(0);
    expect(await connection.end(5_000)).toBe(0);
  });
});
