/**
 * Silent peers, with libzmq and real processes at the other end: who is noticed, and above all who must not be taken
 * for dead. (The directions of a link one by one: test/conformance/transport-silence.ts.)
 */
import { describe, expect, it } from 'vitest';
import * as zmq from 'zeromq';
import { createForwarder } from '../../src/forwarder.js';
import { createZmtpTransport } from '../../src/transport/zmtp/zmtp.js';
import { TransportEnd, until } from '../conformance/transport-end.js';
import { ForwarderProcess } from '../support/forwarder-process.js';
import { spawnSource } from '../support/process.js';
import { startSilentBus } from '../support/silent-bus.js';
import { Conversation, type Protocol } from '../support/zmtp-conversation.js';

const MIB = 1024 * 1024;
const PONG = '\x04PONG';

const PEERS = [zmq.Publisher, zmq.XPublisher, zmq.Subscriber, zmq.XSubscriber];
const PROTOCOLS: Protocol[] = ['tcp', 'ipc'];

describe.each(PROTOCOLS)('over %s, libzmq', (protocol) => {
  it.each(PEERS)('answers our PINGs as a %o', async (Peer) => {
    const heartbeat = { intervalMs: 50, maxSilentTicks: 10 };
    await using conversation = await Conversation.start(new Peer(), 'dialling', protocol, { heartbeat });
    const { socket, ours } = conversation;
    let pongs = 0;
    socket.on('data', (chunk: Buffer) => {
      if (chunk.includes(PONG)) pongs += 1;
    });
    await until(() => pongs === 10 || ours.failures.all.length > 0);
    expect(ours.failures.all).toEqual([]);
  });
});

describe('libzmq', () => {
  it('answers a PING while its queue for us is full, ahead of what waits there', async () => {
    const heartbeat = { intervalMs: 100, maxSilentTicks: 1_000 };
    const publisher = new zmq.XPublisher({ sendHighWaterMark: 16_384 });
    await using conversation = await Conversation.start(publisher, 'dialling', 'tcp', { heartbeat });
    const { socket, ours, theirs } = conversation;
    ours.connection.changeSubscription(Buffer.alloc(0), 'subscribe');
    ours.connection.flush();
    await theirs.receive();
    socket.pause();
    const message = Buffer.alloc(4_096);
    const SENT = 40_000;
    for (let i = 0; i < SENT; i += 1) await theirs.send(message);
    let messagesAhead: number | undefined;
    socket.on('data', (chunk: Buffer) => {
      if (chunk.includes(PONG)) messagesAhead ??= ours.messages.all.length;
    });
    // PINGs leave while nothing is read.
    await new Promise((resolve) => setTimeout(resolve, 500));
    socket.resume();
    await until(() => messagesAhead !== undefined && ours.messages.all.length >= 16_384);
    // What was over the mark has been dropped: the queue was full. What was ahead had left it for the kernels.
    await theirs.send(Buffer.from('last'));
    await ours.messages.find((each) => each.toString() === 'last');
    expect(ours.messages.all.length).toBeLessThan(SENT);
    expect(messagesAhead).toBeLessThan(8_192);
    expect(ours.failures.all).toEqual([]);
  });
});

describe('a forwarder that is frozen', () => {
  it('is noticed within 3 s, and found again when it goes on', async () => {
    await using forwarder = await ForwarderProcess.start();
    await using end = await new TransportEnd(
      createZmtpTransport({ ...forwarder.addresses, maxMessageBytes: MIB }),
    )
      .subscribe('m')
      .open()
      .settled();
    for (const round of [1, 2]) {
      forwarder.suspend();
      const frozenSince = performance.now();
      await end.statuses.first(2 * round);
      expect(performance.now() - frozenSince).toBeLessThan(3_000);
      expect(end.statuses.all.at(-1)?.cause?.message).toMatch(
        /^Lost the link to .*: The peer has been silent for \d+ ms$/,
      );
      forwarder.resume();
      await end.statuses.first(2 * round + 1);
      await end.settled();
      end.send(`m${round}`);
      await end.messages.find((message) => message.toString() === `m${round}`);
    }
  });
});

