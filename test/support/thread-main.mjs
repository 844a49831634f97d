// A process with a forwarder, an emitter and a worker thread with an emitter of its own, which ends in the way that
// the first argument names (see worker-threads.test.ts). Prints what it saw; its exit code is the test's matter.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { createDistributedEmitter, createForwarder } from 'demitter';

const ending = process.argv[2];
const forwarder = await createForwarder({ xsubPort: 0, xpubPort: 0 });
const { xsubAddress, xpubAddress } = forwarder;
const emitter = await createDistributedEmitter({ xsubAddress, xpubAddress });
emitter.on('distributed:error', (error) => console.log(`error ${error.code}`));

const worker = new Worker(new URL('./thread-worker.mjs', import.meta.url), {
  workerData: { xsubAddress, xpubAddress },
});
worker.on('error', (error) => console.log(`worker error: ${error.message}`));
// Not `once()`, which an error of the worker's would make reject.
const exited = new Promise((resolve) => worker.on('exit', resolve));
await once(worker, 'message');

const pong = emitter.once('pong');
const underWay = emitter.once('traffic', ({ sequence }) => sequence >= 1000);
await emitter.ready();
await emitter.emit('ping', 'from the main thread');
console.log(`pong ${await pong}`);

await emitter.emit('flood');
await underWay;
console.log('traffic under way');
if (ending === 'terminate') await worker.terminate();
else await emitter.emit('end', ending);
const code = await exited;
console.log(`worker ended: ${code}`);

// The main thread goes on as if nothing had happened: a second emitter hears the first.
const other = await createDistributedEmitter({ xsubAddress, xpubAddress });
const after = other.once('after');
await other.ready();
await emitter.emit('after', 'all is well');
console.log(await after);
await Promise.all([emitter.close(), other.close()]);
await forwarder.close();
console.log('closed');
