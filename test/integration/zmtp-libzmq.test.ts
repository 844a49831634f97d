/**
 * Our ZMTP peer in conversation with libzmq, by way of zeromq.js: libzmq is the judge of what a peer must understand.
 */
import { describe, expect, it } from 'vitest';
import * as zmq from 'zeromq';
import { createZmtpTransport } from '../../src/transport/zmtp/zmtp.js';
import { TransportEnd } from '../conformance/transport-end.js';
import { spawnSource, type TestProcess } from '../support/process.js';
import { Conversation, type Protocol, portOf, type Role } from '../support/zmtp-conversation.js';

const SIZES = [0, 1, 254, 255, 256, 257, 8_191, 65_536, 1_000_000];
const MESSAGES = SIZES.map((size, index) => Buffer.alloc(size, index + 1));

const ROLES: [Role, Protocol][] = [
  ['dialling', 'tcp'],
  ['accepting', 'tcp'],
  ['dialling', 'ipc'],
  ['accepting', 'ipc'],
];

function equalTo(expected: readonly Buffer[], received: readonly (Buffer | undefined)[]): boolean {
  return (
    expected.length === received.length && expected.every((each, index) => received[index]?.equals(each))
  );
}

async function receive(
  socket: zmq.Subscriber | zmq.XSubscriber,
  count: number,
): Promise<(Buffer | undefined)[]> {
  const received: (Buffer | undefined)[] = [];
  while (received.length < count) received.push((await socket.receive())[0]);
  return received;
}

/** Sends `message` until our end has received something: a Publisher does not tell when a subscription is in force. */
async function sendUntilReceived(
  publisher: zmq.Publisher,
  conversation: Conversation<zmq.Publisher>,
  message: string,
): Promise<void> {
  const { all } = conversation.ours.messages;
  while (all.length === 0) {
    await publisher.send(message);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await publisher.send('synchronised');
  await conversation.ours.messages.find((each) => each.toString() === 'synchronised');
}

describe.each(ROLES)('our PUB, %s over %s', (role, protocol) => {
  it('feeds a Subscriber', async () => {
    await using conversation = await Conversation.start(new zmq.Subscriber(), role, protocol);
    const { theirs, ours } = conversation;
    theirs.subscribe('a', '');
    // libzmq takes note of a connection that was made to it, and sends it the subscriptions, while it receives.
    const received = receive(theirs, MESSAGES.length);
    const subscriptions = await ours.subscriptions.first(2);
    expect(subscriptions.map(({ prefix, change }) => `${change} ${prefix}`).sort()).toEqual([
      'subscribe ',
      'subscribe a',
    ]);
    for (const message of MESSAGES) ours.connection.send(message);
    ours.connection.flush();
    expect(equalTo(MESSAGES, await received)).toBe(true);
    theirs.unsubscribe('a');
    expect((await ours.subscriptions.first(3))[2]).toEqual({ prefix: Buffer.from('a'), change: 'cancel' });
  });

  it('feeds an XSubscriber', async () => {
    await using conversation = await Conversation.start(new zmq.XSubscriber(), role, protocol);
    const { theirs, ours } = conversation;
    await theirs.send('\x01first');
    // libzmq takes note of a connection that was made to it while it receives; before, it sends to nobody.
    const received = receive(theirs, MESSAGES.length);
    await ours.subscriptions.first(1);
    await theirs.send('\x01topic');
    await theirs.send('user message');
    await theirs.send('\x00topic');
    expect((await ours.subscriptions.first(3)).map(({ prefix, change }) => `${change} ${prefix}`)).toEqual([
      'subscribe first',
      'subscribe topic',
      'cancel topic',
    ]);
    for (const message of MESSAGES) ours.connection.send(message);
    ours.connection.flush();
    expect(equalTo(MESSAGES, await received)).toBe(true);
  });
});

describe.each(ROLES)('our SUB, %s over %s', (role, protocol) => {
  it('is fed by a Publisher', async () => {
    await using conversation = await Conversation.start(new zmq.Publisher(), role, protocol);
    const { theirs, ours } = conversation;
    ours.connection.changeSubscription(Buffer.alloc(0), 'subscribe');
    ours.connection.flush();
    await sendUntilReceived(theirs, conversation, 'probe');
    const before = ours.messages.all.length;
    for (const message of MESSAGES) await theirs.send(message);
    const received = await ours.messages.first(before + MESSAGES.length);
    expect(equalTo(MESSAGES, received.slice(before))).toBe(true);
  });

  it('is fed by an XPublisher', async () => {
    await using conversation = await Conversation.start(new zmq.XPublisher(), role, protocol);
    const { theirs, ours } = conversation;
    ours.connection.changeSubscription(Buffer.from('topic'), 'subscribe');
    ours.connection.changeSubscription(Buffer.from('x'.repeat(1_000)), 'subscribe');
    ours.connection.changeSubscription(Buffer.from('x'.repeat(1_000)), 'cancel');
    ours.connection.flush();
    const heard = [await theirs.receive(), await theirs.receive(), await theirs.receive()];
    expect(heard.map(([message]) => message?.toString('latin1'))).toEqual([
      '\x01topic',
      `\x01${'x'.repeat(1_000)}`,
      `\x00${'x'.repeat(1_000)}`,
    ]);
    await theirs.send('other');
    await theirs.send(['topic', 'in', 'parts']);
    await theirs.send('topic!');
    expect((await ours.messages.first(1)).map(String)).toEqual(['topic!']);
    expect(ours.dropped.all).toHaveLength(1);
  });
});

describe('our SUB', () => {
  it('has 10,000 subscriptions taken by an XPublisher', async () => {
    await using conversation = await Conversation.start(new zmq.XPublisher(), 'dialling', 'tcp');
    const { theirs, ours } = conversation;
    const topics = Array.from({ length: 10_000 }, (_, index) => `topic ${index};`);
    for (const topic of topics) ours.connection.changeSubscription(Buffer.from(topic), 'subscribe');
    ours.connection.flush();
    for (const topic of topics) expect((await theirs.receive())[0]?.toString('latin1', 1)).toBe(topic);
  });

  it.each([zmq.XPublisher, zmq.Publisher])('answers the heartbeats of %o', async (Peer) => {
    const socket = new Peer({ heartbeatInterval: 40, heartbeatTimeout: 400 });
    await using conversation = await Conversation.start(socket, 'dialling', 'tcp');
    await pinged(conversation);
  });
});

describe('our PUB', () => {
  it.each([zmq.XSubscriber, zmq.Subscriber])('answers the heartbeats of %o', async (Peer) => {
    const socket = new Peer({ heartbeatInterval: 40, heartbeatTimeout: 400 });
    await using conversation = await Conversation.start(socket, 'dialling', 'tcp');
    await pinged(conversation);
  });
});

/** Waits for more PINGs than a peer would send that misses its PONGs. */
async function pinged({
  ours,
  socket,
}: Conversation<zmq.Publisher | zmq.XPublisher | zmq.Subscriber | zmq.XSubscriber>): Promise<void> {
  let pings = 0;
  await new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      if (chunk.includes('\x04PING') && ++pings === 20) resolve();
    });
    socket.on('close', resolve);
  });
  expect(pings).toBe(20);
  expect(ours.failures.all).toEqual([]);
}

