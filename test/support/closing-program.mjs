// A program that closes its emitter in the situation it is told (see close.test.ts), then prints what that took, what
// was told and what was left behind. It runs as a process and, unchanged, as a worker thread.
import { execFileSync } from 'node:child_process';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DistributedEmitter } from 'demitter';

const {
  situation,
  ending = 'close',
  options,
  forwarderPid,
  names = ['burst'],
  count = 500,
  bytes = 0,
} = JSON.parse(process.argv[2]);
const padding = 'x'.repeat(bytes);

// Also opens stdout, which is then no resource of the emitter's.
console.log('started');
const before = process.getActiveResourcesInfo();

const emitter = new DistributedEmitter(options);
const told = [];
const statuses = [];
let emitted = 0;
emitter.on('distributed:error', ({ code, missed }) => told.push({ code, missed }));
emitter.on('distributed:status', ({ status }) => statuses.push(status));

const reached = (wanted) =>
  new Promise((resolve) => {
    emitter.on('distributed:status', ({ status }) => status === wanted && resolve());
  });

const emitOne = () => {
  const sequence = emitted++;
  return emitter.emit(names[sequence % names.length], { sequence, padding });
};

const emitBurst = () => {
  while (emitted < count) void emitOne();
};

let closeMs;
const close = async () => {
  const start = performance.now();
  await emitter.close();
  closeMs ??= Math.round(performance.now() - start);
};

// The signal alone does not do it: on another processor, the forwarder goes on for a moment and reads what comes.
const stopForwarder = () => {
  process.kill(forwarderPid, 'SIGSTOP');
  const state = () => execFileSync('ps', ['-o', 'stat=', '-p', String(forwarderPid)], { encoding: 'utf8' });
  while (!state().startsWith('T'));
};

const situations = {
  idle() {},
  connecting() {
    void emitter.connect();
  },
  // The first attempt is on its way, and `connectTimeout` has passed over it.
  async 'still connecting'() {
    await emitter.connect();
  },
  async ready() {
    await emitter.connect();
    await emitter.ready();
  },
  async reconnecting() {
    await situations.ready();
    const lost = reached('reconnecting');
    process.kill(forwarderPid, 'SIGKILL');
    await lost;
  },
  async 'forwarder killed in this turn'() {
    await situations.ready();
    stopForwarder();
    process.kill(forwarderPid, 'SIGKILL');
  },
  async 'forwarder stopped'() {
    await situations.ready();
    stopForwarder();
  },
};

const endings = {
  close() {
    emitBurst();
    return close();
  },
  async twice() {
    emitBurst();
    void close();
    await emitter.close();
    // The second call, too, resolves when it is done and not before.
    console.log(`after the second: ${emitter.status}`);
    await emitter.close();
  },
  // Emits, awaiting each, until that waits for room: then closes, and the emit that waits must go on.
  async 'under back-pressure'() {
    let state = 'emitting';
    const emitting = (async () => {
      while (state === 'emitting') await emitOne();
    })();
    for (let turns = 0, last = -1; turns < 20; turns = emitted === last ? turns + 1 : 0) {
      last = emitted;
      await nextTurn();
    }
    state = 'closing';
    await Promise.all([close(), emitting]);
  },
  async 'in a listener'() {
    const closed = new Promise((resolve) => {
      emitter.on('stop', async () => {
        emitBurst();
        await close();
        resolve();
      });
    });
    await emitter.ready();
    console.log('listening');
    await closed;
  },
};

await situations[situation]();
await endings[ending]();

// One whole turn of the event loop: handles are given back at its very end, after the immediates.
await nextTurn();
await nextTurn();
const left = process.getActiveResourcesInfo();
for (const resource of before) {
  if (left.includes(resource)) left.splice(left.indexOf(resource), 1);
}
console.log(JSON.stringify({ closeMs, closeTimeout: options.closeTimeout, emitted, told, statuses, left }));
