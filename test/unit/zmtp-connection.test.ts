import { once } from 'node:events';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ConnectionOptions } from '../../src/transport/zmtp/connection.js';
import { Mailbox } from '../conformance/mailbox.js';
import {
  frame,
  greeting,
  longHeader,
  RecordedConnection,
  readyFrame,
  SocketPair,
} from '../support/zmtp-sockets.js';

/** Everything that a raw peer was sent, to wait for. */
class Bytes {
  received: Buffer = Buffer.alloc(0);
  readonly #arrivals = new Mailbox<Buffer>();

  constructor(socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.#arrivals.push(this.received);
    });
  }

  /** Waits until the peer was sent `wanted` somewhere. */
  async including(wanted: Uint8Array | string): Promise<void> {
    const isThere = (bytes: Buffer): boolean => bytes.includes(Buffer.from(wanted as string, 'latin1'));
    if (!isThere(this.received)) await this.#arrivals.find(isThere);
  }
}

async function shakenHands(
  pair: SocketPair,
  options: Partial<ConnectionOptions> = {},
  minor = 1,
): Promise<RecordedConnection> {
  const recorded = new RecordedConnection(pair.near, options);
  pair.far.write(
    Buffer.concat([greeting({ minor }), readyFrame(options.socketType === 'PUB' ? 'XSUB' : 'XPUB')]),
  );
  await recorded.ready.first(1);
  return recorded;
}

afterEach(() => {
  vi.useRealTimers();
});

