/**
 * A publisher and a subscriber of libzmq's own, as a peer of a forwarder that knows nothing of Demitter:
 *
 *     node libzmq-peer-program.mjs < COMMANDS
 *
 * Each line of input is JSON. The first is `{ xsubAddress, xpubAddress, security }`, where `security` holds zeromq.js's
 * options of CURVE, if any; each later one a string to be published. It prints what becomes of its connections (`xsub
 * handshake`, `xpub refused 400`, `xpub disconnect` …) and what comes (`got TEXT`).
 */
import { createInterface } from 'node:readline';
import { Publisher, Subscriber } from 'zeromq';

const SHOWN = new Set(['handshake', 'disconnect', 'handshake:error:auth']);

let publisher;
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (publisher === undefined) publisher = start(command);
  else await publisher.send(command);
}
process.exit();

function start({ xsubAddress, xpubAddress, security = {} }) {
  const xsub = new Publisher({ ...security, linger: 0, reconnectInterval: 50 });
  const xpub = new Subscriber({ ...security, linger: 0, reconnectInterval: 50 });
  xpub.subscribe();
  void watch('xsub', xsub);
  void watch('xpub', xpub);
  void receive(xpub);
  xsub.connect(xsubAddress);
  xpub.connect(xpubAddress);
  return xsub;
}

async function watch(side, { events }) {
  for await (const { type, error } of events) {
    if (!SHOWN.has(type)) continue;
    console.log(type === 'handshake:error:auth' ? `${side} refused ${error.status}` : `${side} ${type}`);
  }
}

async function receive(subscriber) {
  for await (const [message] of subscriber) console.log(`got ${message}`);
}
