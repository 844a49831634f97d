// A process with any number of emitters that take part in presence, told over IPC what to do (see presence-peer.ts).
// It keeps a journal of who joined and left.
import { createDistributedEmitter } from 'demitter';

const emitters = [];
const journal = [];

const commands = {
  /** One emitter for each of the options; those that `watches` listen. Answers with their ids. */
  async create(allOptions, watches) {
    const made = await Promise.all(allOptions.map((options) => createDistributedEmitter(options)));
    for (const emitter of made) {
      emitters.push(emitter);
      emitter.on('distributed:error', ({ code }) => journal.push({ what: 'error', code, by: emitter.id }));
      if (!watches) continue;
      emitter.on('distributed:join', ({ id }) => journal.push({ what: 'join', id, by: emitter.id }));
      emitter.on('distributed:leave', ({ id, reason }) =>
        journal.push({ what: 'leave', id, reason, by: emitter.id }),
      );
    }
    return made.map(({ id }) => id);
  },
  /** Of each emitter, the ids that it sees. */
  async peers() {
    const all = await Promise.all(emitters.map((emitter) => emitter.peers()));
    return all.map((peers) => peers.map(({ id }) => id));
  },
  journal: () => journal,
  block(ms) {
    for (const until = performance.now() + ms; performance.now() < until; );
  },
  async close() {
    await Promise.all(emitters.map((emitter) => emitter.close()));
  },
};

process.on('message', async ({ id, command, args }) => {
  try {
    process.send({ id, result: await commands[command](...args) });
  } catch (error) {
    process.send({ id, failure: `${error.code ?? error.name}: ${error.message}` });
  }
});
process.send({ started: true });