describe('the transport says what is wrong', () => {
  async function downCause(
    xsub: zmq.XSubscriber | zmq.XPublisher,
    xpub: zmq.XPublisher | zmq.XSubscriber,
  ): Promise<Error | undefined> {
    for (const socket of [xsub, xpub]) {
      socket.linger = 0;
      await socket.bind('tcp://127.0.0.1:*');
    }
    const [xsubAddress, xpubAddress] = [xsub, xpub].map((socket) => `tcp://127.0.0.1:${portOf(socket)}`) as [
      string,
      string,
    ];
    await using end = new TransportEnd(
      createZmtpTransport({ xsubAddress, xpubAddress, maxMessageBytes: 1_000 }),
    ).open();
    const { cause } = await end.statuses.find(({ status }) => status === 'down');
    xsub.close();
    xpub.close();
    return cause;
  }

  it('when the addresses are swapped', async () => {
    // libzmq may hang up on our READY before it has sent its own; then the hint has to do.
    const cause = await downCause(new zmq.XPublisher(), new zmq.XSubscriber());
    expect(cause?.message).toContain('are the XSUB and XPUB addresses swapped?');
  });

  it('when the forwarder asks for CURVE', async () => {
    const { secretKey } = zmq.curveKeyPair();
    const curve = { curveServer: true, curveSecretKey: secretKey };
    expect(await downCause(new zmq.XSubscriber(curve), new zmq.XPublisher(curve))).toMatchObject({
      // The first time: see ZmtpLink.
      code: 'DEMITTER_NETWORK',
      message: expect.stringContaining('security mechanism CURVE'),
    });
  });
});

/** A forwarder of the least code, in a process that can be killed. Prints its addresses. */
const PROXY = `
  import { Proxy, XPublisher, XSubscriber } from 'zeromq';
  const [xsubAddress = 'tcp://127.0.0.1:*', xpubAddress = 'tcp://127.0.0.1:*'] = process.argv.slice(1).filter((each) => each.startsWith('tcp:'));
  const [xsub, xpub] = [new XSubscriber(), new XPublisher()];
  await xsub.bind(xsubAddress);
  await xpub.bind(xpubAddress);
  await xsub.send('\\x01');
  globalThis.proxy = new Proxy(xsub, xpub);
  console.log('listening', xsub.lastEndpoint, xpub.lastEndpoint);
  await globalThis.proxy.run();
`;

async function startProxy(addresses: string[] = []): Promise<{ process: TestProcess; addresses: string[] }> {
  const child = spawnSource(PROXY, { args: addresses });
  const [, xsubAddress = '', xpubAddress = ''] = await child.line(/listening (\S+) (\S+)/);
  return { process: child, addresses: [xsubAddress, xpubAddress] };
}

describe('a forwarder that is killed and started again', () => {
  it('is found again, with all subscriptions, by those who were connected', async () => {
    const first = await startProxy();
    await using _first = first.process;
    const [xsubAddress = '', xpubAddress = ''] = first.addresses;
    const context = { xsubAddress, xpubAddress, maxMessageBytes: 1 << 20 };
    const topics = Array.from({ length: 1_000 }, (_, index) => `topic ${index};`);
    await using receiver = await new TransportEnd(createZmtpTransport(context))
      .subscribe(...topics)
      .open()
      .settled();
    await using sender = await new TransportEnd(createZmtpTransport(context)).open().up();
    sender.send(...topics.slice(0, 500));
    expect(await receiver.received(500)).toEqual(topics.slice(0, 500));

    first.process.kill('SIGKILL');
    await Promise.all([receiver.statuses.first(2), sender.statuses.first(2)]);
    const second = await startProxy(first.addresses);
    await using _second = second.process;
    await Promise.all([receiver.statuses.first(3), sender.statuses.first(3)]);
    await receiver.settled();
    sender.send(...topics.slice(500));
    expect((await receiver.received(1_000)).slice(500)).toEqual(topics.slice(500));
  });
});
