/** CURVE between our client and a server of the RFC's words alone: understood by libzmq's client, and then one that lies. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as zmq from 'zeromq';
import type { DemitterError } from '../../src/errors.js';
import { formatKey, makeKeyPair } from '../../src/keys.js';
import type { ConnectionOptions } from '../../src/transport/zmtp/connection.js';
import { createZmtpTransport } from '../../src/transport/zmtp/zmtp.js';
import { Mailbox } from '../conformance/mailbox.js';
import { clientKeys, curveClient, SERVER } from '../support/curve.js';
import { CurveServer, shortNonce } from '../support/curve-server.js';
import {
  frame,
  greeting,
  Listener,
  longHeader,
  RecordedConnection,
  SocketPair,
} from '../support/zmtp-sockets.js';

const CODES = ['DEMITTER_CURVE', 'DEMITTER_ZMTP', 'DEMITTER_REFUSED', 'DEMITTER_NETWORK'];

interface Meeting extends AsyncDisposable {
  readonly ours: RecordedConnection;
  readonly server: CurveServer;
  readonly pair: SocketPair;
}

/** Our SUB connection, and a server that has said nothing yet. */
async function startMeeting(options: Partial<ConnectionOptions> = {}, keys = clientKeys()): Promise<Meeting> {
  const pair = await SocketPair.connect();
  const mechanism = await curveClient(options.socketType ?? 'SUB', keys);
  const ours = new RecordedConnection(pair.near, { maxMessageBytes: 1_000, ...options, mechanism });
  const server = new CurveServer(pair.far, SERVER);
  return { ours, server, pair, [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose]() };
}

/** After the handshake. */
async function startTraffic(options: Partial<ConnectionOptions> = {}): Promise<Meeting> {
  const meeting = await startMeeting(options);
  await meeting.server.shakeHands(options.socketType === 'PUB' ? 'XSUB' : 'XPUB');
  await meeting.ours.ready.first(1);
  return meeting;
}

describe('the server of these tests', () => {
  it("is understood by libzmq's client, and understands it", async () => {
    await using listener = await Listener.start();
    const { publicKey, secretKey } = zmq.curveKeyPair();
    const subscriber = new zmq.Subscriber({
      curveServerKey: formatKey(SERVER.publicKey),
      curvePublicKey: publicKey,
      curveSecretKey: secretKey,
      linger: 0,
    });
    subscriber.subscribe('topic');
    subscriber.connect(listener.address);
    const [socket] = await listener.sockets.first(1);
    const server = new CurveServer(socket as Socket, SERVER);
    const client = await server.shakeHands('PUB');
    expect(formatKey(client.key)).toBe(publicKey);
    expect(client.metadata).toContain('Socket-Type\0\0\0\x03SUB');
    // libzmq, too, sends its command boxed, in a message frame.
    expect(await server.nextMessage()).toEqual({ flags: 2, content: Buffer.from('\x09SUBSCRIBEtopic') });
    server.write(server.message('topic: short'), server.message(`topic: ${'long '.repeat(100)}`));
    expect(String((await subscriber.receive())[0])).toBe('topic: short');
    expect(String((await subscriber.receive())[0])).toHaveLength(507);
    subscriber.close();
  });
});

