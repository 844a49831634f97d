import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Outbox } from '../../src/delivery/sending/outbox.js';
import { Replayer } from '../../src/delivery/sending/replayer.js';
import { resolveOptions } from '../../src/options.js';
import {
  emptyHeader,
  formatPublisherId,
  HEADER_BYTES,
  type Header,
  MessageKind,
  readHeader,
} from '../../src/wire/batch.js';
import {
  decodeReplayed,
  decodeTails,
  type Replayed,
  type Request,
  type Tail,
} from '../../src/wire/recovery.js';
import { encodeTopic, inboxTopic } from '../../src/wire/topic.js';
import { outboxRecords } from '../support/outbox-records.js';

const PUBLISHER = 42;
const REQUESTER = 7;
const KIB = 1024;

const topic = (name: PropertyKey) => encodeTopic(name) as Buffer;
const turn = () => new Promise((resolve) => setImmediate(resolve));

interface Received extends Header {
  readonly requester: number;
  readonly body: Buffer;
}

/** A publisher whose receivers got nothing of what it sent, and what it answers them. */
function publisher({ historyBytes = 1e9, historyAge = 1e9, maxBatchBytes = 1 } = {}) {
  let clock = 1_000_000;
  const now = () => clock;
  const records = outboxRecords(now, { historyBytes, historyAge });
  const sent: Buffer[] = [];
  const batches = {
    unconfirmedBytes: 0,
    send: (message: Buffer) => sent.push(message) > 0,
    flush() {},
  };
  const limits = { maxEventBytes: 1e8, maxBufferBytes: 1e9, highWaterMark: 1e9, maxBatchBytes };
  const outbox = new Outbox({ publisher: PUBLISHER, now, timeAt: () => 0, ...limits }, batches, records);
  outbox.setLinkOpen(true);
  const answers: Received[] = [];
  const link = {
    /** Bytes it takes before it says that it is full. */
    room: Number.POSITIVE_INFINITY,
    send(message: Buffer): boolean {
      const end = message.indexOf(0) + 1;
      const header = emptyHeader();
      expect(readHeader(message, end, header)).toBeUndefined();
      const requester = Number.parseInt(message.toString('latin1', 1, end - 1), 16);
      answers.push({ ...header, requester, body: message.subarray(end + HEADER_BYTES) });
      this.room -= message.length;
      return this.room > 0;
    },
    flush() {},
  };
  const replayer = new Replayer(PUBLISHER, records.history, records.publications, link, now);
  replayer.resume();
  return {
    ...records,
    replayer,
    outbox,
    link,
    sent,
    answers,
    /** One batch, which is the `sent.length`th. */
    send(name: PropertyKey, value: unknown = null): void {
      outbox.push(name, value);
      outbox.flush();
      records.tailMarker.stop();
      // Nobody acknowledges anything here.
      outbox.forgetReceivers();
    },
    wait(ms: number): void {
      clock += ms;
    },
    /** A request's whole answer. */
    async ask(request: Partial<Request> = {}) {
      answers.length = 0;
      replayer.request(REQUESTER, 5, { ...EVERYTHING, ...request });
      while (answers.at(-1)?.kind !== MessageKind.replayed) await turn();
      return read(answers);
    },
  };
}

/** As `toEqual`, which takes long to compare megabytes. */
function expectSame(messages: readonly Buffer[], expected: readonly Buffer[]): void {
  const sequenceOf = (message: Buffer) => {
    const header = emptyHeader();
    expect(readHeader(message, message.indexOf(0) + 1, header)).toBeUndefined();
    return header.sequence;
  };
  expect(messages.map(sequenceOf)).toEqual(expected.map(sequenceOf));
  expect(messages.every((message, i) => message.equals(expected[i] as Buffer))).toBe(true);
}

const EVERYTHING: Request = { after: 0, before: 0, maxAgeMs: Number.POSITIVE_INFINITY, topics: [] };

/** What a receiver makes of an answer. */
function read(answers: readonly Received[]) {
  const replays = answers.filter(({ kind }) => kind === MessageKind.replay);
  const tails: Tail[] = answers
    .filter(({ kind }) => kind === MessageKind.tails)
    .flatMap(({ body }) => decodeTails(body) as Tail[]);
  const last = answers.at(-1) as Received;
  const end = (last.kind === MessageKind.replayed ? decodeReplayed(last.body) : undefined) as Replayed;
  return { replays, messages: replays.map(({ body }) => body), tails, end };
}