describe('a process that is busy itself', () => {
  /** Opens a transport, is kept busy as `busy` says, and prints what it was told of its link. */
  const program = (busy: string): string => `
    import { createZmtpTransport } from './src/transport/zmtp/zmtp.ts';
    const [xsubAddress, xpubAddress] = process.argv.slice(-2);
    const block = (ms) => { for (const end = performance.now() + ms; performance.now() < end; ); };
    const statuses = [];
    let onMessage = () => {};
    const transport = createZmtpTransport({ xsubAddress, xpubAddress, maxMessageBytes: 1 << 20 });
    transport.subscribe(Buffer.from('flood'));
    const up = new Promise((resolve) => transport.open({
      onMessage: (message) => onMessage(message),
      onStatus: (status) => { statuses.push(status); resolve(); },
      onDrain: () => {},
    }));
    await up;
    console.log('up');
    ${busy}
    console.log('statuses', statuses.join());
    await transport.close(1_000);
  `;
  const child = (busy: string, forwarder: { xsubAddress: string; xpubAddress: string }) =>
    spawnSource(program(busy), {
      execArgv: ['--import', 'tsx'],
      args: [forwarder.xsubAddress, forwarder.xpubAddress],
    });

  it('does not take its own blocked event loop for an outage', async () => {
    await using forwarder = await createForwarder({ xsubPort: 0, xpubPort: 0 });
    await using blocked = child(
      `for (const ms of [4_000, 3_000, 3_000]) {
        await new Promise((resolve) => setTimeout(resolve, 700));
        block(ms);
      }
      await new Promise((resolve) => setTimeout(resolve, 3_000));`,
      forwarder,
    );
    expect((await blocked.line(/statuses (.*)/))[1]).toBe('up');
    expect(await blocked.exit).toEqual({ code: 0, signal: null });
  }, 60_000);

  it('does not take the forwarder for dead whose messages it cannot keep up with', async () => {
    await using forwarder = await createForwarder({ xsubPort: 0, xpubPort: 0 });
    await using slow = child(
      `let count = 0;
      await new Promise((resolve) => {
        // 64 KiB, of which each chunk has some, take half a second.
        onMessage = () => { block(50); if (++count === 150) resolve(); };
      });`,
      forwarder,
    );
    await slow.line(/up/);
    await using sender = await new TransportEnd(createZmtpTransport({ ...forwarder, maxMessageBytes: MIB }))
      .open()
      .up();
    const message = Buffer.alloc(6_000, 'flood');
    const flood = setInterval(() => {
      while (sender.transport.send(message));
    }, 10);
    expect((await slow.line(/statuses (.*)/))[1]).toBe('up');
    clearInterval(flood);
  });

  it('leaves nothing behind that keeps it alive', async () => {
    await using forwarder = await createForwarder({ xsubPort: 0, xpubPort: 0 });
    await using idle = child('', forwarder);
    await idle.line(/statuses up/);
    expect(await idle.exit).toEqual({ code: 0, signal: null });
  });
});

describe('a slow link', () => {
  it('is not taken for a silent one: one large message', async () => {
    await using bus = await startSilentBus();
    await using end = await new TransportEnd(bus.create({ maxMessageBytes: 16 * MIB }))
      .subscribe('large')
      .open()
      .settled();
    for (const proxy of Object.values(bus.proxies)) proxy.throttle(6 * MIB);
    end.send(Buffer.alloc(15 * MIB, 'large'));
    const began = performance.now();
    expect((await end.messages.first(1))[0]).toHaveLength(15 * MIB);
    expect(performance.now() - began).toBeGreaterThan(2_500);
    expect(end.statuses.all.map(({ status }) => status)).toEqual(['up']);
  });

  it('is not taken for a silent one: many small messages', async () => {
    await using bus = await startSilentBus();
    await using end = await new TransportEnd(bus.create()).subscribe('small').open().settled();
    for (const proxy of Object.values(bus.proxies)) proxy.throttle(MIB);
    const began = performance.now();
    for (let i = 0; i < 5_000; i += 1) end.transport.send(Buffer.alloc(1_024, 'small'));
    end.transport.flush();
    await end.messages.first(5_000);
    expect(performance.now() - began).toBeGreaterThan(4_000);
    expect(end.statuses.all.map(({ status }) => status)).toEqual(['up']);
  });

  it('is not taken for a silent one: long round trips', async () => {
    await using bus = await startSilentBus();
    for (const proxy of Object.values(bus.proxies)) proxy.delay(400);
    await using end = await new TransportEnd(bus.create()).subscribe('m').open().settled();
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect(end.statuses.all.map(({ status }) => status)).toEqual(['up']);
  });
});