describe('our client', () => {
  it('proves who it is, and sends commands and messages boxed, with nonces that only go up', async () => {
    const keys = clientKeys();
    await using meeting = await startMeeting({ socketType: 'PUB' }, keys);
    const { ours, server } = meeting;
    const client = await server.shakeHands('XSUB');
    expect(client.key).toEqual(keys.publicKey);
    expect(client.metadata).toBe('\x0bSocket-Type\0\0\0\x03PUB');
    await ours.ready.first(1);
    ours.connection.send(Buffer.from('first'));
    ours.connection.send(Buffer.alloc(5_000, 'x'));
    ours.connection.changeSubscription(Buffer.from('t'), 'subscribe');
    ours.connection.flush();
    expect(await server.nextMessage()).toEqual({ flags: 0, content: Buffer.from('first') });
    expect((await server.nextMessage()).content).toEqual(Buffer.alloc(5_000, 'x'));
    expect(await server.nextMessage()).toEqual({ flags: 2, content: Buffer.from('\x09SUBSCRIBEt') });
  });

  it('takes MESSAGE as message and as command, in one piece or byte by byte', async () => {
    await using meeting = await startTraffic();
    const { ours, server, pair } = meeting;
    const asCommand = server.message('one');
    asCommand[0] = 4;
    const bytes = Buffer.concat([asCommand, server.message('two'), server.message('x'.repeat(900))]);
    pair.near.pause();
    for (const byte of bytes) pair.near.emit('data', Buffer.of(byte));
    expect(ours.messages.all.map(String)).toEqual(['one', 'two', 'x'.repeat(900)]);
    server.write(server.message('\x04PING\0\0abc', { flags: 2 }));
    pair.near.resume();
    expect(await server.nextMessage()).toEqual({ flags: 2, content: Buffer.from('\x04PONGabc') });
  });

  it('drops what is too large or in several parts, and goes on', async () => {
    await using meeting = await startTraffic();
    const { ours, server } = meeting;
    server.write(
      server.message('x'.repeat(1_000)),
      server.message('x'.repeat(1_001)),
      server.message('part', { flags: 1 }),
      server.message('part', { flags: 0 }),
      server.message('after'),
    );
    expect((await ours.messages.first(2)).map(String)).toEqual(['x'.repeat(1_000), 'after']);
    expect(ours.dropped.all.map(({ message }) => message)).toEqual([
      'A message of 1001 bytes was dropped: the limit is 1000',
      'A multipart message was dropped: this bus has none',
    ]);
  });

  it('keeps its keys, and those of others, out of what it says', async () => {
    const keys = clientKeys();
    await using meeting = await startMeeting({}, keys);
    await meeting.server.meet();
    meeting.server.write(frame(4, '\x05ERROR\x03400'));
    const [failure] = await meeting.ours.failures.first(1);
    expect(failure?.message).toContain(formatKey(keys.publicKey));
    expect(failure?.message).not.toContain(formatKey(keys.secretKey.bytes));
  });

  it('does not use a server key that keeps no secret', async () => {
    await using meeting = await startMeeting({}, { ...clientKeys(), serverKey: Buffer.alloc(32) });
    meeting.server.greet();
    const [failure] = await meeting.ours.failures.first(1);
    expect(failure).toMatchObject({
      code: 'DEMITTER_CURVE',
      message: expect.stringMatching(/keeps no secret/),
    });
  });

  type Attack = (meeting: Meeting) => Promise<void> | void;
  const inHandshake: Record<string, [string, RegExp, Attack]> = {
    'a greeting of NULL': [
      'DEMITTER_CURVE',
      /mechanism NULL/,
      ({ server }) => server.write(greeting({ minor: 1 })),
    ],
    'HELLO (another client)': [
      'DEMITTER_CURVE',
      /sent HELLO instead of WELCOME/,
      ({ server }) => {
        server.greet();
        server.write(frame(4, Buffer.concat([Buffer.from('\x05HELLO\x01\0'), Buffer.alloc(192)])));
      },
    ],
    'READY in place of WELCOME': [
      'DEMITTER_CURVE',
      /sent READY instead of WELCOME/,
      ({ server }) => {
        server.greet();
        server.write(frame(4, '\x05READY\x0bSocket-Type\0\0\0\x04XPUB'));
      },
    ],
    'a WELCOME of another server': [
      'DEMITTER_CURVE',
      /belongs to `serverKey`/,
      async ({ server }) => {
        server.greet();
        await server.hello();
        server.write(server.welcome(undefined, makeKeyPair().secretKey.bytes));
      },
    ],
    'a WELCOME that is cut off': [
      'DEMITTER_CURVE',
      /belongs to `serverKey`/,
      async ({ server }) => {
        server.greet();
        await server.hello();
        server.write(frame(4, server.welcome().subarray(2, -1)));
      },
    ],
    'an empty WELCOME': [
      'DEMITTER_CURVE',
      /belongs to `serverKey`/,
      ({ server }) => {
        server.greet();
        server.write(frame(4, '\x07WELCOME'));
      },
    ],
    'a short-term key that keeps no secret': [
      'DEMITTER_CURVE',
      /keeps no secret/,
      async ({ server }) => {
        server.greet();
        await server.hello();
        server.write(server.welcome(Buffer.alloc(32)));
      },
    ],
    'WELCOME twice': [
      'DEMITTER_CURVE',
      /sent WELCOME instead of READY/,
      async ({ server }) => {
        await server.meet();
        server.write(server.welcome());
      },
    ],
    'a READY that is not boxed': [
      'DEMITTER_CURVE',
      /READY was not made with the keys/,
      async ({ server }) => {
        await server.meet();
        server.write(frame(4, '\x05READY\x0bSocket-Type\0\0\0\x04XPUB'));
      },
    ],
    'READY with malformed metadata': [
      'DEMITTER_ZMTP',
      /malformed metadata/,
      async ({ server }) => {
        await server.meet();
        server.write(server.readyWith(Buffer.of(255)));
      },
    ],
    'the wrong socket type': [
      'DEMITTER_ZMTP',
      /XSUB and XPUB addresses swapped/,
      ({ server }) => server.shakeHands('XSUB').then(() => undefined),
    ],
    'MESSAGE before READY': [
      'DEMITTER_ZMTP',
      /before its READY/,
      async ({ server }) => {
        await server.meet();
        server.write(server.message('early'));
      },
    ],
    'a lying length before READY': [
      'DEMITTER_ZMTP',
      /announced/,
      ({ server }) => {
        server.greet();
        server.write(longHeader(4, 2n ** 62n));
      },
    ],
    'ERROR 400': [
      'DEMITTER_REFUSED',
      /with the right `subscribe` or `both`/,
      async ({ server }) => {
        await server.meet();
        server.write(frame(4, '\x05ERROR\x03400'));
      },
    ],
    'ERROR with words': [
      'DEMITTER_ZMTP',
      /refused the connection: Go away/,
      async ({ server }) => {
        await server.meet();
        server.write(frame(4, '\x05ERROR\x07Go away'));
      },
    ],
    'the end after HELLO': [
      'DEMITTER_CURVE',
      /is `serverKey` the forwarder's public key/,
      async ({ server, pair }) => {
        server.greet();
        await server.hello();
        pair.far.end();
      },
    ],
    'the end after INITIATE': [
      'DEMITTER_CURVE',
      /addresses swapped/,
      async ({ server, pair }) => {
        await server.meet();
        pair.far.end();
      },
    ],
  };

  it.each(Object.entries(inHandshake))(
    'ends on %s, with the reason',
    async (_name, [code, message, attack]) => {
      await using meeting = await startMeeting();
      await attack(meeting);
      const [failure] = await meeting.ours.failures.first(1);
      expect(failure).toMatchObject({ code, message: expect.stringMatching(message) });
      expect(meeting.ours.ready.all).toEqual([]);
      expect(meeting.ours.messages.all).toEqual([]);
    },
  );

  const inTraffic: Record<string, [string, RegExp, (server: CurveServer) => Buffer]> = {
    'a MESSAGE twice': [
      'DEMITTER_CURVE',
      /out of order, or twice/,
      (server) => {
        const message = server.message('once');
        return Buffer.concat([message, message]);
      },
    ],
    'an earlier nonce': [
      'DEMITTER_CURVE',
      /out of order, or twice/,
      (server) =>
        Buffer.concat([
          server.message('late', { nonce: shortNonce(2n ** 63n) }),
          server.message('early', { nonce: shortNonce(2n ** 32n) }),
        ]),
    ],
    "the handshake's nonce": [
      'DEMITTER_CURVE',
      /out of order, or twice/,
      (server) => server.message('again', { nonce: shortNonce(1n) }),
    ],
    'a MESSAGE that was changed': [
      'DEMITTER_CURVE',
      /not made with the keys/,
      (server) => {
        const message = server.message('intact');
        message[message.length - 1] = (message.at(-1) as number) ^ 1;
        return message;
      },
    ],
    'a MESSAGE that is cut off': [
      'DEMITTER_CURVE',
      /not made with the keys/,
      (server) => frame(0, server.message('whole').subarray(2, -1)),
    ],
    'a MESSAGE without a box': [
      'DEMITTER_CURVE',
      /something else than a MESSAGE/,
      () => frame(0, `\x07MESSAGE${'\0'.repeat(24)}`),
    ],
    'a message that is not boxed': ['DEMITTER_CURVE', /something else/, () => frame(0, 'plain '.repeat(10))],
    'a command that is not boxed': ['DEMITTER_CURVE', /something else/, () => frame(4, '\x04PING\0\0')],
    'an ERROR that is not boxed': ['DEMITTER_CURVE', /something else/, () => frame(4, '\x05ERROR\x03400')],
    'a MESSAGE in several frames': [
      'DEMITTER_CURVE',
      /several frames/,
      (server) => {
        const message = server.message('part');
        message[0] = 1;
        return message;
      },
    ],
    'a command with MORE': ['DEMITTER_CURVE', /MORE/, (server) => server.message('\x04PING', { flags: 3 })],
    'a boxed PING that is too long': [
      'DEMITTER_ZMTP',
      /PING/,
      (server) => server.message(`\x04PING${'x'.repeat(19)}`, { flags: 2 }),
    ],
    'an empty boxed command': ['DEMITTER_ZMTP', /proper name/, (server) => server.message('', { flags: 2 })],
    'a lying length': ['DEMITTER_ZMTP', /announced/, () => longHeader(0, 2n ** 62n)],
  };

  it.each(Object.entries(inTraffic))(
    'ends on %s, with the reason',
    async (_name, [code, message, attack]) => {
      await using meeting = await startTraffic();
      const { ours, server, pair } = meeting;
      const ended = once(pair.far.resume(), 'close');
      server.write(attack(server), server.message('never'));
      const [failure] = await ours.failures.first(1);
      expect(failure).toMatchObject({ code, message: expect.stringMatching(message) });
      expect(ours.messages.all.map(String)).not.toContain('never');
      pair.far.end();
      await ended;
      expect(ours.failures.all).toHaveLength(1);
    },
  );

  it('does not take back what it sent itself', async () => {
    await using meeting = await startTraffic({ socketType: 'PUB' });
    const { ours, server } = meeting;
    ours.connection.send(Buffer.from('\x01topic'));
    ours.connection.flush();
    const { flags, body } = await server.next();
    server.write(frame(flags, body));
    expect((await ours.failures.first(1))[0]?.code).toBe('DEMITTER_CURVE');
    expect(ours.subscriptions.all).toEqual([]);
  });

  it('hands on nothing that was changed, wherever it was changed, and ends in an error with a code', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }),
        async (changes) => {
          await using meeting = await startTraffic();
          const { ours, server, pair } = meeting;
          const sent = ['one', 'two', 'x'.repeat(300)];
          const bytes = Buffer.concat(sent.map((each) => server.message(each)));
          for (const [at, by] of changes) {
            const index = at % bytes.length;
            bytes[index] = (bytes[index] as number) ^ by;
          }
          const ended = once(pair.near, 'close');
          pair.far.end(bytes);
          await ended;
          for (const message of ours.messages.all) expect(sent).toContain(message.toString());
          for (const { code } of ours.failures.all) expect(CODES).toContain(code);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('the transport', () => {
  it('takes one handshake that breaks off for an outage, and a second one for a matter of security', async () => {
    await using listener = await Listener.start();
    const transport = createZmtpTransport(
      { xsubAddress: listener.address, xpubAddress: 'tcp://127.0.0.1:1', maxMessageBytes: 1_000 },
      { keys: clientKeys() },
    );
    const downs = new Mailbox<string>();
    const failures = new Mailbox<DemitterError>();
    transport.open({
      onMessage: () => undefined,
      onDrain: () => undefined,
      onStatus: (status) => downs.push(status),
      onSecurityFailure: (cause) => failures.push(cause),
    });
    for (const attempt of [1, 2]) {
      const socket = (await listener.sockets.first(attempt))[attempt - 1] as Socket;
      const server = new CurveServer(socket, SERVER);
      server.greet();
      await server.hello();
      expect(failures.all).toEqual([]);
      socket.end();
    }
    expect((await failures.first(1))[0]?.code).toBe('DEMITTER_CURVE');
    expect(downs.all).toEqual(['down']);
    await transport.close(0);
  });
});