describe('a request', () => {
  test('is answered with the messages themselves, in order, and where that ends', async () => {
    const { send, sent, wait, ask, answers } = publisher();
    for (let i = 0; i < 5; i += 1) {
      send('a', i);
      wait(100);
    }
    const { messages, replays, end } = await ask({ after: 1, before: 5 });
    expect(messages).toEqual(sent.slice(1, 4));
    expect(replays).toMatchObject(
      [0, 1, 2].map((index) => ({
        requester: REQUESTER,
        publisher: PUBLISHER,
        sequence: 5,
        previous: index,
        elapsed: 4000 - index * 1000,
      })),
    );
    expect(answers.at(-1)).toMatchObject({ requester: REQUESTER, publisher: PUBLISHER, sequence: 5 });
    expect(end).toEqual({ through: 4, gone: 0, last: 5, replays: 3 });
  });

  test('gets the names it asks for, and unknown ones match nothing', async () => {
    const { send, sent, ask } = publisher();
    for (let i = 0; i < 30; i += 1) send(i % 3, i);
    const { messages, end } = await ask({
      topics: [topic(1), topic('1'), topic('x'), Buffer.from('e'), Buffer.alloc(0)],
    });
    expect(messages).toEqual(sent.filter((_, i) => i % 3 === 1));
    expect(end).toEqual({ through: 30, gone: 0, last: 30, replays: 10 });
    expect((await ask({ topics: [topic('x')] })).end).toEqual({ through: 30, gone: 0, last: 30, replays: 0 });
  });

  test('gets 10,000 names', async () => {
    const { send, sent, ask } = publisher();
    for (let i = 0; i < 500; i += 1) send(i * 100);
    const topics = Array.from({ length: 10_000 }, (_, i) => topic(i));
    expect((await ask({ topics })).messages).toEqual(sent.slice(0, 100));
  });

  test('gets what is young enough', async () => {
    const { send, sent, wait, ask } = publisher();
    for (let i = 0; i < 10; i += 1) {
      send('a', i);
      wait(100);
    }
    expect((await ask({ maxAgeMs: 350 })).messages).toEqual(sent.slice(7));
    expect((await ask({ maxAgeMs: 350, after: 8 })).messages).toEqual(sent.slice(8));
    expect((await ask({ maxAgeMs: 50 })).end).toEqual({ through: 10, gone: 0, last: 10, replays: 0 });
  });

  test.each<[string, Partial<Request>, number]>([
    ['after the last', { after: 10 }, 10],
    ['far after the last', { after: Number.MAX_SAFE_INTEGER }, 10],
    ['before something that was not sent', { after: 10, before: 12 }, 10],
    ['before everything', { before: 1 }, 0],
    ['before what it is after', { after: 7, before: 3 }, 2],
    ['after what is right before', { after: 7, before: 8 }, 7],
    ['between numbers beyond all', { after: 2 ** 52, before: Number.MAX_SAFE_INTEGER }, 10],
  ])('%s gets nothing', async (_, request, through) => {
    const { send, ask } = publisher();
    for (let i = 0; i < 10; i += 1) send('a', i);
    expect(await ask(request)).toMatchObject({
      messages: [],
      tails: [],
      end: { through, gone: 0, last: 10 },
    });
  });

  test('is answered before anything was sent', async () => {
    const { ask } = publisher();
    expect((await ask()).end).toEqual({ through: 0, gone: 0, last: 0, replays: 0 });
  });

  test('that asks for too much gets it in chunks, and asks again', async () => {
    const { send, sent, ask } = publisher();
    for (let i = 0; i < 3000; i += 1) send(i % 2, i);
    for (const value of [1, 2, 3]) send(value, Buffer.alloc(600 * KIB));
    const got: Buffer[] = [];
    const chunks: number[] = [];
    for (let after = 0; after < sent.length; ) {
      const { messages, end } = await ask({ after });
      got.push(...messages);
      chunks.push(messages.length);
      after = end.through;
    }
    expectSame(got, sent);
    expect(chunks).toEqual([1024, 1024, 954, 1]);
  });

  test('that a long history has little for says how far it was looked through', async () => {
    const { send, sent, ask } = publisher();
    for (let i = 0; i < 70_000; i += 1) send(i === 69_999 ? 'rare' : 'common');
    const first = await ask({ topics: [topic('rare')] });
    expect(first).toMatchObject({ messages: [], end: { through: 65_536, gone: 0, last: 70_000 } });
    const second = await ask({ topics: [topic('rare')], after: first.end.through });
    expect(second.messages).toEqual(sent.slice(-1));
    expect(second.end.through).toBe(70_000);
  });
});

