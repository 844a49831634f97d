// A process with any number of emitters of the built package, told over IPC what to do: the far end of fault tests
// (see fault-peer.ts). It counts what it emits and receives, and keeps a journal of what the emitters say of themselves.
import { DistributedEmitter } from 'demitter';
import { Published, Received } from './fault-record.mjs';

/** The same clock in every process of this machine. */
const now = () => Number(process.hrtime.bigint()) / 1e6;
const turn = () => new Promise((resolve) => setImmediate(resolve));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A paced load emits what is due at every tick. A slow one ticks more seldom, so that hundreds fit into a process. */
const TICK_MS = 2;
const MAX_TICK_MS = 200;
/** A paced load that fell behind by more (the process was stopped or blocked) does not catch up: it would be a flood. */
const MAX_ARREARS_MS = 100;
const SETTLE_CHECK_MS = 20;
/** What would come twice, comes by then. */
const LINGER_MS = 100;
const MAX_JOURNAL = 1000;

class Source {
  constructor(options) {
    this.emitter = new DistributedEmitter(options);
    this.published = new Published(this.emitter.id);
    this.received = new Received();
    /** Undefined: all names. */
    this.names = new Set();
    this.journal = { statuses: [], errors: [], errorCounts: {} };
    this.firstDelivery = undefined;
    this.isStopping = false;
    /** What a listener does for each event: nothing, or between so many milliseconds of work, until some time. */
    this.work = undefined;
    /** Of events that say when they were emitted. */
    this.latencies = [];
    /** The longest time without an event, and when the last one came; while somebody wants to know. */
    this.pause = undefined;
    this.statusWatchers = new Set();
    this.emitter.on('distributed:status', ({ status, previous, cause }) => {
      const entry = { at: now(), status, previous, cause: cause?.message };
      keep(this.journal.statuses, entry);
      for (const watcher of this.statusWatchers) watcher(entry);
    });
    this.emitter.on('distributed:error', (error) => this.#note(error));
    void this.emitter.connect();
  }

  take(name, event) {
    this.received.take(name, event);
    if (this.firstDelivery !== undefined) {
      this.firstDelivery(now());
      this.firstDelivery = undefined;
    }
    if (event?.t !== undefined) this.latencies.push(now() - event.t);
    if (this.pause !== undefined) this.#notePause(this.pause);
    if (this.work !== undefined) this.#work(this.work);
  }

  #work({ minMs, maxMs, end }) {
    if (now() < end) busy(minMs + Math.random() * (maxMs - minMs));
    else this.work = undefined;
  }

  #notePause(pause) {
    const at = now();
    pause.longest = Math.max(pause.longest, at - pause.since);
    pause.since = at;
  }

  #note({ type, code, message, eventName, missed, publisherId }) {
    const { errors, errorCounts } = this.journal;
    errorCounts[type] = (errorCounts[type] ?? 0) + 1;
    keep(errors, { at: now(), type, code, message, eventName, missed, publisherId });
    if (type === 'loss' || type === 'deserialization') this.received.tell(publisherId, eventName, missed);
    if (type === 'overflow' || type === 'closed') this.published.refuse(eventName, missed);
  }
}

function keep(list, entry) {
  if (list.length < MAX_JOURNAL) list.push(entry);
}

function busy(ms) {
  for (const end = performance.now() + ms; performance.now() < end; );
}

/** An emitter that left is forgotten, so that what the process keeps is the library's. */
const sources = [];

async function load(source, { names, bytes, stamped, count = Infinity, durationMs = Infinity, manner }) {
  const { emitter, published } = source;
  const start = now();
  const end = start + durationMs;
  const first = published.total;
  const emit = () => {
    const name = names[published.total % names.length];
    const event = published.next(name, bytes);
    if (stamped) event.t = now();
    return emitter.emit(name, event);
  };
  const goesOn = () => !source.isStopping && published.total - first < count && now() < end;
  source.isStopping = false;
  if (manner === 'one turn') while (published.total - first < count) void emit();
  else if (manner === 'awaited') {
    while (goesOn()) for (let i = 0; i < 64 && published.total - first < count; i += 1) await emit();
  } else if (manner.chunk !== undefined) {
    while (goesOn()) {
      for (let i = 0; i < manner.chunk && published.total - first < count; i += 1) void emit();
      await turn();
    }
  } else await paced(manner.rate, emit, goesOn, () => published.total - first < count);
  // Refusals are told a turn later.
  await turn();
  await turn();
  return { emitted: published.total - first, ms: now() - start };
}

