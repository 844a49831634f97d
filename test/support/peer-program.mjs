// A process with one emitter, told over IPC what to do: the far end in tests across processes (see peer.ts).
import { createDistributedEmitter } from 'demitter';

const fromPlainName = ([type, value]) => (type === 'symbol' ? Symbol.for(value) : value);
const toPlainName = (name) => {
  if (typeof name === 'symbol') return ['symbol', Symbol.keyFor(name) ?? ''];
  return [typeof name, name];
};

let emitter;
let whole;
const offs = new Map();

const seen = (via, data, name) =>
  process.send({ seen: { via, data, name: name === undefined ? null : toPlainName(name) } });

const iterate = async (via, iterator) => {
  for await (const value of iterator) {
    if (via === 'anyEvent') seen(via, value[1], value[0]);
    else seen(via, value);
  }
};

const commands = {
  async create(options) {
    emitter = await createDistributedEmitter(options);
    emitter.on('distributed:error', (error) =>
      process.send({
        error: { type: error.type, code: error.code, message: error.message, missed: error.missed },
      }),
    );
    return emitter.id;
  },
  listen(via, plainNames = []) {
    const names = plainNames.map(fromPlainName);
    if (via === 'on')
      offs.set(
        JSON.stringify(plainNames),
        emitter.on(names, (data) => seen(via, data)),
      );
    if (via === 'once') emitter.once(names).then((data) => seen(via, data));
    if (via === 'onAny') emitter.onAny((name, data) => seen(via, data, name));
    if (via === 'events') iterate(via, emitter.events(names));
    if (via === 'anyEvent') iterate(via, emitter.anyEvent());
  },
  off(plainNames) {
    offs.get(JSON.stringify(plainNames))?.();
  },
  clear() {
    emitter.clearListeners();
  },
  async ready() {
    await emitter.ready();
  },
  async emit(via, plainName, data) {
    await emitter[via](fromPlainName(plainName), data);
  },
  async emitMany(plainNames, count, { awaited, chunk }) {
    const names = plainNames.map(fromPlainName);
    for (let i = 0; i < count; i += 1) {
      const name = names[i % names.length];
      if (awaited) await emitter.emit(name, { from: emitter.id, sequence: i });
      else {
        void emitter.emit(name, { from: emitter.id, sequence: i });
        if ((i + 1) % chunk === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    }
  },
  // Counts instead of telling each: checks `{ sequence: 0 … count - 1 }` of each publisher, in order across the names,
  // and answers when the last of every publisher is in. `workMs` is how long each event keeps this process busy.
  expectSequence(plainNames, count, { publishers, workMs }) {
    const next = new Map();
    let received = 0;
    let disorder = 0;
    whole = new Promise((resolve) => {
      emitter.on(plainNames.map(fromPlainName), ({ from, sequence }) => {
        if (sequence !== (next.get(from) ?? 0)) disorder += 1;
        next.set(from, sequence + 1);
        received += 1;
        for (const until = performance.now() + workMs; performance.now() < until; );
        const ended = [...next.values()].filter((value) => value === count).length;
        if (sequence === count - 1 && ended === publishers) resolve({ received, disorder });
      });
    });
  },
  wholeSequence: () => whole,
  status: () => emitter.status,
  hosting: () => emitter.hosting,
  async close() {
    await emitter.close();
    process.disconnect();
  },
};

process.on('message', async ({ id, command, args }) => {
  try {
    const result = await commands[command](...args);
    if (process.connected) process.send({ id, result });
  } catch (error) {
    process.send?.({ id, failure: `${error.code ?? error.name}: ${error.message}` });
  }
});
process.on('disconnect', () => {});
process.send({ started: true });