describe('what is not in the history any more', () => {
  /** 40 batches `i % 4`, of which the last 20 or fewer are kept. */
  const forgetful = () => {
    const made = publisher({ historyBytes: 2048 * KIB });
    for (let i = 0; i < 40; i += 1) {
      made.send(i < 10 ? i % 4 : 4 + (i % 4), Buffer.alloc(100 * KIB));
      made.wait(100);
    }
    return made;
  };

  test('is told, with how far the names came that ended there', async () => {
    const { ask, sent, history } = forgetful();
    const { first } = history;
    expect(first).toBeGreaterThan(15);
    const { messages, tails, end } = await ask();
    expect(messages.length).toBeGreaterThan(0);
    expectSame(messages, sent.slice(first - 1, first - 1 + messages.length));
    expect(end).toMatchObject({ gone: first - 1, last: 40 });
    expect(tails.map(({ topic: bytes, sequence, position }) => [bytes, sequence, position])).toEqual([
      [topic(0), 9, 3],
      [topic(1), 10, 3],
      [topic(2), 7, 2],
      [topic(3), 8, 2],
    ]);
    expect(tails[0]?.elapsed).toBe(10 * 100 * (40 - 8));
  });

  test('is told of the range and the names that were asked for', async () => {
    const { ask, history } = forgetful();
    expect(await ask({ before: 9 })).toMatchObject({ messages: [], end: { through: 8, gone: 8 } });
    expect((await ask({ before: 9 })).tails.map(({ sequence }) => sequence)).toEqual([7, 8]);
    expect((await ask({ after: 8, topics: [topic(0), topic(4)] })).tails).toMatchObject([{ sequence: 9 }]);
    expect((await ask({ after: history.first - 1 })).end.gone).toBe(0);
    expect((await ask({ after: 39 })).end).toEqual({ through: 40, gone: 0, last: 40, replays: 1 });
  });

  test('counts if it was young enough', async () => {
    const { ask, history, wait } = forgetful();
    const ageOfGone = 100 * (40 - history.first + 2);
    wait(1);
    expect((await ask({ maxAgeMs: ageOfGone })).end).toMatchObject({ gone: 0 });
    const older = await ask({ maxAgeMs: ageOfGone + 1 });
    expect(older.end).toMatchObject({ gone: history.first - 1 });
    expect(older.tails).toEqual([]);
  });

  test('is forgotten by age when it is asked for', async () => {
    const { send, sent, ask, wait } = publisher({ historyAge: 1000 });
    send('a');
    wait(900);
    send('a');
    wait(200);
    expect(await ask()).toMatchObject({ messages: sent.slice(1), end: { through: 2, gone: 1, last: 2 } });
    wait(5000);
    expect(await ask()).toMatchObject({
      messages: [],
      tails: [{ sequence: 2, position: 2 }],
      end: { through: 2, gone: 2 },
    });
  });

  test('is everything with no history', async () => {
    const { send, ask } = publisher({ historyBytes: 0 });
    send('a');
    send('b');
    expect(await ask()).toMatchObject({
      messages: [],
      tails: [{}, {}],
      end: { through: 2, gone: 2, last: 2 },
    });
  });

  test('is told even if it went while the answer waited for the link', async () => {
    const { send, sent, replayer, link, answers, history } = publisher({ historyBytes: 2048 * KIB });
    for (let i = 0; i < 10; i += 1) send('a', Buffer.alloc(100 * KIB));
    link.room = 0;
    replayer.request(REQUESTER, 5, EVERYTHING);
    await turn();
    expect(answers).toHaveLength(1);
    for (let i = 0; i < 25; i += 1) send('a', Buffer.alloc(100 * KIB));
    expect(history.first).toBeGreaterThan(10);
    link.room = 1e9;
    replayer.resume();
    while (answers.at(-1)?.kind !== MessageKind.replayed) await turn();
    const { messages, end } = read(answers);
    expectSame(messages, sent.slice(0, 1));
    expect(end).toEqual({ through: 10, gone: 10, last: 10, replays: 1 });
  });
});

