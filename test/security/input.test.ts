/**
 * Each of these once cost a receiver far more than what was sent to it, or would have: memory, time, what it remembers of
 * others. The random search for more is fuzz.test.ts.
 */
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Roster } from '../../src/delivery/presence/roster.js';
import { emptyAudience } from '../../src/delivery/sending/audience.js';
import { Pacer } from '../../src/delivery/sending/pacer.js';
import { buildMessage, FLAG_ANSWERS, MessageKind } from '../../src/wire/batch.js';
import { PayloadError, packPayload, unpackPayloads } from '../../src/wire/payload.js';
import { encodeAnnouncement } from '../../src/wire/presence.js';
import { decodeTopics, encodeReplayed, encodeTopics } from '../../src/wire/recovery.js';
import { makeSpace } from '../../src/wire/space.js';
import { decodeTopic, encodeTopic, inboxTopic, retainedTopic } from '../../src/wire/topic.js';
import { caughtUp } from '../support/caught-up.js';
import { RawBus } from '../support/raw-bus.js';
import { usedMemory } from '../support/used-memory.js';

const MIB = 1024 * 1024;

afterEach(() => {
  vi.useRealTimers();
});

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

/** An array of `count` times `item`. */
function many(item: Buffer, count: number): Buffer {
  const header = hex('dd 00000000');
  header.writeUInt32BE(count, 1);
  return Buffer.concat([header, Buffer.alloc(count * item.length, item)]);
}

/** An array of these, in an extension of this type. */
function collection(type: number, items: readonly Buffer[]): Buffer {
  const body = Buffer.concat([many(Buffer.alloc(0), items.length), ...items]);
  const header = Buffer.alloc(6, type);
  header[0] = 0xc9;
  header.writeUInt32BE(body.length, 1);
  return Buffer.concat([header, body]);
}

