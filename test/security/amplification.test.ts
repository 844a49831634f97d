/**
 * A stranger must not make an emitter send, or work, much more than he sends himself: of each message that asks for
 * something, what it costs in the worst case, and in the long run.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { History } from '../../src/delivery/sending/history.js';
import { Publications } from '../../src/delivery/sending/publications.js';
import { Replayer } from '../../src/delivery/sending/replayer.js';
import { TokenBucket } from '../../src/delivery/token-bucket.js';
import { buildMessage, FLAG_ACKNOWLEDGE, FLAG_ANSWERS, MessageKind } from '../../src/wire/batch.js';
import { packPayload } from '../../src/wire/payload.js';
import { encodeRequest, encodeTails, encodeTopics } from '../../src/wire/recovery.js';
import { makeSpace } from '../../src/wire/space.js';
import {
  allEmittersTopic,
  encodeTopic,
  inboxTopic,
  presenceTopic,
  probeTopic,
  retainedTopic,
} from '../../src/wire/topic.js';
import { byForm, tellFigures } from '../support/fault-form.js';
import { RawBus } from '../support/raw-bus.js';

const MIB = 1024 * 1024;
const topic = encodeTopic('a') as Buffer;

/** Turns of the event loop in which nothing more is sent mean that all was. */
async function quiet(bus: RawBus): Promise<void> {
  for (let still = 0; still < 20; ) {
    const sent = bus.sentMessages;
    await new Promise((resolve) => setImmediate(resolve));
    still = bus.sentMessages === sent ? still + 1 : 0;
  }
}

