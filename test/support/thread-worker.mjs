// The worker thread of thread-main.mjs: one emitter, traffic without end, and an end in the way it is told.
import { parentPort, workerData } from 'node:worker_threads';
import { createDistributedEmitter } from 'demitter';

const emitter = await createDistributedEmitter(workerData);
let flooding = true;

emitter.on('ping', (text) => emitter.emit('pong', text));
emitter.on('flood', async () => {
  for (let sequence = 0; flooding; sequence += 1) await emitter.emit('traffic', { sequence });
});
emitter.on('end', (ending) => {
  switch (ending) {
    case 'return':
      // Closed, it holds nothing that would keep the thread.
      flooding = false;
      return emitter.close();
    case 'exit':
      return process.exit(7);
    case 'error':
      return setImmediate(() => {
        throw new Error('thrown in the worker');
      });
    case 'rejection':
      return void Promise.resolve().then(() => Promise.reject(new Error('rejected in the worker')));
  }
});
await emitter.ready();
parentPort.postMessage('ready');