describe('the link', () => {
  const filled = () => {
    const made = publisher();
    for (let i = 0; i < 900; i += 1) made.send('a', Buffer.alloc(KIB));
    return made;
  };
  const settle = async () => {
    for (let i = 0; i < 100; i += 1) await turn();
  };

  test('gets no more than a slice at a time when it is full', async () => {
    const { replayer, link, answers } = filled();
    link.room = 0;
    replayer.request(REQUESTER, 5, EVERYTHING);
    await settle();
    const slice = answers.length;
    expect(slice).toBeLessThan(64);
    replayer.resume();
    await settle();
    expect(answers).toHaveLength(2 * slice);
    link.room = 1e9;
    replayer.resume();
    await settle();
    expect(read(answers).end.replays).toBe(900);
  });

  test('is shared by all requesters', async () => {
    const { replayer, answers } = filled();
    for (const requester of [1, 2, 3]) replayer.request(requester, 5, EVERYTHING);
    await turn();
    await turn();
    await turn();
    expect(new Set(answers.map(({ requester }) => requester))).toEqual(new Set([1, 2, 3]));
    await settle();
    for (const requester of [1, 2, 3]) {
      expect(read(answers.filter((answer) => answer.requester === requester)).end.replays).toBe(900);
    }
  });

  test('does not get the rest of an answer that is asked for anew', async () => {
    const { replayer, answers } = filled();
    replayer.request(REQUESTER, 5, EVERYTHING);
    await turn();
    replayer.request(REQUESTER, 6, { ...EVERYTHING, after: 800 });
    await settle();
    const { sequence, body } = answers.at(-1) as Received;
    expect([sequence, decodeReplayed(body)?.replays]).toEqual([6, 100]);
    expect(answers.filter((answer) => answer.kind === MessageKind.replayed)).toHaveLength(1);
    expect(answers.length).toBeLessThan(200);
  });

  test('gets an answer that is under way once, however often it is asked for', async () => {
    const { replayer, answers } = filled();
    replayer.request(REQUESTER, 5, EVERYTHING);
    await turn();
    replayer.request(REQUESTER, 5, { ...EVERYTHING, after: 1 });
    await settle();
    expect(read(answers).end.replays).toBe(900);
    expect(answers).toHaveLength(901);
  });

  test('gets nothing while it is down, nor after it what was asked before', async () => {
    const { replayer, answers } = filled();
    replayer.request(REQUESTER, 5, EVERYTHING);
    replayer.clear();
    replayer.request(8, 5, EVERYTHING);
    await settle();
    replayer.resume();
    await settle();
    expect(answers).toEqual([]);
  });

  test('gets no answers of more requesters than a publisher can have', async () => {
    const { replayer, answers, send } = publisher();
    send('a');
    for (let i = 0; i < 5000; i += 1) replayer.request(i, 1, EVERYTHING);
    for (let i = 0; i < 20; i += 1) await settle();
    expect(answers).toHaveLength(2 * 1024);
  });
});