describe('what a message makes an emitter send, per byte of it', () => {
  const MESSAGES = byForm({ short: 2000, long: 20_000 });

  test.each<[string, number, (i: number, id: string) => Buffer]>([
    [
      'batches that ask to be acknowledged',
      1.5,
      (i) =>
        buildMessage(
          topic,
          { kind: MessageKind.batch, flags: FLAG_ACKNOWLEDGE, publisher: 1e6 + i, sequence: 1 },
          packPayload(1),
        ),
    ],
    [
      // Each is asked up to eight times, in 15 s.
      'gaps of invented publishers',
      20,
      (i) =>
        buildMessage(
          topic,
          { kind: MessageKind.batch, flags: FLAG_ANSWERS, publisher: 1e6 + i, sequence: 9, previous: 8 },
          packPayload(1),
        ),
    ],
    [
      // Each is asked up to eight times, in 15 s.
      'tails of invented publishers',
      20,
      (i) =>
        buildMessage(topic, {
          kind: MessageKind.tail,
          flags: FLAG_ANSWERS,
          publisher: 1e6 + i,
          sequence: 9,
          position: 9,
        }),
    ],
    [
      'lists of tails',
      2,
      (i, id) =>
        buildMessage(
          inboxTopic(id),
          { kind: MessageKind.tails, publisher: 1e6 + i },
          encodeTails([{ topic, sequence: 9, position: 9, elapsed: 0 }]),
        ),
    ],
    [
      'requests for what was never sent',
      1.5,
      (i, id) =>
        buildMessage(
          inboxTopic(id),
          { kind: MessageKind.request, publisher: 1e6 + i, sequence: i },
          encodeRequest({ after: Number.MAX_SAFE_INTEGER, before: 0, maxAgeMs: 0, topics: [] }),
        ),
    ],
    ['probes', 0.1, (i, id) => buildMessage(probeTopic(id, i), { kind: MessageKind.probe, publisher: 9 })],
    [
      'roll calls',
      0.1,
      (i) => buildMessage(presenceTopic('rollCalls'), { kind: MessageKind.rollCall, publisher: 1e6 + i }),
    ],
    [
      'beats of invented peers',
      0.2,
      (i) => buildMessage(presenceTopic('news'), { kind: MessageKind.beat, publisher: 1e6 + i }),
    ],
    [
      'words of holders',
      0.1,
      (i) => buildMessage(allEmittersTopic(), { kind: MessageKind.holder, publisher: 1e6 + i }),
    ],
    [
      'questions for values that are not retained',
      1.5,
      (i) =>
        buildMessage(
          retainedTopic(),
          { kind: MessageKind.retainedQuery, publisher: 1e6 + i, sequence: 1 },
          encodeTopics([topic]),
        ),
    ],
    [
      'goodbyes to a request, again and again',
      0.5,
      (_, id) =>
        buildMessage(
          encodeTopic(id, makeSpace('reply')) as Buffer,
          { kind: MessageKind.volatile, publisher: 9 },
          packPayload([1, 2, null]),
        ),
    ],
    [
      'questions after requests that nobody made',
      0.1,
      (i) =>
        buildMessage(
          encodeTopic('q', makeSpace('request')) as Buffer,
          { kind: MessageKind.volatile, publisher: 1e6 + i },
          packPayload([1]),
        ),
    ],
  ])('%s: at most %d bytes', async (what, max, messageOf) => {
    await using bus = await RawBus.start();
    const { emitter } = await bus.emitter({ name: 'target' });
    emitter.on('a', () => {});
    emitter.on('distributed:join', () => {});
    emitter.respond('q', () => 1);
    await emitter.emit('kept', 1, { retain: true });
    emitter.request('nobody answers', 1, { timeout: 0 }).catch(() => {});
    await emitter.ready();
    await quiet(bus);
    const sent = bus.sentBytes;
    let injected = 0;
    for (let i = 0; i < MESSAGES; i += 1) {
      const message = messageOf(i, emitter.id);
      injected += message.length;
      bus.inject(message);
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await quiet(bus);
    const ratio = (bus.sentBytes - sent) / injected;
    tellFigures(what, { 'sent per byte received': ratio.toFixed(2) });
    expect(ratio).toBeLessThan(max);
  });

  test('gaps of invented publishers, where questions are long: bounded in a second', async () => {
    await using bus = await RawBus.start();
    const { emitter } = await bus.emitter();
    emitter.on('a', () => {});
    for (let i = 0; i < 300; i += 1) emitter.on(`${'name'.repeat(10)}${i}`, () => {});
    await emitter.ready();
    const sent = bus.sentBytes;
    for (let i = 0; i < 4000; i += 1) {
      const header = { flags: FLAG_ANSWERS, publisher: 1e6 + i, sequence: 9, previous: 8 };
      bus.inject(buildMessage(topic, { kind: MessageKind.batch, ...header }, packPayload(1)));
    }
    await quiet(bus);
    // 56 MiB without a limit, and several times that in 15 s.
    expect(bus.sentBytes - sent).toBeLessThan(40 * MIB);
  });

  test('an inquiry about very many names, from very many: bounded in a second', async () => {
    await using bus = await RawBus.start();
    const { emitter } = await bus.emitter();
    for (let i = 0; i < 20_000; i += 1) void emitter.emit(`name:${i}`, i);
    await emitter.ready();
    await quiet(bus);
    const sent = bus.sentBytes;
    const start = performance.now();
    for (let i = 0; i < 3000; i += 1) {
      bus.inject(
        buildMessage(
          inboxTopic(emitter.id),
          { kind: MessageKind.inquiry, publisher: 1e6 + i, elapsed: 2 ** 32 - 1 },
          encodeTopics([]),
        ),
      );
    }
    // 2,400 MB without a limit.
    while (performance.now() - start < 1500) await new Promise((resolve) => setImmediate(resolve));
    expect(bus.sentBytes - sent).toBeLessThan(1200 * MIB);
  });
});

describe('answers have a budget', () => {
  beforeEach(() => {
    vi.useFakeTimers({
      toFake: ['performance', 'setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'],
    });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function setUp() {
    const now = () => performance.now();
    const sent = { bytes: 0, messages: 0 };
    const link = {
      send(message: Buffer) {
        sent.bytes += message.length;
        sent.messages += 1;
        return true;
      },
      flush() {},
    };
    const history = new History({ historyBytes: 0, historyAge: 60_000 }, now);
    const replayer = new Replayer(1, history, new Publications(), link, now);
    replayer.resume();
    const message = Buffer.alloc(64 * 1024);
    const answer = (requester: number, key: string, mebibytes: number) =>
      replayer.answer(key, {
        requester,
        topics: 0,
        *answer() {
          for (let i = 0; i < mebibytes * 16; i += 1) yield message;
        },
      });
    const run = async (ms: number) => {
      await vi.advanceTimersByTimeAsync(ms);
    };
    return { replayer, sent, answer, run };
  }

  test('of one requester: a history twice at once, and then a share', async () => {
    const { sent, answer, run, replayer } = setUp();
    for (let i = 0; i < 1000; i += 1) {
      answer(7, 'request 7', 1);
      await run(10);
    }
    // 256 MiB, and 32 MiB in each of ten seconds.
    expect(sent.bytes / MIB).toBeGreaterThan(500);
    expect(sent.bytes / MIB).toBeLessThan(600);
    // Another one is not concerned.
    const { bytes } = sent;
    answer(8, 'request 8', 1);
    await run(100);
    expect(sent.bytes - bytes).toBe(MIB);
    replayer.clear();
  });

  test('a receiver that comes back after 30 s of 40,000 events a second gets all of it at once', async () => {
    const { sent, answer, run, replayer } = setUp();
    for (let i = 0; i < 160; i += 1) {
      answer(7, 'request 7', 1);
      await run(17);
    }
    expect(sent.bytes).toBe(160 * MIB);
    replayer.clear();
  });

  test('a hundred receivers that come back at once are all served', async () => {
    const { sent, answer, run, replayer } = setUp();
    for (let i = 0; i < 100; i += 1) answer(i, `request ${i}`, 1);
    await run(100 * 17);
    expect(sent.bytes).toBe(100 * MIB);
    replayer.clear();
  });

  test('in all, under however many invented ids', async () => {
    const { sent, answer, run, replayer } = setUp();
    for (let i = 0; i < 20_000; i += 1) {
      answer(i, `request ${i}`, 1);
      if (i % 100 === 0) await run(100);
    }
    // 1 GiB, and 64 MiB in each of 20 seconds.
    expect(sent.bytes / MIB).toBeLessThan(2500);
    replayer.clear();
  });
});

test('a budget comes back by time, up to its limit', () => {
  let now = 0;
  const bucket = new TokenBucket({ burst: 100, perSecond: 10 }, () => now);
  expect(bucket.waitMs).toBe(0);
  bucket.spend(150);
  expect(bucket.waitMs).toBeCloseTo(5100);
  now = 5100;
  expect(bucket.waitMs).toBe(0);
  now = 1e9;
  bucket.spend(99);
  expect(bucket.waitMs).toBe(0);
  bucket.spend(1);
  expect(bucket.waitMs).toBeGreaterThan(0);
});