async function paced(rate, emit, goesOn, hasMore) {
  const perMs = rate / 1000;
  const tickMs = Math.max(TICK_MS, Math.min(MAX_TICK_MS, 0.2 / perMs));
  const maxArrearsMs = Math.max(MAX_ARREARS_MS, 2 * tickMs);
  let start = now();
  let emitted = 0;
  while (goesOn()) {
    const arrears = now() - start - emitted / perMs;
    if (arrears > maxArrearsMs) start += arrears - maxArrearsMs;
    for (const due = (now() - start) * perMs; emitted < due && hasMore(); emitted += 1) void emit();
    await sleep(tickMs);
  }
}

async function within(timeoutMs, work, what) {
  let timer;
  const expired = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what()} within ${timeoutMs} ms`)), timeoutMs);
  });
  return Promise.race([work, expired]).finally(() => clearTimeout(timer));
}

async function settled({ received, names }, { expected, quietMs, joined }) {
  let progress = received.progress;
  let since = now();
  for (;;) {
    if (received.isComplete(expected, names, joined)) {
      await sleep(LINGER_MS);
      return true;
    }
    await sleep(SETTLE_CHECK_MS);
    if (received.progress !== progress) {
      progress = received.progress;
      since = now();
    } else if (now() - since > quietMs) return false;
  }
}

/** Commands that concern one emitter. */
const emitterCommands = {
  listen(source, names) {
    for (const name of names) {
      source.names?.add(name);
      source.emitter.on(name, (event) => source.take(name, event));
    }
  },
  listenToAll(source) {
    source.names = undefined;
    source.emitter.onAny((name, event) => source.take(name, event));
  },
  ready: (source, options) => source.emitter.ready(options),
  load,
  stopLoad(source) {
    source.isStopping = true;
  },
  work(source, { minMs, maxMs, durationMs = Infinity }) {
    source.work = { minMs, maxMs, end: now() + durationMs };
  },
  latencies(source) {
    const { latencies } = source;
    source.latencies = [];
    return latencies.sort((a, b) => a - b);
  },
  startPauses(source) {
    source.pause = { longest: 0, since: now() };
  },
  longestPause: ({ pause }) => pause.longest,
  progress: ({ received }) => received.progress,
  forgetReceived(source) {
    source.received = new Received();
  },
  published: ({ published }) => published.report(),
  received: ({ received }) => received.report(),
  settled,
  // Two steps, so that the watch is set before what ends it: the first answer says that it is.
  watch(source) {
    source.watched = new Promise((resolve) => {
      source.firstDelivery = resolve;
    });
  },
  watched: (source, timeoutMs) => within(timeoutMs, source.watched, () => 'no event'),
  statusAfter(source, status, since, timeoutMs) {
    const { statuses } = source.journal;
    const isIt = (entry) => entry.status === status && entry.at >= since;
    const found = new Promise((resolve) => {
      const past = statuses.find(isIt);
      if (past !== undefined) return resolve(past);
      source.statusWatchers.add(function watcher(entry) {
        if (!isIt(entry)) return;
        source.statusWatchers.delete(watcher);
        resolve(entry);
      });
    });
    const seen = () => `not ${status}: ${statuses.map((entry) => entry.status).join(' → ')}`;
    return within(timeoutMs, found, seen);
  },
  journal: ({ journal }) => journal,
  status: ({ emitter }) => emitter.status,
  hosting: ({ emitter }) => emitter.hosting,
  latency: ({ emitter }) => emitter.latency,
  closeEmitter: ({ emitter }) => emitter.close(),
};

const processCommands = {
  create(options) {
    const source = new Source(options);
    sources.push(source);
    return { key: sources.length - 1, id: source.emitter.id };
  },
  async leave(key) {
    const { emitter } = sources[key];
    sources[key] = undefined;
    await emitter.close();
  },
  block(ms) {
    // The loop stands still, the processor does not: it has others to serve.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  },
  memory() {
    globalThis.gc?.();
    return process.memoryUsage();
  },
  activeResources: () => process.getActiveResourcesInfo(),
  async close() {
    await Promise.all(sources.map((source) => source?.emitter.close()));
    process.disconnect();
  },
};

process.on('message', async ({ id, key, command, args }) => {
  try {
    const result =
      key === undefined
        ? await processCommands[command](...args)
        : await emitterCommands[command](sources[key], ...args);
    if (process.connected) process.send({ id, result });
  } catch (error) {
    if (process.connected) process.send({ id, failure: `${error.code ?? error.name}: ${error.message}` });
  }
});
// The test is gone: so is what this process is for.
process.on('disconnect', () => {});
process.send({ started: true });