describe('an inquiry', () => {
  test('is answered with the names that something was sent under lately', async () => {
    const { send, wait, replayer, answers } = publisher();
    send('old');
    wait(10_000);
    send('a');
    send('a');
    wait(1000);
    send('b');
    wait(1000);
    replayer.inquiry(REQUESTER, [], 5000);
    await turn();
    expect(answers).toMatchObject([{ kind: MessageKind.tails, requester: REQUESTER, publisher: PUBLISHER }]);
    expect(read(answers).tails).toMatchObject([
      { topic: topic('a'), sequence: 3, position: 2, elapsed: 20_000 },
      { topic: topic('b'), sequence: 4, position: 1, elapsed: 10_000 },
    ]);
    answers.length = 0;
    replayer.inquiry(REQUESTER, [topic('a'), topic('old')], 5000);
    await turn();
    expect(read(answers).tails).toMatchObject([{ topic: topic('a') }]);
  });

  test('is answered for when it came, however long it waits for its turn', async () => {
    const { replayer, answers, send, wait } = publisher();
    send('a');
    wait(500);
    replayer.inquiry(REQUESTER, [], 600);
    wait(60_000);
    await turn();
    expect(read(answers).tails).toHaveLength(1);
  });

  test('is not answered if there is nothing', async () => {
    const { send, wait, replayer, answers } = publisher();
    send('a');
    wait(10_000);
    replayer.inquiry(REQUESTER, [], 5000);
    replayer.inquiry(8, [topic('b')], 1e9);
    await turn();
    await turn();
    await turn();
    expect(answers).toEqual([]);
  });

  test('counts from when it was sent, not from when it was emitted', async () => {
    const { outbox, wait, replayer, answers, tailMarker } = publisher();
    outbox.setLinkOpen(false);
    outbox.push('a', 1);
    outbox.flush();
    replayer.inquiry(REQUESTER, [], 1e9);
    await turn();
    expect(answers).toEqual([]);
    wait(60_000);
    outbox.setLinkOpen(true);
    tailMarker.stop();
    replayer.inquiry(REQUESTER, [], 1000);
    await turn();
    expect(read(answers).tails).toMatchObject([{ sequence: 1, position: 1, elapsed: 600_000 }]);
  });

  test('about very many names is answered in messages that every transport takes', async () => {
    const { send, replayer, answers } = publisher();
    for (let i = 0; i < 10_000; i += 1) send(`a name of ${i}`);
    replayer.inquiry(REQUESTER, [], 5000);
    for (let i = 0; i < 50; i += 1) await turn();
    const { maxMessageBytes } = resolveOptions({ maxEventBytes: 1, maxBatchBytes: 1 }, {});
    const overhead = inboxTopic(formatPublisherId(REQUESTER)).length + HEADER_BYTES;
    expect(Math.max(...answers.map(({ body }) => overhead + body.length))).toBeLessThanOrEqual(
      maxMessageBytes,
    );
    expect(answers.length).toBeLessThan(10);
    expect(new Set(read(answers).tails.map(({ sequence }) => sequence)).size).toBe(10_000);
  });
});

test('whatever is asked for, the answers say what is there', async () => {
  const ranges = fc.record({
    after: fc.oneof(fc.nat(60), fc.maxSafeNat()),
    before: fc.oneof(fc.nat(60), fc.maxSafeNat()),
    maxAgeMs: fc.oneof(fc.nat(6000), fc.constant(Number.POSITIVE_INFINITY)),
    topics: fc.array(fc.nat(5).map(topic), { maxLength: 3 }),
  });
  const { send, sent, wait, ask, history } = publisher({ historyBytes: 2048 * KIB });
  for (let i = 0; i < 50; i += 1) {
    send(i % 7, Buffer.alloc(60 * KIB));
    wait(100);
  }
  const { first } = history;
  expect(first).toBeGreaterThan(10);
  await fc.assert(
    fc.asyncProperty(ranges, async (request) => {
      const { messages, end } = await ask(request);
      const { after, before, maxAgeMs, topics } = request;
      const stop = before === 0 ? 51 : Math.min(before, 51);
      const asked = sent
        .map((message, i) => ({ message, sequence: i + 1, name: topic(i % 7), age: (50 - i) * 100 }))
        .filter(({ sequence, age }) => sequence > after && sequence < stop && age <= maxAgeMs);
      const mine = asked.filter(({ name }) => topics.length === 0 || topics.some((one) => one.equals(name)));
      const kept = mine.filter(({ sequence }) => sequence >= first && sequence <= end.through);
      expectSame(
        messages,
        kept.map(({ message }) => message),
      );
      // How old each of those was that are gone, nobody knows any more: only the newest one.
      const gone = (50 - (first - 1) + 1) * 100 <= maxAgeMs ? Math.min(first, stop) - 1 : 0;
      expect(end.gone).toBe(gone > after ? gone : 0);
      expect(end.through === stop - 1 || messages.length > 10).toBe(true);
    }),
    { numRuns: 200 },
  );
});
