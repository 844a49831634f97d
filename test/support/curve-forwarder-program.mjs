/**
 * A forwarder with keys, of libzmq's own parts: XSUB, PUB, its proxy, and a ZAP handler that knows who may do what.
 *
 *     node curve-forwarder-program.mjs XSUB_ADDRESS XPUB_ADDRESS < COMMANDS
 *
 * Each line of input is JSON: first `{ "secretKey": Z85 or null, "rights": { Z85 of a client: "publish" … } }`; a later
 * one replaces the rights. Without a secret key, the sockets are NULL ones, and `rights.anybody` counts. A key without
 * rights is answered with `rights.others`, 400 by default. Each answer is printed.
 */
import { createInterface } from 'node:readline';
import * as zmq from 'zeromq';

const [xsubAddress, xpubAddress] = process.argv.slice(2);
let rights = {};
let started = false;

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  rights = command.rights;
  if (!started) await start(command.secretKey);
  started = true;
  console.log('obeyed');
}

async function start(secretKey) {
  const handler = new zmq.Reply();
  await handler.bind('inproc://zeromq.zap.01');
  void answer(handler);
  const keys = secretKey === null ? {} : { curveServer: true, curveSecretKey: secretKey };
  const xsub = new zmq.XSubscriber({ ...keys, zapDomain: 'publish', linger: 0 });
  const xpub = new zmq.Publisher({ ...keys, zapDomain: 'subscribe', linger: 0, sendHighWaterMark: 100_000 });
  await xsub.bind(xsubAddress);
  await xpub.bind(xpubAddress);
  await xsub.send(Buffer.of(1));
  // Kept, or it would be garbage-collected while it runs.
  globalThis.proxy = new zmq.Proxy(xsub, xpub);
  void globalThis.proxy.run();
}

async function answer(handler) {
  for await (const frames of handler) {
    const [version, id, domain, , , mechanism, key] = frames;
    const name = mechanism.toString() === 'CURVE' ? z85(key) : 'anybody';
    const given = rights[name] ?? rights.others ?? '400';
    const isAllowed = given === 'both' || given === domain.toString();
    const status = isAllowed ? '200' : /^\d+$/.test(given) ? given : '400';
    console.log('answered', domain.toString(), status);
    await handler.send([version, id, status, '', '', '']);
  }
}

function z85(bytes) {
  const digits = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
  let text = '';
  for (let at = 0; at < bytes.length; at += 4) {
    const value = bytes.readUInt32BE(at);
    for (let power = 4; power >= 0; power -= 1) text += digits[Math.floor(value / 85 ** power) % 85];
  }
  return text;
}
