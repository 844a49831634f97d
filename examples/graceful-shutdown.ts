/**
 * Graceful shutdown: a service that counts, and ends well when it is told to.
 *
 * Run it with `node --import tsx examples/graceful-shutdown.ts`, and end it with Ctrl-C, or with `kill` as `docker stop`
 * and systemd do. A forwarder (`npx demitter-forwarder`) takes what it emits; without one it ends in time as well.
 */
import { DistributedEmitter } from 'demitter';

type CounterEvents = {
  'counter:counted': { count: number };
  'counter:stopped': { total: number };
};

const emitter = new DistributedEmitter<CounterEvents>();
emitter.on('distributed:error', (error) => console.error(`${error.code}: ${error.message}`));

let total = 0;
const work = setInterval(() => {
  total += 1;
  void emitter.emit('counter:counted', { count: total });
}, 10);

// Before connecting: a signal may come at any time. `once`, so that a second one ends the process in any case.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void shutDown(signal));

async function shutDown(signal: string): Promise<void> {
  clearInterval(work);
  void emitter.emit('counter:stopped', { total });
  // Sends all of it, for at most `closeTimeout`. What could not be sent is told above, with how many events it was.
  await emitter.close();
  console.log(`ended by ${signal} after ${total} events`);
  // No process.exit(): nothing is left that keeps the process alive, and the last line is printed whole.
}

console.log('counting, until Ctrl-C or SIGTERM');
await emitter.connect();
