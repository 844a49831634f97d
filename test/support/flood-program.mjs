/**
 * Floods a forwarder (`node flood-program.mjs XSUB_ADDRESS XPUB_ADDRESS`) and reads nothing back: a subscriber of
 * everything that is stalled. Says "flooding" when the forwarder is under load, and goes on until it is killed.
 */
import { Publisher, Subscriber } from 'zeromq';

const [xsubAddress, xpubAddress] = process.argv.slice(2);
const stalled = new Subscriber({ linger: 0 });
stalled.connect(xpubAddress);
stalled.subscribe('');
const publisher = new Publisher({ linger: 0 });
publisher.connect(xsubAddress);
for (let sent = 1; ; sent += 1) {
  await publisher.send(Buffer.alloc(1000));
  if (sent === 20_000) console.log('flooding');
  // Sends that succeed at once never let the event loop turn.
  if (sent % 100 === 0) await new Promise(setImmediate);
}