describe('ZmtpConnection', () => {
  it('takes a handshake and messages one byte at a time', async () => {
    await using pair = await SocketPair.connect();
    const recorded = new RecordedConnection(pair.near);
    const stream = Buffer.concat([
      greeting(),
      readyFrame('PUB'),
      frame(0, 'a'),
      frame(2, 'b'.repeat(300)),
      frame(0, ''),
    ]);
    pair.near.pause();
    for (const byte of stream) pair.near.emit('data', Buffer.of(byte));
    expect(recorded.messages.all.map(String)).toEqual(['a', 'b'.repeat(300), '']);
    expect(recorded.failures.all).toEqual([]);
  });

  it('takes greeting, READY and messages in one piece', async () => {
    await using pair = await SocketPair.connect();
    const recorded = new RecordedConnection(pair.near);
    pair.far.write(Buffer.concat([greeting({ major: 4 }), readyFrame('XPUB'), frame(0, 'a'), frame(0, 'b')]));
    const messages = await recorded.messages.first(2);
    expect(messages.map(String)).toEqual(['a', 'b']);
  });

  it('talks to another of its kind', async () => {
    await using pair = await SocketPair.connect();
    const subscriber = new RecordedConnection(pair.near);
    const publisher = new RecordedConnection(pair.far, { socketType: 'PUB' });
    await Promise.all([subscriber.ready.first(1), publisher.ready.first(1)]);
    subscriber.connection.changeSubscription(Buffer.from('topic'), 'subscribe');
    subscriber.connection.changeSubscription(Buffer.alloc(300), 'cancel');
    subscriber.connection.flush();
    expect(await publisher.subscriptions.first(2)).toEqual([
      { prefix: Buffer.from('topic'), change: 'subscribe' },
      { prefix: Buffer.alloc(300), change: 'cancel' },
    ]);
    publisher.connection.send(Buffer.from('topic!'));
    await publisher.connection.end(5_000);
    expect(await subscriber.messages.first(1)).toEqual([Buffer.from('topic!')]);
    expect(publisher.failures.all).toEqual([]);
  });

  it.each([
    [1, '\x04\x0a\x09SUBSCRIBE', '\x04\x07\x06CANCEL'],
    [0, '\x00\x02\x01', '\x00\x02\x00'],
  ])('subscribes as a 3.%i peer expects it', async (minor, subscribe, cancel) => {
    await using pair = await SocketPair.connect();
    const bytes = new Bytes(pair.far);
    const { connection } = await shakenHands(pair, {}, minor);
    const sized = (head: string): string =>
      minor === 1 ? `\x04${String.fromCharCode(head.charCodeAt(1) + 1)}${head.slice(2)}t` : `${head}t`;
    connection.changeSubscription(Buffer.from('t'), 'subscribe');
    connection.changeSubscription(Buffer.from('t'), 'cancel');
    connection.flush();
    await bytes.including(sized(subscribe) + sized(cancel));
  });

  it('reads subscriptions in both forms, and ignores other messages from a subscriber', async () => {
    await using pair = await SocketPair.connect();
    const recorded = await shakenHands(pair, { socketType: 'PUB' });
    pair.far.write(
      Buffer.concat([
        frame(0, '\x01one'),
        frame(4, '\x09SUBSCRIBEtwo'),
        frame(0, 'user message'),
        frame(0, ''),
        frame(1, '\x01multi'),
        frame(0, 'part'),
        frame(4, '\x06CANCELtwo'),
        frame(0, '\x00one'),
      ]),
    );
    const subscriptions = await recorded.subscriptions.first(4);
    expect(subscriptions.map(({ prefix, change }) => `${change} ${prefix}`)).toEqual([
      'subscribe one',
      'subscribe two',
      'cancel two',
      'cancel one',
    ]);
    expect(recorded.dropped.all).toEqual([]);
  });

  it('answers PING with its context, and ignores PONG, unknown commands and a second READY', async () => {
    await using pair = await SocketPair.connect();
    const bytes = new Bytes(pair.far);
    const recorded = await shakenHands(pair);
    pair.far.write(
      Buffer.concat([
        frame(4, '\x04PONGx'),
        frame(4, '\x07UNKNOWN data'),
        readyFrame('XPUB'),
        frame(4, '\x04PING\0\0hello'),
        frame(0, 'message'),
        frame(4, '\x04PING\0\0'),
      ]),
    );
    await bytes.including('\x04\x0a\x04PONGhello\x04\x05\x04PONG');
    expect(recorded.messages.all.map(String)).toEqual(['message']);
    expect(recorded.failures.all).toEqual([]);
  });

  it('tells of dropped messages once per reason, and takes the next', async () => {
    await using pair = await SocketPair.connect();
    const recorded = await shakenHands(pair, { maxMessageBytes: 100 });
    for (let i = 0; i < 3; i++) {
      pair.far.write(
        Buffer.concat([frame(1, 'a'), frame(0, 'b'), frame(0, 'x'.repeat(101)), frame(0, `next ${i}`)]),
      );
    }
    const messages = await recorded.messages.first(3);
    expect(messages.map(String)).toEqual(['next 0', 'next 1', 'next 2']);
    expect(recorded.dropped.all.map((error) => error.message)).toEqual([
      'A multipart message was dropped: this bus has none',
      'A message of 101 bytes was dropped: the limit is 100',
    ]);
  });

  it.each([
    ['another protocol', 'HTTP/1.1 400 Bad Request\r\n\r\n', /does not speak ZMTP 3/],
    ['ZMTP 2.0, before the greeting is complete', greeting({ major: 1 }).subarray(0, 12), /speaks ZMTP 2.0/],
    ['another mechanism', greeting({ mechanism: 'PLAIN' }), /security mechanism PLAIN/],
    [
      'a message in place of READY',
      Buffer.concat([greeting(), frame(0, 'early')]),
      /message before its READY/,
    ],
    [
      'a multipart message in place of READY',
      Buffer.concat([greeting(), frame(1, 'early')]),
      /before its READY/,
    ],
    [
      'an oversize command in place of READY',
      Buffer.concat([greeting(), longHeader(4, 100_000n)]),
      /before its READY/,
    ],
    [
      'another command in place of READY',
      Buffer.concat([greeting(), frame(4, '\x05HELLO')]),
      /HELLO instead of READY/,
    ],
    ['a command without a name', Buffer.concat([greeting(), frame(4, '')]), /without a proper name/],
    [
      'malformed metadata',
      Buffer.concat([greeting(), frame(4, '\x05READY\x0bSocket')]),
      /malformed metadata/,
    ],
    ['no socket type', Buffer.concat([greeting(), frame(4, '\x05READY')]), /did not name its socket type/],
    ['the wrong socket type', Buffer.concat([greeting(), readyFrame('XSUB')]), /XSUB socket.*swapped/],
    ['an ERROR', Buffer.concat([greeting(), frame(4, '\x05ERROR\x04Nope')]), /refused the connection: Nope/],
    ['a malformed ERROR', Buffer.concat([greeting(), frame(4, '\x05ERROR\x09Nope')]), /malformed ERROR/],
    ['reserved bits', Buffer.concat([greeting(), readyFrame('XPUB'), Buffer.of(0x80)]), /reserved flag bits/],
    [
      'a lying length',
      Buffer.concat([greeting(), readyFrame('XPUB'), longHeader(0, 2n ** 62n)]),
      /announced/,
    ],
    [
      'a PING that is too long',
      Buffer.concat([greeting(), readyFrame('XPUB'), frame(4, `\x04PING${'x'.repeat(19)}`)]),
      /PING/,
    ],
    [
      'an ERROR in traffic',
      Buffer.concat([greeting(), readyFrame('XPUB'), frame(4, '\x05ERROR\x03Bye')]),
      /Bye/,
    ],
  ])('ends in a clear error on %s', async (_name, bytes, message) => {
    await using pair = await SocketPair.connect();
    const recorded = new RecordedConnection(pair.near);
    const ended = once(pair.far.resume(), 'close');
    pair.far.write(bytes);
    const [failure] = await recorded.failures.first(1);
    expect(failure).toMatchObject({
      name: 'DemitterError',
      code: 'DEMITTER_ZMTP',
      message: expect.stringMatching(message),
    });
    pair.far.end();
    await ended;
    expect(recorded.failures.all).toHaveLength(1);
  });

  it('tells the peer with an ERROR why it refuses the handshake', async () => {
    await using pair = await SocketPair.connect();
    const bytes = new Bytes(pair.far);
    new RecordedConnection(pair.near);
    pair.far.write(Buffer.concat([greeting(), readyFrame('DEALER')]));
    await bytes.including('\x05ERROR');
    await bytes.including('The peer is a DEALER socket');
  });

  it('gives a silent peer up', async () => {
    await using pair = await SocketPair.connect();
    const recorded = new RecordedConnection(pair.near, { handshakeTimeoutMs: 20 });
    const [failure] = await recorded.failures.first(1);
    expect(failure).toMatchObject({
      code: 'DEMITTER_ZMTP',
      message: expect.stringContaining('within 20 ms'),
    });
  });

  it('lets a peer that finished the handshake be silent for as long as it likes', async () => {
    await using pair = await SocketPair.connect();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const recorded = await shakenHands(pair, { handshakeTimeoutMs: 20 });
    vi.advanceTimersByTime(3_600_000);
    expect(recorded.failures.all).toEqual([]);
  });

  it('does not pile up PONGs for a peer that does not read', async () => {
    await using pair = await SocketPair.connect();
    const recorded = await shakenHands(pair, { socketType: 'PUB' });
    pair.far.pause();
    recorded.connection.send(Buffer.alloc(1 << 25));
    const { bufferedBytes } = recorded.connection;
    expect(bufferedBytes).toBeGreaterThan(1 << 20);
    for (let i = 0; i < 1_000; i++) pair.far.write(frame(4, '\x04PING\0\0'));
    pair.far.write(frame(0, '\x01after the PINGs'));
    await recorded.subscriptions.first(1);
    expect(recorded.connection.bufferedBytes).toBeLessThanOrEqual(bufferedBytes);
  });

  it.each([
    [
      'in the greeting',
      Buffer.alloc(0),
      /^The peer closed the connection during the greeting .*security mechanism/,
    ],
    ['in the handshake', greeting(), /^The peer closed the connection during the handshake .*swapped/],
    ['in traffic', Buffer.concat([greeting(), readyFrame('XPUB')]), /^The peer closed the connection$/],
  ])('says that the peer closed %s', async (_name, bytes, message) => {
    await using pair = await SocketPair.connect();
    const recorded = new RecordedConnection(pair.near);
    pair.far.end(bytes);
    expect((await recorded.failures.first(1))[0]).toMatchObject({
      code: 'DEMITTER_NETWORK',
      message: expect.stringMatching(message),
    });
  });

  it('says that the peer reset the connection, with the cause', async () => {
    await using pair = await SocketPair.connect();
    const recorded = await shakenHands(pair);
    pair.far.resetAndDestroy();
    const [failure] = await recorded.failures.first(1);
    expect(failure).toMatchObject({
      code: 'DEMITTER_NETWORK',
      message: expect.stringContaining('ECONNRESET'),
      cause: { code: 'ECONNRESET' },
    });
  });

  it('does not hide what a message handler throws', async () => {
    await using pair = await SocketPair.connect();
    const mistake = new Error('handler');
    const recorded = new RecordedConnection(
      pair.near,
      {},
      {
        onMessage() {
          throw mistake;
        },
      },
    );
    pair.near.pause();
    pair.near.emit('data', Buffer.concat([greeting(), readyFrame('XPUB')]));
    expect(() => pair.near.emit('data', frame(0, 'x'))).toThrow(mistake);
    expect(recorded.failures.all).toMatchObject([{ code: 'DEMITTER_NETWORK', cause: mistake }]);
  });

  it.each(['end', 'destroy'] as const)(
    '%s() - from inside a handler hands nothing more on',
    async (method) => {
      await using pair = await SocketPair.connect();
      const seen: string[] = [];
      const recorded = new RecordedConnection(
        pair.near,
        {},
        {
          onMessage(message) {
            seen.push(message.toString());
            void recorded.connection[method](0);
          },
        },
      );
      pair.far.write(
        Buffer.concat([greeting(), readyFrame('XPUB'), frame(0, 'a'), frame(0, 'b'), frame(2, 'c')]),
      );
      await once(pair.near, 'close');
      expect(seen).toEqual(['a']);
      expect(recorded.failures.all).toEqual([]);
    },
  );

  it('end() - delivers what was sent, although the peer goes on sending', async () => {
    await using pair = await SocketPair.connect();
    const bytes = new Bytes(pair.far);
    const recorded = await shakenHands(pair, { socketType: 'PUB' });
    recorded.connection.send(Buffer.alloc(1 << 20, 'x'));
    recorded.connection.send(Buffer.from('last'));
    const flood = setInterval(() => pair.far.writable && pair.far.write(frame(0, 'noise')), 1);
    await recorded.connection.end(10_000);
    clearInterval(flood);
    await bytes.including('\0\x04last');
    expect(recorded.failures.all).toEqual([]);
  });

  it('end() - takes no longer than it may when the peer does not read, and says what was given up', async () => {
    await using pair = await SocketPair.connect();
    const recorded = await shakenHands(pair, { socketType: 'PUB' });
    pair.far.pause();
    recorded.connection.send(Buffer.alloc(1 << 25));
    expect(await recorded.connection.end(50)).toBeGreaterThan(1 << 20);
    expect(pair.near.destroyed).toBe(true);
    expect(recorded.failures.all).toEqual([]);
  });

  it('end() - says what was given up when the connection breaks', async () => {
    await using pair = await SocketPair.connect();
    const recorded = await shakenHands(pair, { socketType: 'PUB' });
    pair.far.pause();
    recorded.connection.send(Buffer.alloc(1 << 25));
    const ended = recorded.connection.end(10_000);
    pair.far.resetAndDestroy();
    expect(await ended).toBeGreaterThan(1 << 20);
    expect(recorded.failures.all).toEqual([]);
  });

  it('end() - gives nothing up when a peer that read all keeps its side open', async () => {
    await using pair = await SocketPair.connect({ allowHalfOpen: true });
    const recorded = await shakenHands(pair, { socketType: 'PUB' });
    pair.far.resume();
    recorded.connection.send(Buffer.alloc(1 << 20));
    expect(await recorded.connection.end(200)).toBe(0);
  });

  it('ends random bytes in an error, whatever the stage, and throws nothing', async () => {
    await using pair = await SocketPair.connect();
    const stages = [Buffer.alloc(0), greeting(), Buffer.concat([greeting(), readyFrame('XPUB')])];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...stages),
        fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 6 }),
        async (start, chunks) => {
          // A socket that was closed still hands out what one emits on it; no bytes need travel for this.
          const recorded = new RecordedConnection(pair.near.removeAllListeners());
          pair.near.emit('data', start);
          for (const chunk of chunks) pair.near.emit('data', Buffer.from(chunk));
          recorded.connection.destroy();
          for (const failure of recorded.failures.all) expect(failure.code).toBe('DEMITTER_ZMTP');
        },
      ),
      { numRuns: 500 },
    );
  });
});
