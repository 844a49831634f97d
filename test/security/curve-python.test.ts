/**
 * Our CURVE client in conversation with Python's ZeroMQ binding, which Debian builds against a libzmq and a libsodium of
 * its own: `apt install python3-zmq`. Skipped where it is missing, unless this is CI.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { formatKey } from '../../src/keys.js';
import { clientKeys, curveClient, SERVER } from '../support/curve.js';
import { spawnProgram } from '../support/process.js';
import { hasPythonZmq, PYTHON } from '../support/python.js';
import { RecordedConnection } from '../support/zmtp-sockets.js';

/** Arguments: socket type, the server's keys, and the only key that is let in. It prints what it gets, and sends it back. */
const PEER = `
import sys, threading, zmq
kind, public, secret, allowed = sys.argv[1:5]
context = zmq.Context()
zap = context.socket(zmq.REP)
zap.bind('inproc://zeromq.zap.01')
def answer():
    while True:
        version, sequence, domain, address, identity, mechanism, key = zap.recv_multipart()
        status = b'200' if zmq.utils.z85.encode(key) == allowed.encode() else b'400'
        zap.send_multipart([version, sequence, status, b'', b'', b''])
threading.Thread(target=answer, daemon=True).start()
socket = context.socket(getattr(zmq, kind))
socket.linger = 0
socket.zap_domain = b'test'
socket.curve_server = True
socket.curve_publickey, socket.curve_secretkey = public.encode(), secret.encode()
port = socket.bind_to_random_port('tcp://127.0.0.1')
print('port', port, flush=True)
if kind == 'XSUB': socket.send(b'\\x01')
while True: print('received', socket.recv(), flush=True) if kind == 'XSUB' else socket.send(socket.recv() + b'!')
`;

async function meet(kind: 'XSUB' | 'XPUB', keys = clientKeys(), allowed = keys.publicKey) {
  const args = [kind, formatKey(SERVER.publicKey), formatKey(SERVER.secretKey.bytes), formatKey(allowed)];
  const python = spawnProgram(PYTHON, { args: ['-c', `import zmq.utils.z85\n${PEER}`, ...args] });
  const [, port] = await python.line(/port (\d+)/);
  const socket = connect(Number(port), '127.0.0.1');
  await once(socket, 'connect');
  const socketType = kind === 'XSUB' ? 'PUB' : 'SUB';
  const ours = new RecordedConnection(socket, { socketType, mechanism: await curveClient(socketType, keys) });
  return {
    python,
    ours,
    async [Symbol.asyncDispose]() {
      ours.connection.destroy();
      await python[Symbol.asyncDispose]();
    },
  };
}

describe.skipIf(!hasPythonZmq())('CURVE with Python', () => {
  it('PUB sends to its XSUB', async () => {
    await using meeting = await meet('XSUB');
    const { ours, python } = meeting;
    await ours.subscriptions.first(1);
    ours.connection.send(Buffer.from('hello'));
    ours.connection.send(Buffer.alloc(1_000, 'x'));
    ours.connection.flush();
    await python.line(/received b'hello'/);
    await python.line(/received b'x{1000}'/);
  });

  it('SUB subscribes at its XPUB, and receives', async () => {
    await using meeting = await meet('XPUB');
    const { ours } = meeting;
    await ours.ready.first(1);
    ours.connection.changeSubscription(Buffer.alloc(0), 'subscribe');
    ours.connection.flush();
    expect((await ours.messages.first(1)).map((each) => each.toString('latin1'))).toEqual(['\x01!']);
  });

  it('is refused by its ZAP handler with another key than the one it knows', async () => {
    await using meeting = await meet('XSUB', clientKeys(), clientKeys().publicKey);
    expect((await meeting.ours.failures.first(1))[0]).toMatchObject({ code: 'DEMITTER_REFUSED' });
  });
});
