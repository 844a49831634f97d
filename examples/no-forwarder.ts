/**
 * No forwarder to start: run it in two terminals, or in five, with `npm run example:no-forwarder`.
 *
 * The first one runs the forwarder for all. End it, with Ctrl-C or `kill -9`: another one takes over, and nobody misses
 * an event of the others.
 */
import { createDistributedEmitter } from 'demitter';

const emitter = await createDistributedEmitter<{ tick: { from: number; n: number } }>({ forwarder: 'auto' });
const me = process.pid;

emitter.on('tick', ({ from, n }) => {
  if (from !== me)
    console.log(`${me}${emitter.hosting ? ' (runs the forwarder)' : ''}  tick ${n} of ${from}`);
});
await emitter.ready();
console.log(`${me}  ${emitter.hosting ? 'is the first, and runs the forwarder' : 'joins the others'}`);

let n = 0;
const clock = setInterval(() => void emitter.emit('tick', { from: me, n: n++ }), 1000);

process.once('SIGINT', async () => {
  clearInterval(clock);
  // If this one runs the forwarder and others are there, it first waits for one of them to take over.
  await emitter.close();
});
