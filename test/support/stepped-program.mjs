// A program that runs under libfaketime and steps its own wall clock while its emitter works (see clock.test.ts). It
// prints what it saw; the steady clock, by which it measures, is not stepped.
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { DistributedEmitter } from 'demitter';

const [what, optionsJson, forwarderPid] = process.argv.slice(2);
const clockFile = process.env.FAKETIME_TIMESTAMP_FILE;
const started = Date.now() - performance.now();

const emitter = new DistributedEmitter(JSON.parse(optionsJson));
const errors = [];
const statuses = [];
emitter.on('distributed:error', ({ code, missed }) => errors.push({ code, missed }));
emitter.on('distributed:status', ({ status }) => statuses.push(status));

/** Sets the wall clock so many seconds off. In one step: it may be read at any time. */
const step = (seconds) => {
  writeFileSync(`${clockFile}.new`, `${seconds < 0 ? '' : '+'}${seconds}`);
  renameSync(`${clockFile}.new`, clockFile);
};

/** How far the wall clock has been stepped, as this process sees it. */
const offsetSeconds = () => Math.round((Date.now() - performance.now() - started) / 1000);

/** How long `action` takes when the clock is stepped right after it has begun. */
const timed = async (seconds, action) => {
  step(0);
  const start = performance.now();
  const done = action().catch(() => {});
  step(seconds);
  await done;
  return Math.round(performance.now() - start);
};

/** A signal is only on its way when `kill` returns: on a busy machine the forwarder may go on for a while. */
const stop = async (pid) => {
  process.kill(pid, 'SIGSTOP');
  const runs = (task) => !/^State:\s+T/m.test(readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8'));
  while (readdirSync(`/proc/${pid}/task`).some(runs)) await delay(1);
};

const programs = {
  /** A tick every few milliseconds, answered by the other side, and a step of the clock after every hundred answers. */
  async traffic() {
    const answers = [];
    let longestWaitMs = 0;
    let answered = () => {};
    emitter.on('tock', ({ sequence }) => {
      answers.push(sequence);
      if (answers.length % 100 === 0) answered();
    });
    await emitter.connect();
    await emitter.ready();
    let sequence = 0;
    let last = performance.now();
    const ticking = setInterval(() => {
      const now = performance.now();
      longestWaitMs = Math.max(longestWaitMs, Math.round(now - last));
      last = now;
      void emitter.emit('tick', { sequence: sequence++ });
    }, 3);
    const offsets = [];
    for (const seconds of [3600, -3600, 0]) {
      step(seconds);
      await new Promise((resolve) => {
        answered = resolve;
      });
      await emitter.ready({ timeout: 5000 });
      offsets.push(offsetSeconds());
    }
    clearInterval(ticking);
    // More than leaves in one write: were its deadline one of the wall clock, a step forwards would cut it off.
    const padding = 'x'.repeat(20_000);
    const closeMs = await timed(3600, () => {
      for (let i = 0; i < 500; i += 1) void emitter.emit('tick', { sequence: sequence++, padding });
      return emitter.close();
    });
    const inOrder = answers.every((answer, index) => answer === index);
    return { offsets, inOrder, longestWaitMs, closeMs, emitted: sequence };
  },

  /** Everything that has a time limit, while the clock is stepped over it. */
  async 'time limits'() {
    const limits = [];
    const timeouts = { connectTimeout: 300, closeTimeout: 300 };
    const make = (options) => {
      const one = new DistributedEmitter({ ...options, ...timeouts });
      one.on('distributed:error', () => {});
      return one;
    };
    for (const seconds of [3600, -3600]) {
      const lonely = make({ xsubPort: 1, xpubPort: 1 });
      const connectMs = await timed(seconds, () => lonely.connect());
      const readyMs = await timed(seconds, () => lonely.ready({ timeout: 300 }));
      void lonely.emit('tick');
      const unsentMs = await timed(seconds, () => lonely.close());

      // The event leaves at once; what takes time is that the forwarder does not confirm the end of the connection.
      process.kill(Number(forwarderPid), 'SIGCONT');
      const stalled = make(JSON.parse(optionsJson));
      void stalled.connect();
      await stalled.ready();
      await stop(Number(forwarderPid));
      void stalled.emit('tick');
      const unconfirmedMs = await timed(seconds, () => stalled.close());
      limits.push({ offset: offsetSeconds(), connectMs, readyMs, unsentMs, unconfirmedMs });
    }
    return { limits };
  },

  /** The clock is stepped while the forwarder is away; the other side restarts it when it is told. */
  async reconnecting() {
    await emitter.connect();
    await emitter.ready();
    const offsets = [];
    for (const seconds of [3600, -3600]) {
      const lost = emitter.once('distributed:status');
      console.log('kill');
      await lost;
      step(seconds);
      // Attempts fail before the step, and after it.
      await delay(300);
      console.log('restart');
      await emitter.ready();
      offsets.push(offsetSeconds());
    }
    await emitter.close();
    return { offsets };
  },
};

const outcome = await programs[what]();
console.log(JSON.stringify({ ...outcome, errors, statuses }));
