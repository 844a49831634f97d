// A process with any number of emitters that ask and answer, told over IPC what to do (see request-peer.ts). What was asked and
// heard is recorded as for other fault tests (fault-record.mjs); of each request it is checked here how it ended.
import { createDistributedEmitter } from 'demitter';
import { Published, Received } from './fault-record.mjs';

const members = new Map();
const unhandled = [];
process.on('unhandledRejection', (reason) => unhandled.push(String(reason)));

const lasting = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const inShort = ({ name, message, code, cause }) => ({ name, message, code, cause: cause?.message });

/** Makes one request, and keeps account of how it ended. */
const ask = async (member, name, options) => {
  const { emitter, published, outcomes } = member;
  const event = published.next(name);
  const began = performance.now();
  outcomes.made += 1;
  try {
    const { event: asked, by } = await emitter.request(name, event, options);
    if (asked?.u === event.u && asked.n === event.n && asked.p === emitter.id) {
      outcomes.answered += 1;
      outcomes.by[by] = (outcomes.by[by] ?? 0) + 1;
    } else outcomes.mixedUp += 1;
  } catch (error) {
    const what = error.code ?? String(error);
    outcomes.rejected[what] = (outcomes.rejected[what] ?? 0) + 1;
  }
  outcomes.longestMs = Math.max(outcomes.longestMs, performance.now() - began);
};

const commands = {
  async create(options) {
    const emitter = await createDistributedEmitter(options);
    const errors = {};
    emitter.on('distributed:error', ({ code }) => {
      errors[code] = (errors[code] ?? 0) + 1;
    });
    members.set(emitter.id, {
      emitter,
      errors,
      published: new Published(emitter.id),
      received: new Received(),
      outcomes: { made: 0, answered: 0, mixedUp: 0, rejected: {}, by: {}, longestMs: 0 },
      loads: [],
    });
    return emitter.id;
  },
  /** Answers requests of these names with what they were, after `workMs`. */
  async respond(id, names, workMs) {
    const { emitter, received } = members.get(id);
    for (const name of names)
      emitter.respond(name, async (event) => {
        received.take(name, event);
        if (workMs > 0) await lasting(workMs);
        return { event, by: id };
      });
    await emitter.ready();
  },
  /** Answers as `manner` says, and tells when it is asked. */
  async respondAs(id, name, manner) {
    const manners = {
      never: () => new Promise(() => {}),
      fail: () => {
        throw Object.assign(new RangeError('out of range', { cause: new Error('deep') }), {
          code: 'E_RANGE',
        });
      },
      pid: () => process.pid,
    };
    const { emitter } = members.get(id);
    emitter.respond(name, () => {
      process.send({ asked: id });
      return manners[manner]();
    });
    await emitter.ready();
  },
  async request(id, name, data, options) {
    try {
      return { value: await members.get(id).emitter.request(name, data, options) };
    } catch (error) {
      return { error: inShort(error) };
    }
  },
  async requestMany(id, name, data, options) {
    const answers = [];
    for await (const answer of members.get(id).emitter.requestMany(name, data, options))
      answers.push(
        answer.status === 'fulfilled' ? { ...answer } : { ...answer, reason: inShort(answer.reason) },
      );
    return answers;
  },
  /** All at once. */
  async flood(id, names, count, options) {
    const member = members.get(id);
    await Promise.all(Array.from({ length: count }, (_, i) => ask(member, names[i % names.length], options)));
    return member.outcomes;
  },
  /** So many requests in a second, until told to stop. */
  load(id, names, rate, options) {
    const member = members.get(id);
    const began = performance.now();
    let made = 0;
    member.timer = setInterval(() => {
      for (; made < ((performance.now() - began) / 1000) * rate; made += 1)
        member.loads.push(ask(member, names[made % names.length], options));
    }, 5);
  },
  /** Resolves when all have ended. */
  async stopLoad(id) {
    const member = members.get(id);
    clearInterval(member.timer);
    await Promise.all(member.loads);
    return member.outcomes;
  },
  published: (id) => members.get(id).published.report(),
  received: (id) => members.get(id).received.report(),
  errors: (id) => members.get(id).errors,
  unhandled: () => unhandled,
  block(ms) {
    for (const until = performance.now() + ms; performance.now() < until; );
  },
  /** A request, and then the event loop is blocked for longer than it may take. */
  async blockedRequest(id, name, data, { timeout, blockMs }) {
    const { emitter } = members.get(id);
    const request = emitter.request(name, data, { timeout });
    // It leaves with the end of this turn.
    await new Promise((resolve) => setImmediate(resolve));
    commands.block(blockMs);
    return request.then(
      (value) => ({ value }),
      (error) => ({ error: inShort(error) }),
    );
  },
  close: (id) => members.get(id).emitter.close(),
  /** Closes all, and lets the process end by itself. */
  async end() {
    await Promise.all([...members.values()].map(({ emitter }) => emitter.close()));
    process.disconnect();
  },
};

process.on('message', async ({ id, command, args }) => {
  try {
    const result = await commands[command](...args);
    if (process.connected) process.send({ id, result });
  } catch (error) {
    if (process.connected) process.send({ id, failure: `${error.code ?? error.name}: ${error.message}` });
  }
});
process.send({ started: true });
