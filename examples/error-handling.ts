/**
 * Error handling: what can go wrong, who is told, and how a process ends well.
 *
 * Run it with `npm run example:errors`. The rule behind all of it: `emit` rejects for listeners of this process only,
 * as Emittery's does. What goes wrong beyond it is a `distributed:error`, so that a network can never break a caller.
 */
import { once } from 'node:events';
import {
  createDistributedEmitter,
  createForwarder,
  type DemitterError,
  DistributedEmitter,
  type DistributedError,
} from 'demitter';

type JobEvents = {
  'job:start': { id: number; input: unknown };
  'job:done': { id: number };
};

console.log('1. A bad option is a mistake in the program: it throws at once and says what was expected');
try {
  new DistributedEmitter({ xsubAddress: 'localhost:5555' });
} catch (error) {
  console.log(`   ${(error as TypeError).name}: ${(error as TypeError).message}`);
}

console.log('2. No forwarder: the emitter says so, keeps trying, and keeps what is emitted');
{
  // With `new` and `connect()` instead of `createDistributedEmitter()`, listeners are there before the first attempt.
  // Nothing listens on port 1. A short `connectTimeout`, for impatient readers.
  await using lonely = new DistributedEmitter<JobEvents>({ xsubPort: 1, xpubPort: 1, connectTimeout: 100 });
  lonely.on('distributed:error', report);
  await lonely.connect();
  // Whoever must not go on without a link waits for `ready`, and decides how long.
  await lonely
    .ready({ timeout: 100 })
    .catch((error: DemitterError) => console.log(`   ready(): ${error.code}`));
}

const forwarder = await createForwarder({ xsubPort: 0, xpubPort: 0 });
const { xsubAddress, xpubAddress } = forwarder;
const boss = new DistributedEmitter<JobEvents>({ xsubAddress, xpubAddress, maxEventBytes: 1024 });
const worker = await createDistributedEmitter<JobEvents>({ xsubAddress, xpubAddress });

console.log('3. The state of the link is an event, too');
boss.on('distributed:status', ({ previous, status }) => console.log(`   boss: ${previous} -> ${status}`));
await boss.connect();

console.log('4. What cannot be sent is told to whoever emitted it; emit() itself does not reject');
boss.on('distributed:error', report);
let told = boss.once('distributed:error');
await boss.emit('job:start', { id: 1, input: () => 'functions cannot travel' });
await told;
told = boss.once('distributed:error');
await boss.emit('job:start', { id: 2, input: 'x'.repeat(2000) });
await told;

console.log(
  '5. A listener that throws because of a remote event is told where it runs, and stops nobody else',
);
worker.on('distributed:error', report);
worker.on('job:start', ({ id }) => {
  throw new Error(`no tools for job ${id}`);
});
worker.on('job:start', ({ id }) => worker.emit('job:done', { id }));
await Promise.all([boss.ready(), worker.ready()]);
const done = boss.once('job:done');
await boss.emit('job:start', { id: 3, input: 'a plan' });
console.log(`   boss: job ${(await done).id} is done all the same`);

console.log(
  '6. A listener in the same process rejects emit(), as in Emittery; the event was sent nevertheless',
);
const stop = boss.on('job:start', () => {
  throw new Error('the boss changed his mind');
});
const doneToo = boss.once('job:done');
await boss
  .emit('job:start', { id: 4, input: 'another plan' })
  .catch((error: Error) => console.log(`   emit() rejected: ${error.message}`));
stop();
console.log(`   boss: job ${(await doneToo).id} is done`);

console.log('7. SIGTERM: close() sends what was emitted, then the process ends by itself');
const terminated = once(process, 'SIGTERM');
process.kill(process.pid, 'SIGTERM'); // What `docker stop` does; here the example does it to itself.
const lastJob = worker.once('job:start');
await terminated; // The last line of many a service's main program. What follows is how it ends.
void boss.emit('job:start', { id: 5, input: 'emitted at the last moment, and not awaited' });
await boss.close();
console.log(`   worker: job ${(await lastJob).id} was sent before the link was closed`);

console.log('8. After close() an event reaches local listeners only, and that is told');
told = boss.once('distributed:error');
await boss.emit('job:start', { id: 6, input: 'too late' });
await told;

// No process.exit(): with everything closed, nothing keeps the process alive.
await worker.close();
await forwarder.close();

/** `type` is for `switch`, `code` is stable and listed in docs/errors.md, `message` is for people. */
function report(error: DistributedError): void {
  const event = error.eventName === undefined ? '' : ` (event ${String(error.eventName)})`;
  console.log(`   distributed:error ${error.type} / ${error.code}${event}: ${error.message}`);
}
