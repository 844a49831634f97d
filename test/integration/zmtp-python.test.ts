/**
 * Our ZMTP peer in conversation with Python's ZeroMQ binding, which Debian builds against a libzmq of its own version:
 * `apt install python3-zmq`. Skipped where it is missing, unless this is CI.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { spawnProgram } from '../support/process.js';
import { hasPythonZmq, PYTHON } from '../support/python.js';
import { Listener, RecordedConnection } from '../support/zmtp-sockets.js';

/** Arguments: socket type, `bind` or `connect`, address. Publishers send to, subscribers print, what comes on stdin. */
const PEER = `
import sys, zmq
kind, method, address = sys.argv[1:4]
socket = zmq.Context().socket(getattr(zmq, kind))
socket.linger = 0
getattr(socket, method)(address)
print('address', socket.last_endpoint.decode().rstrip(chr(0)), flush=True)
if kind == 'XSUB': socket.send(b'\\x01t')
if kind == 'SUB': socket.setsockopt(zmq.SUBSCRIBE, b't')
if kind in ('SUB', 'XSUB'):
    while True: print('received', socket.recv_multipart(), flush=True)
if kind == 'XPUB': print('subscription', socket.recv(), flush=True)
for line in sys.stdin:
    socket.send(line.strip().encode())
`;

const PEERS = ['SUB', 'XSUB', 'PUB', 'XPUB'].flatMap((kind) => [
  [kind, 'bind'] as const,
  [kind, 'connect'] as const,
]);

describe.skipIf(!hasPythonZmq())('our peer and Python', () => {
  it.each(PEERS)('%s that uses %s() understand each other', async (kind, method) => {
    await using listener = await Listener.start();
    const address = method === 'bind' ? 'tcp://127.0.0.1:*' : listener.address;
    await using python = spawnProgram(PYTHON, { args: ['-c', PEER, kind, method, address] });
    const [, bound = ''] = await python.line(/address tcp:\/\/(\S+)/);
    let socket: Socket;
    if (method === 'bind') {
      socket = connect(Number(bound.split(':')[1]), '127.0.0.1');
      await once(socket, 'connect');
    } else {
      socket = (await listener.sockets.first(1))[0] as Socket;
    }
    const isTheirsPublisher = kind.endsWith('PUB');
    const ours = new RecordedConnection(socket, { socketType: isTheirsPublisher ? 'SUB' : 'PUB' });
    await ours.ready.first(1);

    if (isTheirsPublisher) {
      ours.connection.changeSubscription(Buffer.from('t'), 'subscribe');
      ours.connection.flush();
      if (kind === 'XPUB') await python.line(/subscription b'\\x01t'/);
      // A PUB does not tell when the subscription is in force: it is asked until something comes.
      const repeat = setInterval(() => python.child.stdin?.write('other\ntopic\n'), 10);
      const [message] = await ours.messages.first(1);
      clearInterval(repeat);
      expect(message?.toString()).toBe('topic');
    } else {
      expect(await ours.subscriptions.first(1)).toEqual([{ prefix: Buffer.from('t'), change: 'subscribe' }]);
      ours.connection.send(Buffer.from(`t${'x'.repeat(300)}`));
      ours.connection.send(Buffer.from('t2'));
      ours.connection.flush();
      await python.line(/received \[b'tx{300}'\]/);
      await python.line(/received \[b't2'\]/);
    }
    expect(ours.failures.all).toEqual([]);
    ours.connection.destroy();
  });
});