/** CPU time in milliseconds. */
function cost(call: () => void): number {
  const before = process.cpuUsage();
  call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function tryToUnpack(bytes: Buffer, count = 1): unknown[] | undefined {
  try {
    return unpackPayloads(bytes, 0, count);
  } catch (error) {
    expect(error).toBeInstanceOf(PayloadError);
    return undefined;
  }
}

describe('values', () => {
  test.each([
    ['empty Buffers', 'c400'],
    ['empty objects', '80'],
    ['empty arrays', '90'],
    ['arrays of one', '9101'],
    ['objects of one', '81a16101'],
    ['objects with an index that makes room for a thousand', '81a43130323301'],
    ['the same, each time with another index', '81a43130323201'],
    ['empty Maps', 'd44d90'],
    ['empty Sets', 'd45390'],
    ['empty Errors', 'c7034592 8080'],
    ['empty RegExps', 'c7035292a0a0'],
    ['empty typed arrays', 'd47408'],
    ['empty ArrayBuffers', 'd47410'],
    ['strings of two', 'a26162'],
    ['BigInts', 'd44201'],
    ['invalid Dates', 'd44400'],
  ])('6 MiB of %s do not fill the memory', (_what, text) => {
    const item = hex(text);
    const bytes = many(item, Math.floor((6 * MIB) / item.length));
    const before = process.memoryUsage();
    const values = tryToUnpack(bytes);
    const after = process.memoryUsage();
    const bytesUsed = after.heapUsed + after.external - before.heapUsed - before.external;
    expect(bytesUsed).toBeLessThan(450 * MIB);
    expect(values?.length).not.toBe(0);
  });

  test.each([
    ['a Set', 0x53, 1],
    ['a Map', 0x4d, 2],
  ])('%s whose keys all have the same hash stops nobody', (_what, type, perKey) => {
    const key = (i: number): Buffer => {
      const bytes = Buffer.alloc(19);
      hex('c71042').copy(bytes);
      // BigInts that differ in their upper half.
      bytes.writeUInt32BE(i + 1, 7);
      return bytes;
    };
    const items = Array.from({ length: 50_000 }, (_, i) => Array<Buffer>(perKey).fill(key(i))).flat();
    const bytes = collection(type, items);
    expect(cost(() => expect(() => unpackPayloads(bytes, 0, 1)).toThrow(/made to collide/))).toBeLessThan(
      2000,
    );
    // Nor do many small ones.
    const small = collection(type, items.slice(0, 4000 * perKey));
    const message = Buffer.concat(Array<Buffer>(50).fill(small));
    expect(cost(() => tryToUnpack(message, 50))).toBeLessThan(2000);
  });

  test('large Maps and Sets of other keys are taken', () => {
    const numbers = Array.from({ length: 200_000 }, (_, i) => Math.sin(i) * 1e9);
    for (const keys of [
      numbers,
      numbers.map(Math.round),
      numbers.map(String),
      numbers.map((n) => BigInt(Math.round(n))),
    ]) {
      const set = Buffer.from(packPayload(new Set<unknown>(keys)));
      const map = Buffer.from(packPayload(new Map(keys.map((key, i) => [key as unknown, i]))));
      const [members, entries] = unpackPayloads(Buffer.concat([set, map]), 0, 2) as [
        Set<unknown>,
        Map<unknown, unknown>,
      ];
      expect([members.size, entries.size]).toEqual(Array(2).fill(new Set<unknown>(keys).size));
    }
  });

  test('keys of very many characters, which all have the same hash, are few', () => {
    const keys = Array.from({ length: 1000 }, (_, i) => `${'k'.repeat(16_380)}${i + 1000}`);
    const object = Buffer.from(packPayload(Object.fromEntries(keys.map((key) => [key, 1]))));
    const set = Buffer.from(packPayload(new Set(keys)));
    for (const bytes of [object, set]) expect(() => unpackPayloads(bytes, 0, 1)).toThrow(/very long/);
    const few = Object.fromEntries(keys.slice(0, 60).map((key) => [key, 1]));
    expect(unpackPayloads(Buffer.from(packPayload(few)), 0, 1)).toEqual([few]);
  });

  test('an Error can always be shown', () => {
    const gadget = hex('82 a8746f537472696e67 01 a776616c75654f66 01');
    for (const name of ['name', 'message', 'stack']) {
      const entry = Buffer.concat([hex('81'), Buffer.from(packPayload(name)), gadget]);
      for (const body of [
        [hex('92'), entry, hex('80')],
        [hex('9280'), entry],
      ]) {
        const parts = Buffer.concat(body);
        const bytes = Buffer.concat([Buffer.of(0xc7, parts.length, 0x45), parts]);
        expect(() => unpackPayloads(bytes, 0, 1)).toThrow(/cannot be shown/);
      }
    }
    const odd = Object.assign(new Error('odd'), { message: { a: 1 }, name: 5, code: { toString: 1 } });
    const [received] = unpackPayloads(Buffer.from(packPayload(odd)), 0, 1);
    expect(inspect(received)).toContain('[object Object]');
  });

  test('RegExps that are slow to compile come in small numbers', () => {
    // Only one is compiled here, and made into others, which nothing has compiled before.
    const one = Buffer.from(packPayload(new RegExp(`${'\\p{L}'.repeat(1000)}000`, 'u')));
    const bytes = Buffer.concat(
      Array.from({ length: 500 }, (_, i) => {
        const other = Buffer.from(one);
        other.write(String(i).padStart(3, '0'), one.lastIndexOf('000'));
        return other;
      }),
    );
    expect(unpackPayloads(bytes.subarray(0, one.length), 0, 1)).toEqual([expect.any(RegExp)]);
    expect(cost(() => expect(() => unpackPayloads(bytes, 0, 500)).toThrow(PayloadError))).toBeLessThan(500);
  });
});

describe('names', () => {
  test('of symbols that strangers make up are not kept for ever', () => {
    const nameOf = (i: number) => decodeTopic(Buffer.from(`eystranger:${'x'.repeat(1000)}${i}\0`));
    expect(typeof nameOf(0)).toBe('symbol');
    let taken = 0;
    for (let i = 0; i < 20_000; i += 1) if (nameOf(i) !== undefined) taken += 1;
    // 4 MiB of text.
    expect(taken).toBeLessThan(5000);
    // Those that were known go on.
    expect(nameOf(0)).toBe(Symbol.for(`stranger:${'x'.repeat(1000)}0`));
  });

  test('do not write to the terminal of whoever reads what went wrong', async () => {
    await using bus = await RawBus.start();
    const { emitter, errors } = await bus.emitter();
    emitter.onAny(() => {});
    await emitter.ready();
    const topic = encodeTopic('a\u001b[2Jb\u009b\nc\u202e') as Buffer;
    bus.inject(buildMessage(topic, { kind: MessageKind.batch, publisher: 5, sequence: 1 }, hex('c1')));
    expect(errors.map(({ message }) => message)).toEqual([
      expect.stringContaining("'a\\u001b[2Jb\\u009b\\u000ac\\u202e'"),
    ]);
  });
});

describe('events over `maxEventBytes` are refused by who receives them', () => {
  const LIMIT = 1000;
  const large = 'x'.repeat(2 * LIMIT);

  async function receiver(bus: RawBus) {
    const { emitter, errors } = await bus.emitter({ maxEventBytes: LIMIT });
    const received: unknown[] = [];
    emitter.on('a', (data) => void received.push(data));
    await emitter.ready();
    return { emitter, errors, received };
  }

  test.each([
    ['alone', [large]],
    ['in a batch', ['small', large, 'small']],
    ['with headers', [large]],
  ])('%s', async (how, values) => {
    await using bus = await RawBus.start();
    const { emitter: publisher } = await bus.emitter();
    const { errors, received, emitter } = await receiver(bus);
    for (const value of values)
      void publisher.emit('a', value, how === 'with headers' ? { headers: { h: '1' } } : undefined);
    await publisher.emit('a', 'after');
    await caughtUp(publisher, emitter);
    expect(received.filter((value) => value === large)).toEqual([]);
    expect(errors.map(({ code }) => code)).toEqual(['DEMITTER_DESERIALIZATION']);
    expect(errors[0]?.message).toContain('over the limit of 1000');
    await publisher.emit('a', 'later');
    await caughtUp(publisher, emitter);
    expect(received.at(-1)).toBe('later');
  });

  test('in a replay', async () => {
    await using bus = await RawBus.start();
    const { emitter, errors, received } = await receiver(bus);
    const topic = encodeTopic('a') as Buffer;
    const publisher = 77;
    const batch = (sequence: number, value: unknown) =>
      buildMessage(
        topic,
        {
          kind: MessageKind.batch,
          flags: FLAG_ANSWERS,
          publisher,
          sequence,
          previous: sequence - 1,
          position: sequence - 1,
        },
        packPayload(value),
      );
    const asked = new Promise<number>((resolve) => {
      bus.onSent = (message) => {
        const { length } = inboxTopic('0000000000004d');
        if (message.toString('latin1', 0, length) === inboxTopic('0000000000004d').toString('latin1'))
          resolve(message.readUInt32BE(length + 20));
      };
    });
    bus.inject(batch(1, 'first'));
    bus.inject(batch(3, 'third'));
    const number = await asked;
    const inbox = inboxTopic(emitter.id);
    bus.inject(
      buildMessage(inbox, { kind: MessageKind.replay, publisher, sequence: number }, batch(2, large)),
    );
    bus.inject(
      buildMessage(
        inbox,
        { kind: MessageKind.replayed, publisher, sequence: number },
        encodeReplayed({ through: 2, gone: 0, last: 3, replays: 1 }),
      ),
    );
    expect(received).toEqual(['first', 'third']);
    expect(errors.map(({ code }) => code)).toEqual(['DEMITTER_DESERIALIZATION']);
  });
});

describe('publishers that strangers invent', () => {
  const topic = encodeTopic('a') as Buffer;

  function gap(publisher: number): Buffer {
    return buildMessage(
      topic,
      { kind: MessageKind.batch, flags: FLAG_ANSWERS, publisher, sequence: 9, previous: 5, position: 5 },
      packPayload(1),
    );
  }

  test('are asked for what they seem to have missed in bounded numbers, and take bounded time and memory', async () => {
    await using bus = await RawBus.start();
    const { emitter } = await bus.emitter();
    emitter.on('a', () => {});
    await emitter.ready();
    const COUNT = 30_000;
    const before = usedMemory();
    let received = 0;
    const cpuMs = cost(() => {
      for (let i = 0; i < COUNT; i += 1) {
        const message = gap(1_000_000 + i);
        received += message.length;
        bus.inject(message);
      }
    });
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(cpuMs / COUNT).toBeLessThan(0.2);
    expect(usedMemory() - before).toBeLessThan(64 * MIB);
    expect(bus.sentBytes).toBeLessThan(received / 2);
  });

  test('make it hold no more memory than is counted, however the messages come', async () => {
    await using bus = await RawBus.start();
    const { emitter } = await bus.emitter();
    emitter.on('a', () => {});
    await emitter.ready();
    const before = usedMemory();
    const others: Buffer[] = [];
    for (let i = 0; i < 20_000; i += 1) {
      const header = { flags: FLAG_ANSWERS, publisher: 77, sequence: 9 + i, previous: 8 + i };
      bus.inject(buildMessage(topic, { kind: MessageKind.batch, ...header }, packPayload(i)));
      // What else is going on takes small pieces of the same memory, and lets go of them.
      for (let other = 0; other < 60; other += 1) others[other] = Buffer.from('x'.repeat(100));
    }
    expect(usedMemory() - before).toBeLessThan(32 * MIB);
  });

  test('do not make a receiver forget those that were there before', async () => {
    await using bus = await RawBus.start();
    const { emitter: publisher } = await bus.emitter();
    const { emitter } = await bus.emitter();
    emitter.on('a', () => {});
    await emitter.ready();
    const plain = (id: number) =>
      buildMessage(topic, { kind: MessageKind.batch, publisher: id, sequence: 1 }, packPayload('x'));
    for (let i = 0; i < 10; i += 1) {
      await publisher.emit('a', i);
      await caughtUp(publisher, emitter);
    }
    for (let i = 0; i < 40_000; i += 1) bus.inject(plain(1_000_000 + i));
    // That it is remembered shows by a gap, which is asked about.
    const inbox = inboxTopic(publisher.id);
    const asked = new Promise<void>((resolve) => {
      bus.onSent = (message) => {
        const isToPublisher = message.subarray(0, inbox.length).equals(inbox);
        if (isToPublisher && message[inbox.length + 1] === MessageKind.request) resolve();
      };
    });
    const id = Number.parseInt(publisher.id, 16);
    const later = { sequence: 1000, previous: 999, position: 50, flags: FLAG_ANSWERS };
    bus.inject(
      buildMessage(topic, { kind: MessageKind.batch, publisher: id, ...later }, packPayload('later')),
    );
    await asked;
  });
});

test('peers that are known cannot make a watcher keep more by announcing more', () => {
  const roster = new Roster();
  const announcement = (bytes: number) =>
    encodeAnnouncement({
      since: 1,
      intervalMs: 1000,
      pid: 1,
      threadId: 0,
      host: 'h',
      name: 'n',
      meta: bytes === 0 ? Buffer.alloc(0) : packPayload('x'.repeat(bytes)),
    });
  for (let id = 1; id <= 10_000; id += 1)
    expect(roster.announce(id, announcement(0), 0)).toBeTypeOf('object');
  const before = usedMemory();
  for (let id = 1; id <= 10_000; id += 1) expect(roster.announce(id, announcement(16_000), 1)).toBe('known');
  expect(usedMemory() - before).toBeLessThan(64 * MIB);
  // Nobody is gone who was heard.
  expect(roster.expire(3000)).toEqual([]);
});

describe('questions', () => {
  test('with very long lists of topics are refused', async () => {
    const topics = encodeTopics(Array.from({ length: 20_000 }, () => Buffer.from('esa\0')));
    expect(decodeTopics(topics)).toBeUndefined();
    await using bus = await RawBus.start();
    const { emitter, errors } = await bus.emitter();
    for (const kind of [MessageKind.inquiry, MessageKind.retainedQuery])
      bus.inject(buildMessage(inboxTopic(emitter.id), { kind, publisher: 9 }, topics));
    expect(errors.map(({ code }) => code)).toEqual(Array(2).fill('DEMITTER_PROTOCOL'));
  });

  test('that name a retained value again and again get it once', async () => {
    await using bus = await RawBus.start();
    const { emitter } = await bus.emitter();
    await emitter.emit('kept', 'x'.repeat(MIB), { retain: true });
    await emitter.ready();
    await caughtUp(emitter, emitter);
    const sent = bus.sentBytes;
    const topic = encodeTopic('kept') as Buffer;
    const question = encodeTopics(Array.from({ length: 2000 }, () => topic));
    bus.inject(
      buildMessage(retainedTopic(), { kind: MessageKind.retainedQuery, publisher: 9, sequence: 1 }, question),
    );
    const holders = new Promise<void>((resolve) => {
      bus.onSent = (message) => {
        const { length } = inboxTopic('00000000000009');
        if (message[0] === 0x69 && message[length + 1] === MessageKind.holder) resolve();
      };
    });
    await holders;
    expect(bus.sentBytes - sent).toBeLessThan(1.1 * MIB);
  });
});

test('emitters that are invented as being at work on a request are counted up to a limit', async () => {
  await using bus = await RawBus.start();
  const { emitter } = await bus.emitter();
  const answered = emitter.request('nobody', 1, { timeout: 20_000 });
  answered.catch(() => {});
  await emitter.ready();
  const replies = encodeTopic(emitter.id, makeSpace('reply')) as Buffer;
  const working = packPayload([1, 3, null]);
  const bodies = Buffer.from(working);
  const before = usedMemory();
  for (let i = 0; i < 50_000; i += 1)
    bus.inject(buildMessage(replies, { kind: MessageKind.volatile, publisher: 1_000_000 + i }, bodies));
  expect(usedMemory() - before).toBeLessThan(4 * MIB);
  bus.inject(
    buildMessage(
      replies,
      { kind: MessageKind.volatile, publisher: 5 },
      Buffer.from(packPayload([1, 0, 'done'])),
    ),
  );
  expect(await answered).toBe('done');
});

describe('acknowledgements under invented ids', () => {
  beforeEach(() => {
    vi.useFakeTimers({
      toFake: ['performance', 'setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'],
    });
  });

  /** A publisher that sends as fast as it may for a minute; `onMark` is who answers it. Returns how many it sent. */
  async function flood(onMark: (pacer: Pacer, sequence: number) => void): Promise<number> {
    const now = () => performance.now();
    const pacer = new Pacer(now, () => {});
    const audience = emptyAudience();
    let sequence = 0;
    while (now() < 60_000) {
      for (let i = 0; i < 100 && pacer.isOpen; i += 1) {
        sequence += 1;
        if (pacer.count(sequence, 100, audience, now())) onMark(pacer, sequence);
      }
      await vi.advanceTimersByTimeAsync(1);
    }
    pacer.stop();
    return sequence;
  }

  test('do not stop a publisher that waits for its receivers', async () => {
    let invented = 1000;
    const slowed = await flood((pacer, sequence) => {
      pacer.acknowledge(1, sequence);
      invented += 1;
      pacer.acknowledge(invented, sequence);
    });
    // 6,000,000 where nobody invents any; 256,000 if each of them is waited for.
    expect(slowed).toBeGreaterThan(1_500_000);
  });

  test('nor does one that asks again and again for what it missed', async () => {
    let isKnown = false;
    const sent = await flood((pacer, sequence) => {
      if (!isKnown) pacer.acknowledge(77, sequence);
      isKnown = true;
      setInterval(() => pacer.heard(77), 500).unref();
    });
    expect(sent).toBeGreaterThan(1_500_000);
  });
});
