import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Inbox } from '../../src/delivery/receiving/inbox.js';
import { type Interest, Interests } from '../../src/delivery/receiving/interests.js';
import { Streams } from '../../src/delivery/receiving/streams.js';
import {
  buildMessage,
  emptyHeader,
  FLAG_ANSWERS,
  fromElapsed,
  HEADER_BYTES,
  MessageKind,
  NO_ELAPSED,
  readHeader,
  toElapsed,
} from '../../src/wire/batch.js';
import { packPayload } from '../../src/wire/payload.js';
import { encodeReplayed, encodeTails, type Replayed } from '../../src/wire/recovery.js';
import { EVENTS } from '../../src/wire/space.js';
import { decodeTopic, encodeTopic } from '../../src/wire/topic.js';

const SELF = 1;
const INFINITE = Number.POSITIVE_INFINITY;
const MIB = 1024 * 1024;

const topic = (name: PropertyKey) => encodeTopic(name) as Buffer;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] });
});
afterEach(() => {
  vi.useRealTimers();
});

interface Clock {
  now: number;
}

/** Numbers batches as docs/protocol.md, section 3.3, has it. A batch carries one event. */
class Publisher {
  readonly id: number;
  readonly #flags: number;
  readonly #clock: Clock;
  #sequence = 0;
  readonly #names = new Map<PropertyKey, { sequence: number; position: number; finishedAt: number }>();

  constructor(clock: Clock, { id = 2, answers = true } = {}) {
    this.id = id;
    this.#flags = answers ? FLAG_ANSWERS : 0;
    this.#clock = clock;
  }

  /** The sequence of the last batch. */
  get last(): number {
    return this.#sequence;
  }

  batch(name: PropertyKey, value: unknown): Buffer {
    this.#sequence += 1;
    const { now } = this.#clock;
    const before = this.#names.get(name);
    const { sequence: previous, position } = before ?? { sequence: 0, position: 0 };
    const elapsed = before === undefined ? NO_ELAPSED : toElapsed(now - before.finishedAt);
    this.#names.set(name, { sequence: this.#sequence, position: position + 1, finishedAt: now });
    const header = { kind: MessageKind.batch, flags: this.#flags, publisher: this.id };
    return buildMessage(
      topic(name),
      { ...header, sequence: this.#sequence, previous, position, elapsed },
      packPayload(value),
    );
  }

  /** Batches of a name that nobody here listens to. */
  skip(count: number): void {
    for (let i = 0; i < count; i += 1) this.batch('nobody’s', null);
  }

  tail(name: PropertyKey): Buffer {
    const { sequence, position, elapsed } = this.#tailOf(name);
    const header = { kind: MessageKind.tail, flags: this.#flags, publisher: this.id };
    return buildMessage(topic(name), { ...header, sequence, position, elapsed });
  }

  /** The body of a message of tails. */
  tails(...names: PropertyKey[]): Buffer {
    return encodeTails(names.map((name) => ({ topic: topic(name), ...this.#tailOf(name) })));
  }

  /** Forgets a name: its numbering begins anew. */
  forget(name: PropertyKey): void {
    this.#names.delete(name);
  }

  #tailOf(name: PropertyKey) {
    const { sequence, position, finishedAt } = this.#names.get(name) as {
      sequence: number;
      position: number;
      finishedAt: number;
    };
    return { sequence, position, elapsed: toElapsed(this.#clock.now - finishedAt) };
  }
}

interface Question {
  readonly after: number;
  readonly before: number;
  readonly maxAgeMs: number;
  readonly names: readonly (PropertyKey | undefined)[];
}

function headerOf(message: Buffer) {
  const header = emptyHeader();
  expect(readHeader(message, message.indexOf(0) + 1, header)).toBeUndefined();
  return header;
}

/** A receiver, and one publisher. What becomes of the events is logged in order: the values, and losses in words. */
function setUp({ answers = true, canAsk = true } = {}) {
  const log: unknown[] = [];
  const codes: string[] = [];
  const asked: Question[] = [];
  const numbers: number[] = [];
  const clock: Clock = { now: 1000 };
  /** When what has come back last was sent. */
  const heard = { at: INFINITE };
  const inbox = new Inbox(
    SELF,
    { now: () => clock.now, recoveryTimeoutMs: 5000, maxEventBytes: 64 * MIB, canAsk },
    {
      onEvents: (_, values) => void log.push(...values),
      onError(error) {
        codes.push(error.code);
        if (error.type === 'loss') log.push(`lost ${error.missed ?? 'some'} of ${String(error.eventName)}`);
      },
      onDelivered: () => {},
      onMissing(_, number, { after, before, maxAgeMs, topics }) {
        numbers.push(number);
        asked.push({ after, before, maxAgeMs, names: topics.map((bytes) => decodeTopic(bytes)) });
      },
      provenMs: () => Math.min(heard.at, clock.now),
    },
  );
  const { interests } = inbox;
  const publisher = new Publisher(clock, { answers });
  let subscriptions = 0;
  let index = 0;
  return {
    inbox,
    log,
    codes,
    asked,
    numbers,
    clock,
    heard,
    publisher,
    /** Listens, and proves it. */
    listen(...names: PropertyKey[]): void {
      for (const name of names) {
        subscriptions += 1;
        interests.subscribed(interests.listen(topic(name), name), subscriptions);
      }
      interests.prove(subscriptions, clock.now);
    },
    listenToAll(): void {
      subscriptions += 1;
      interests.subscribed(interests.listenToPrefix(EVENTS.prefix), subscriptions);
      interests.prove(subscriptions, clock.now);
    },
    take(...messages: Buffer[]): void {
      for (const message of messages) inbox.receive(message);
    },
    async pass(ms: number): Promise<void> {
      for (let left = ms; left > 0; left -= 10) {
        clock.now += Math.min(left, 10);
        await vi.advanceTimersByTimeAsync(Math.min(left, 10));
      }
    },
    /** Replays come in answer to the last question, or to the one with `number`. */
    replay(
      messages: readonly Buffer[],
      { ageMs = 0, number = numbers.at(-1) as number, from = 0 } = {},
    ): void {
      for (const [i, message] of messages.entries()) {
        const header = {
          ...emptyHeader(),
          kind: MessageKind.replay,
          publisher: publisher.id,
          sequence: number,
          previous: from + i,
          elapsed: toElapsed(ageMs),
        };
        expect(inbox.receiveAnswer(header, message)).toBeUndefined();
        index = from + i + 1;
      }
    },
    /** The answer ends: a whole one, after which nothing is missing, unless it is said otherwise. */
    end({
      number = numbers.at(-1) as number,
      ...answer
    }: Partial<Replayed> & { number?: number } = {}): void {
      const { last } = publisher;
      const { before } = asked.at(-1) as Question;
      const through = before === 0 ? last : Math.min(before - 1, last);
      const body = encodeReplayed({ through, gone: 0, last, replays: index, ...answer });
      index = 0;
      const header = {
        ...emptyHeader(),
        kind: MessageKind.replayed,
        publisher: publisher.id,
        sequence: number,
      };
      expect(inbox.receiveAnswer(header, body)).toBeUndefined();
    },
    takeTails(...names: PropertyKey[]): void {
      const header = { ...emptyHeader(), kind: MessageKind.tails, publisher: publisher.id };
      expect(inbox.receiveAnswer(header, publisher.tails(...names))).toBeUndefined();
    },
  };
}

/** `count` batches of `name` with the values `name1`, `name2`, and so on. */
function batches(publisher: Publisher, name: string, count: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => publisher.batch(name, `${name}${i + 1}`));
}

type Five = [Buffer, Buffer, Buffer, Buffer, Buffer];

describe('a gap', () => {
  test('is asked for, and what came after it is held', () => {
    const { publisher, listen, take, log, asked } = setUp();
    listen('a');
    const [a1, , , a4, a5] = batches(publisher, 'a', 5) as Five;
    take(a1, a4, a5);
    expect(log).toEqual(['a1']);
    expect(asked).toEqual([{ after: 1, before: 4, maxAgeMs: INFINITE, names: ['a'] }]);
  });

  test('is filled by replays, in the order of all names, before what was held', () => {
    const { publisher, listen, take, replay, end, log, asked, codes } = setUp();
    listen('a', 'b');
    const [a1, b1, a2, b2, a3, b3] = ['a1', 'b1', 'a2', 'b2', 'a3', 'b3'].map((value) =>
      publisher.batch(value.slice(0, 1), value),
    ) as [...Five, Buffer];
    take(a1, b1, a3, b3);
    expect(asked).toEqual([{ after: 2, before: 5, maxAgeMs: INFINITE, names: ['a', 'b'] }]);
    replay([a2, b2]);
    expect(log).toEqual(['a1', 'b1', 'a2', 'b2']);
    end();
    expect(log).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'b3']);
    expect([asked.length, codes, vi.getTimerCount()]).toEqual([1, [], 0]);
  });

  test('at the end is shown by a tail, under the topic or in a list', () => {
    for (const isList of [false, true]) {
      const { publisher, listen, take, takeTails, replay, end, log, asked } = setUp();
      listen('a', 'b');
      const [a1, a2, a3] = batches(publisher, 'a', 3) as Five;
      take(a1);
      if (isList) takeTails('a');
      else take(publisher.tail('a'));
      expect(asked).toEqual([{ after: 1, before: 0, maxAgeMs: INFINITE, names: ['a', 'b'] }]);
      replay([a2, a3]);
      end();
      expect(log).toEqual(['a1', 'a2', 'a3']);
      take(publisher.tail('a'));
      expect(asked).toHaveLength(1);
    }
  });

  test('is asked for under all names by who listens to all', () => {
    const { publisher, listenToAll, listen, take, asked } = setUp();
    listenToAll();
    listen('a');
    const [a1, , a3] = batches(publisher, 'a', 3) as Five;
    take(a1, a3);
    expect(asked).toMatchObject([{ after: 1, before: 3, names: [] }]);
  });

  test('does not hold up other publishers', () => {
    const { publisher, clock, listen, take, log } = setUp();
    listen('a');
    const [a1, , a3] = batches(publisher, 'a', 3) as Five;
    take(a1, a3, new Publisher(clock, { id: 3 }).batch('a', 'other'));
    expect(log).toEqual(['a1', 'other']);
  });

  test('of what is gone is told right before what follows it, exactly', () => {
    const { publisher, listen, take, replay, end, log } = setUp();
    listen('a');
    const [a1, , , a4, a5] = batches(publisher, 'a', 5) as Five;
    take(a1, a5);
    replay([a4]);
    end({ gone: 3 });
    expect(log).toEqual(['a1', 'lost 2 of a', 'a4', 'a5']);
  });

  test('of what is gone altogether is told when the answer has come', () => {
    const { publisher, listen, take, end, log, asked } = setUp();
    listen('a', 'b');
    const [a1] = batches(publisher, 'a', 3) as Five;
    const b1 = publisher.batch('b', 'b1');
    const a4 = publisher.batch('a', 'a4');
    take(a1, b1, a4);
    // The hole before `b1` is asked about first: there may have been something of another name.
    expect(log).toEqual(['a1']);
    end({ gone: 3 });
    expect(log).toEqual(['a1', 'b1', 'lost 2 of a', 'a4']);
    expect(asked).toHaveLength(1);
  });

  test('of a publisher that does not answer is told at once, and nothing is held', () => {
    const { publisher, listen, take, log, asked } = setUp({ answers: false });
    listen('a');
    const [a1, , a3, , a5] = batches(publisher, 'a', 5) as Five;
    take(a1, a3, a5);
    expect(log).toEqual(['a1', 'lost 1 of a', 'a3', 'lost 1 of a', 'a5']);
    expect([asked, vi.getTimerCount()]).toEqual([[], 0]);
  });

  test('is told at once by who can ask nobody, also at the end, and after an outage', () => {
    const { inbox, log, asked, publisher, listen, take } = setUp({ canAsk: false });
    listen('a', 'b');
    take(publisher.batch('a', 'a1'));
    publisher.batch('a', 'a2');
    publisher.skip(5);
    publisher.batch('a', 'a3');
    take(publisher.batch('b', 'b1'), publisher.batch('a', 'a4'));
    publisher.batch('a', 'a5');
    take(publisher.tail('a'), publisher.batch('b', 'b2'));
    inbox.suspect(5000);
    publisher.skip(50);
    take(publisher.batch('b', 'b3'));
    expect(log).toEqual(['a1', 'b1', 'lost 2 of a', 'a4', 'lost 1 of a', 'b2', 'b3']);
    expect(asked).toEqual([]);
  });

  test('in what was held is asked for in its turn', () => {
    const { publisher, listen, take, replay, end, log, asked } = setUp();
    listen('a');
    const [a1, a2, a3, a4, a5] = batches(publisher, 'a', 5) as Five;
    take(a1, a3, a5);
    replay([a2]);
    end();
    expect(log).toEqual(['a1', 'a2', 'a3']);
    expect(asked.slice(1)).toEqual([{ after: 3, before: 5, maxAgeMs: INFINITE, names: ['a'] }]);
    replay([a4]);
    end();
    expect(log).toEqual(['a1', 'a2', 'a3', 'a4', 'a5']);
  });

  test('of a name that is left while it is asked for is nobody’s loss', () => {
    const { publisher, inbox, listen, take, end, log } = setUp();
    listen('a', 'b');
    const [a1, , a3] = batches(publisher, 'a', 3) as Five;
    take(a1, a3, publisher.batch('b', 'b1'));
    inbox.interests.unlisten(topic('a'));
    end({ gone: 2 });
    expect(log).toEqual(['a1', 'b1']);
  });

  test('holds nothing for who left a name meanwhile, and took it up again', () => {
    const { publisher, inbox, listen, take, end, log } = setUp();
    listen('a', 'b');
    const [a1, , a3] = batches(publisher, 'a', 3) as Five;
    take(a1, a3, publisher.batch('b', 'old'));
    inbox.interests.unlisten(topic('b'));
    listen('b');
    take(publisher.batch('b', 'new'));
    end({ gone: 2 });
    // What was dropped is a hole now.
    end();
    expect(log).toEqual(['a1', 'lost 1 of a', 'a3', 'new']);
  });

  test('is told without a number if the name was numbered anew in it', () => {
    const { publisher, listen, take, end, log } = setUp();
    listen('a');
    take(...batches(publisher, 'a', 3));
    publisher.forget('a');
    publisher.batch('a', 'lost');
    take(publisher.batch('a', 'a5'));
    end({ gone: 4 });
    expect(log).toEqual(['a1', 'a2', 'a3', 'lost some of a', 'a5']);
  });

  test('leaves no timer when the inbox stops', () => {
    const { publisher, inbox, listen, take } = setUp();
    listen('a');
    const [a1, , a3] = batches(publisher, 'a', 3) as Five;
    take(a1, a3);
    expect(vi.getTimerCount()).toBe(1);
    inbox.stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('duplicates', () => {
  test('of a replay are dropped, held ones and later ones', () => {
    const { publisher, listen, take, replay, end, log, codes } = setUp();
    listen('a');
    const [a1, a2, a3, a4] = batches(publisher, 'a', 4) as Five;
    take(a1, a4, a2);
    replay([a2, a3]);
    end();
    take(a3);
    expect(log).toEqual(['a1', 'a2', 'a3', 'a4']);
    expect(codes).toEqual([]);
  });

  test('and what was not asked for are not taken from an answer', () => {
    const { publisher, listen, take, replay, end, log } = setUp();
    listen('a');
    const [a1, a2, a3] = batches(publisher, 'a', 3) as Five;
    take(a1, a3);
    replay([a1]);
    replay([a2]);
    end();
    expect(log).toEqual(['a1', 'a2', 'a3']);
  });
});

describe('a question', () => {
  /** One batch came, three are missing, one came after them. */
  function ask() {
    const world = setUp();
    world.listen('a');
    const sent = batches(world.publisher, 'a', 5) as Five;
    world.take(sent[0], sent[4]);
    return { ...world, sent };
  }

  test('that is not answered is repeated after 250 ms, then ever more rarely, with the same number', async () => {
    const { pass, asked, numbers } = ask();
    const counts: number[] = [];
    for (const ms of [240, 20, 480, 30, 960, 60]) {
      await pass(ms);
      counts.push(asked.length);
    }
    expect(counts).toEqual([1, 2, 2, 3, 3, 4]);
    expect(new Set(numbers).size).toBe(1);
    expect(new Set(asked.map((question) => JSON.stringify(question))).size).toBe(1);
  });

  test('is not repeated when its answer comes in the turn in which it would be', async () => {
    const { listen, take, replay, asked, clock, publisher } = setUp();
    listen('a');
    const [a1, a2, a3, a4, a5] = batches(publisher, 'a', 5) as Five;
    take(a1, a5);
    clock.now += 300;
    vi.advanceTimersToNextTimer();
    replay([a2, a3, a4]);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked).toHaveLength(1);
  });

  test('whose answer lacks a replay is asked again from there, and what came after that is not used', () => {
    const { replay, end, sent, asked, log, numbers } = ask();
    const [, a2, a3, a4] = sent;
    replay([a2]);
    replay([a4], { from: 2 });
    expect(log).toEqual(['a1', 'a2']);
    end({ replays: 3 });
    expect(asked.slice(1)).toMatchObject([{ after: 2, before: 5 }]);
    // The rest of an answer to an earlier question.
    replay([a3], { number: numbers[0] as number, from: 1 });
    end({ number: numbers[0] as number, replays: 2 });
    expect(log).toEqual(['a1', 'a2']);
    replay([a3, a4]);
    end();
    expect(log).toEqual(['a1', 'a2', 'a3', 'a4', 'a5']);
    expect(asked).toHaveLength(2);
  });

  test('whose answer does not end is asked again from the last replay', async () => {
    const { replay, end, pass, sent, asked, log } = ask();
    const [, a2, a3, a4] = sent;
    await pass(200);
    replay([a2, a3]);
    await pass(240);
    expect(asked).toHaveLength(1);
    await pass(20);
    expect(asked.slice(1)).toMatchObject([{ after: 3, before: 5 }]);
    replay([a4]);
    end();
    expect(log).toEqual(['a1', 'a2', 'a3', 'a4', 'a5']);
  });

  test('is answered in chunks, each of them asked for', () => {
    const { replay, end, sent, asked, log, numbers } = ask();
    const [, a2, a3, a4] = sent;
    replay([a2]);
    end({ through: 2 });
    replay([a3]);
    end({ through: 3 });
    expect(asked.map(({ after, before }) => [after, before])).toEqual([
      [1, 5],
      [2, 5],
      [3, 5],
    ]);
    expect(log).toEqual(['a1', 'a2', 'a3']);
    replay([a4]);
    end();
    expect(log).toEqual(['a1', 'a2', 'a3', 'a4', 'a5']);
    expect(new Set(numbers).size).toBe(3);
  });

  test('that gets nowhere is not asked for ever', () => {
    const { end, asked, log } = ask();
    end({ through: 1 });
    expect(asked).toHaveLength(1);
    expect(log).toEqual(['a1', 'lost 3 of a', 'a5']);
  });

  test('is asked again at once after an outage, which does not put off giving up', async () => {
    const { inbox, pass, asked, log } = ask();
    await pass(4400);
    const before = asked.length;
    inbox.suspect(1000);
    expect(asked).toHaveLength(before + 1);
    expect(log).toEqual(['a1']);
    await pass(1200);
    expect(log).toEqual(['a1', 'lost 3 of a', 'a5']);
  });

  test('whose answer always lacks the same replay goes on without it', () => {
    const { replay, end, log, asked, sent } = ask();
    const [, a2, , a4] = sent;
    for (let round = 0; round < 12; round += 1) {
      // The replay of a3 is too large for this emitter, say.
      replay(round === 0 ? [a2] : []);
      replay([a4], { from: round === 0 ? 2 : 1 });
      end({ replays: round === 0 ? 3 : 2 });
    }
    expect(asked).toHaveLength(12);
    expect(log).toEqual(['a1', 'a2', 'lost 1 of a', 'a4', 'a5']);
  });

  test('ages while it is repeated', async () => {
    const { clock, publisher, listen, take, pass, asked } = setUp();
    clock.now = 500;
    batches(publisher, 'a', 5);
    clock.now = 2000;
    listen('a');
    await pass(100);
    take(publisher.batch('a', 'first'));
    await pass(260);
    const [first, second] = asked as [Question, Question];
    expect(second.maxAgeMs - first.maxAgeMs).toBeGreaterThanOrEqual(250);
    expect({ ...second, maxAgeMs: 0 }).toEqual({ ...first, maxAgeMs: 0 });
  });
});

describe('giving up', () => {
  test('lets all that was held go on at once, with exact losses and no more questions', async () => {
    const { publisher, listen, take, pass, log, asked } = setUp();
    listen('a', 'b');
    const [a1, , a3, , a5] = batches(publisher, 'a', 5) as Five;
    publisher.batch('b', 'b1');
    const b2 = publisher.batch('b', 'b2');
    take(a1, a3, a5, b2);
    await pass(4900);
    expect(log).toEqual(['a1']);
    await pass(4000);
    const { length } = asked;
    expect(log).toEqual(['a1', 'lost 1 of a', 'a3', 'lost 1 of a', 'a5', 'b2']);
    await pass(5000);
    expect([asked.length, vi.getTimerCount()]).toEqual([length, 0]);
    // What goes missing later is asked for again.
    batches(publisher, 'a', 1);
    take(publisher.batch('a', 'a7'));
    expect(asked).toHaveLength(length + 1);
  });

  test('waits until something has come back that was sent after the time for an answer', async () => {
    const { publisher, listen, take, pass, heard, clock, replay, end, log, asked } = setUp();
    listen('a');
    const [a1, a2, a3, , a5] = batches(publisher, 'a', 5) as Five;
    heard.at = clock.now + 4999;
    take(a1, a3);
    await pass(20_000);
    expect(log).toEqual(['a1']);
    expect(asked.length).toBeGreaterThan(5);
    replay([a2]);
    end();
    expect(log).toEqual(['a1', 'a2', 'a3']);
    take(a5);
    await pass(10_000);
    expect(log).toHaveLength(3);
    heard.at = INFINITE;
    await pass(4100);
    expect(log.slice(3)).toEqual(['lost 1 of a', 'a5']);
  });

  test('is put off by every replay and every end of an answer', async () => {
    const { publisher, listen, take, pass, replay, end, log } = setUp();
    listen('a');
    const [a1, a2, a3, a4, a5] = batches(publisher, 'a', 5) as Five;
    take(a1, a5);
    await pass(4000);
    replay([a2]);
    await pass(4000);
    end({ through: 2 });
    await pass(4000);
    replay([a3, a4]);
    end();
    expect(log).toEqual(['a1', 'a2', 'a3', 'a4', 'a5']);
  });
});

describe('a hole in the sequence', () => {
  test('is asked about, and not again while nothing of interest was in one of its size', () => {
    const { publisher, listen, take, end, log, asked } = setUp();
    listen('a');
    const next = (hole: number) => {
      publisher.skip(hole);
      take(publisher.batch('a', publisher.last));
    };
    next(0);
    next(3);
    expect(asked).toEqual([{ after: 1, before: 5, maxAgeMs: INFINITE, names: ['a'] }]);
    expect(log).toHaveLength(1);
    end();
    expect(log).toHaveLength(2);
    for (const hole of [0, 3, 1, 2, 3]) next(hole);
    expect([log.length, asked.length]).toEqual([7, 1]);
    next(4);
    expect(asked).toHaveLength(2);
    end();
    expect(log).toHaveLength(8);
  });

  test('that was only asked about by age does not become usual', () => {
    const { publisher, clock, listen, take, end, log } = setUp();
    publisher.skip(1000);
    clock.now += 1000;
    listen('a', 'b');
    clock.now += 1;
    take(publisher.batch('a', 'a1'));
    end();
    publisher.batch('b', 'missed');
    take(publisher.batch('a', 'a2'));
    expect(log).toEqual(['a1']);
  });

  test('is looked into as far back as a name is listened to, however old the replay is that shows what it hid', () => {
    const { publisher, clock, listen, take, replay, end, log, asked } = setUp();
    listen('a', 'b');
    take(publisher.batch('a', 'a1'));
    publisher.skip(1);
    take(publisher.batch('a', 'a2'));
    end();
    clock.now += 1000;
    const missed = publisher.batch('b', 'missed');
    take(publisher.batch('a', 'a3'));
    clock.now += 20_000;
    const b2 = publisher.batch('b', 'b2');
    publisher.skip(1);
    clock.now += 25_000;
    take(publisher.batch('a', 'a4'));
    replay([b2], { ageMs: 25_000 });
    expect(asked.at(-1)).toEqual({ after: 0, before: 5, maxAgeMs: 56_000, names: ['b'] });
    replay([missed], { ageMs: 45_000 });
    end();
    end();
    expect(log).toEqual(['a1', 'a2', 'a3', 'missed', 'b2', 'a4']);
  });

  test('is asked about again after an outage', () => {
    const { publisher, inbox, listen, take, end, asked } = setUp();
    listen('a');
    take(publisher.batch('a', 1));
    publisher.skip(1);
    take(publisher.batch('a', 2));
    end();
    inbox.suspect(1000);
    publisher.skip(1);
    take(publisher.batch('a', 3));
    expect(asked).toHaveLength(2);
  });

  test('is asked about again after a loss', () => {
    const { publisher, listen, take, end, log, asked } = setUp();
    listen('a', 'b');
    take(publisher.batch('a', 'a1'));
    publisher.skip(1);
    take(publisher.batch('a', 'a2'));
    end();
    batches(publisher, 'a', 2);
    take(publisher.batch('a', 'a5'));
    end({ gone: 5 });
    expect(log).toEqual(['a1', 'a2', 'lost 2 of a', 'a5']);
    publisher.skip(1);
    take(publisher.batch('a', 'a6'));
    expect(asked).toHaveLength(3);
  });

  test('that hides another name’s batch gives it back in order, and does not become usual', () => {
    const { publisher, listen, take, replay, end, log, asked } = setUp();
    listen('a', 'b');
    take(publisher.batch('a', 'a1'));
    const b1 = publisher.batch('b', 'b1');
    publisher.skip(1);
    take(publisher.batch('a', 'a2'));
    replay([b1]);
    end();
    expect(log).toEqual(['a1', 'b1', 'a2']);
    publisher.skip(1);
    take(publisher.batch('a', 'a3'));
    expect(asked).toHaveLength(2);
  });

  test('that was taken for other names’ is looked into when a name turns out to miss something there', () => {
    const { publisher, clock, listen, take, replay, end, log, asked } = setUp();
    listen('a', 'b');
    take(publisher.batch('a', 'a1'));
    publisher.skip(1);
    take(publisher.batch('a', 'a2'));
    end();
    clock.now += 100;
    const b1 = publisher.batch('b', 'b1');
    clock.now += 10;
    take(publisher.batch('a', 'a3'), publisher.batch('b', 'b2'));
    expect(asked.slice(1)).toEqual([{ after: 0, before: 5, maxAgeMs: 10_110, names: ['b'] }]);
    replay([b1], { ageMs: 10 });
    end();
    // Not in order, as nothing hinted at it in time: but it came.
    expect(log).toEqual(['a1', 'a2', 'a3', 'b1', 'b2']);
    expect(asked).toHaveLength(2);
  });

  test('that was taken for other names’ is looked into when a replay shows what it hid', () => {
    const { publisher, listen, take, replay, end, log, asked } = setUp();
    listen('a', 'b');
    take(publisher.batch('a', 'a1'), publisher.batch('b', 'b1'));
    publisher.skip(2);
    take(publisher.batch('a', 'a2'));
    end();
    const b2 = publisher.batch('b', 'b2');
    publisher.skip(1);
    take(publisher.batch('a', 'a3'));
    const a4 = publisher.batch('a', 'a4');
    const b3 = publisher.batch('b', 'b3');
    take(publisher.batch('a', 'a5'));
    expect(asked.at(-1)).toMatchObject({ after: 8, before: 11, names: ['a', 'b'] });
    replay([a4, b3]);
    expect(asked.at(-1)).toMatchObject({ after: 2, before: 8, names: ['b'] });
    replay([b2]);
    end();
    expect(log).toEqual(['a1', 'b1', 'a2', 'a3', 'a4', 'b2', 'b3', 'a5']);
  });
});

describe('a forged number', () => {
  test('of a batch that the publisher has not sent is dropped and told, and what was held goes on', () => {
    const { publisher, clock, listen, take, end, log, codes } = setUp();
    listen('a');
    take(publisher.batch('a', 'a1'));
    const forger = new Publisher(clock);
    forger.skip(1000);
    forger.batch('a', 'x');
    take(forger.batch('a', 'forged'), publisher.batch('a', 'a2'));
    expect(log).toEqual(['a1']);
    end();
    expect(log).toEqual(['a1', 'a2']);
    expect(codes).toEqual(['DEMITTER_PROTOCOL']);
  });

  test('that is the very next one of the publisher is dropped all the same', () => {
    const { publisher, listen, take, end, codes, log, clock } = setUp();
    listen('a', 'b');
    take(publisher.batch('a', 'a1'));
    publisher.batch('b', 'lost');
    const forger = new Publisher(clock);
    forger.skip(1);
    forger.batch('a', 'x');
    take(forger.batch('a', 'forged'));
    end();
    expect(codes).toEqual(['DEMITTER_PROTOCOL']);
    expect(log).not.toContain('forged');
  });

  test('of a tail is dropped and told, too', () => {
    const { publisher, clock, listen, take, end, log, codes } = setUp();
    listen('a');
    take(publisher.batch('a', 'a1'));
    const forger = new Publisher(clock);
    batches(forger, 'a', 1000);
    take(forger.tail('a'), publisher.batch('a', 'a2'));
    end();
    expect(log).toEqual(['a1', 'a2']);
    expect(codes).toEqual(['DEMITTER_PROTOCOL']);
  });

  test('that came by a replay makes true ones look old only until the publisher is asked', () => {
    const { publisher, listen, take, replay, end, log, asked } = setUp();
    listen('a');
    take(publisher.batch('a', 'a1'));
    publisher.batch('a', 'lost');
    take(publisher.tail('a'));
    const damaged = publisher.batch('a', 'damaged');
    const at = topic('a').length;
    damaged.writeUInt32BE(1000, at + 20); // sequence
    damaged.writeUInt32BE(1000, at + 36); // position
    replay([damaged]);
    end();
    take(publisher.batch('a', 'looks old'));
    expect(asked.at(-1)).toMatchObject({ after: Number.MAX_SAFE_INTEGER, before: 0 });
    expect(log.at(-1)).not.toBe('looks old');
    end({ replays: 0 });
    take(publisher.batch('a', 'a5'));
    expect(log.at(-1)).toBe('a5');
  });

  test('is not looked for again and again among duplicates', () => {
    const { publisher, listen, take, replay, end, log, asked, clock } = setUp();
    listen('a');
    const [a1, a2, a3, a4] = batches(publisher, 'a', 4) as Five;
    take(a1, a4);
    replay([a2, a3]);
    end();
    const { length } = asked;
    take(a2);
    end({ replays: 0 });
    take(a3);
    expect(asked).toHaveLength(length + 1);
    clock.now += 1000;
    take(a3);
    expect(asked).toHaveLength(length + 2);
    end({ replays: 0 });
    expect(log).toEqual(['a1', 'a2', 'a3', 'a4']);
  });

  test('does not make the first tail of another name look like one of what was sent before', () => {
    const { publisher, clock, listen, take, replay, end, log, asked } = setUp();
    listen('a');
    take(publisher.batch('a', 'a1'));
    const forger = new Publisher(clock, { answers: false });
    forger.skip(1000);
    take(forger.batch('a', 'forged'));
    clock.now += 1;
    listen('c');
    clock.now += 10;
    const missed = publisher.batch('c', 'missed');
    clock.now += 200;
    take(publisher.tail('c'));
    expect(asked).toEqual([]);
    take(publisher.batch('c', 'c2'));
    replay([missed], { ageMs: 200 });
    end();
    expect(log).toEqual(['a1', 'forged', 'missed', 'c2']);
  });

  test('does not make the first batch of another name look like a duplicate', async () => {
    const { publisher, clock, listen, take, end, log, pass } = setUp();
    listen('a');
    take(publisher.batch('a', 'a1'));
    const forger = new Publisher(clock);
    forger.skip(1000);
    take(forger.batch('a', 'forged'));
    // It gives up.
    await pass(20_000);
    listen('c');
    clock.now += 10;
    take(publisher.batch('c', 'c1'));
    end();
    clock.now += 10;
    take(publisher.batch('c', 'c2'));
    expect(log.slice(-3)).toEqual(['forged', 'c1', 'c2']);
  });

  test('of a publisher that does not exist does not hold up the true ones', async () => {
    const { publisher, clock, listen, take, pass, log } = setUp();
    listen('a');
    const forger = new Publisher(clock, { id: 99 });
    forger.skip(5);
    take(forger.batch('a', 'forged'), publisher.batch('a', 'a1'));
    expect(log).toEqual(['a1']);
    await pass(9000);
    expect(log).toEqual(['a1', 'forged']);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('the first contact with a publisher', () => {
  test('asks for what was sent since this began to listen, and delivers no more than that', () => {
    const { publisher, clock, listen, take, replay, end, log, asked } = setUp();
    const early = publisher.batch('a', 'early');
    clock.now += 500;
    listen('a', 'b');
    clock.now += 100;
    const missed = publisher.batch('b', 'missed');
    clock.now += 200;
    take(publisher.batch('a', 'came'));
    expect(log).toEqual([]);
    expect(asked).toEqual([{ after: 0, before: 3, maxAgeMs: 320, names: ['a', 'b'] }]);
    replay([early], { ageMs: 800 });
    replay([missed], { ageMs: 200, from: 1 });
    end();
    expect(log).toEqual(['missed', 'came']);
  });

  test('however much of it was sent before this began to listen', () => {
    const { publisher, clock, listen, take, replay, end, log } = setUp();
    const early = batches(publisher, 'a', 3);
    clock.now += 500;
    listen('a', 'b');
    clock.now += 100;
    const missed = publisher.batch('a', 'missed');
    clock.now += 100;
    take(publisher.batch('b', 'came'));
    replay(early, { ageMs: 700 });
    replay([missed], { ageMs: 100, from: 3 });
    end();
    take(publisher.batch('a', 'next'));
    expect(log).toEqual(['missed', 'came', 'next']);
  });

  test('asks nothing if it is the first batch of all', () => {
    const { publisher, listen, take, log, asked } = setUp();
    listen('a');
    take(publisher.batch('a', 1));
    expect([log, asked]).toEqual([[1], []]);
  });

  test('tells the loss of what was sent while this listened, but not how much it was', () => {
    const { publisher, clock, listen, take, end, log, asked } = setUp();
    publisher.batch('a', 'early');
    clock.now += 500;
    listen('a');
    clock.now += 100;
    publisher.batch('a', 'missed');
    clock.now += 200;
    take(publisher.batch('a', 'came'));
    expect(asked).toMatchObject([{ after: 0, before: 3, names: ['a'] }]);
    end({ gone: 2 });
    expect(log).toEqual(['lost some of a', 'came']);
  });

  test('tells no loss of what was sent before', () => {
    const { publisher, clock, listen, take, end, log } = setUp();
    batches(publisher, 'a', 3);
    clock.now += 500;
    listen('a');
    clock.now += 100;
    take(publisher.batch('a', 'came'));
    end({ gone: 3 });
    expect(log).toEqual(['came']);
  });

  describe('whose answer takes longer than the question allowed for', () => {
    /** Three events shortly before this began to listen; the third one comes, the second one is replayed late. */
    function setUpSlowly() {
      const bus = setUp();
      const { publisher, clock, listen, take, replay } = bus;
      const first = publisher.batch('a', 'first');
      clock.now += 10;
      const second = publisher.batch('a', 'second');
      clock.now += 2;
      const third = publisher.batch('a', 'third');
      clock.now += 3;
      listen('a', 'b');
      clock.now += 1;
      take(third);
      clock.now += 34;
      replay([second], { ageMs: 15 });
      return { ...bus, first, second };
    }

    test('asks again, further back, and delivers nothing before', () => {
      const { log, asked } = setUpSlowly();
      expect(log).toEqual([]);
      expect(asked).toEqual([
        { after: 0, before: 3, maxAgeMs: 21, names: ['a', 'b'] },
        { after: 0, before: 3, maxAgeMs: 103, names: ['a', 'b'] },
      ]);
    });

    test('also if nothing was replayed', () => {
      const { publisher, clock, listen, take, end, log, asked } = setUp();
      publisher.skip(1);
      listen('a');
      take(publisher.batch('a', 'a'));
      clock.now += 21;
      end();
      expect(asked.map(({ maxAgeMs }) => maxAgeMs)).toEqual([20, 63]);
      clock.now += 21;
      end();
      expect([log, asked.length]).toEqual([['a'], 2]);
    });

    test('asks no third time if the way is as long as before', () => {
      const { publisher, clock, listen, take, end, log, asked } = setUp();
      publisher.skip(1);
      listen('a');
      take(publisher.batch('a', 'a1'));
      clock.now += 50;
      end();
      clock.now += 99;
      end();
      expect([log, asked.length]).toEqual([['a1'], 2]);
    });

    test('is one that takes longer to begin: what is of no interest counts as well', () => {
      const { inbox, publisher, clock, take, replay, end, log, asked } = setUp();
      const interest = inbox.interests.listenToPrefix(EVENTS.prefix, EVENTS, (name) => name === 'a');
      inbox.interests.subscribed(interest, 1);
      inbox.interests.prove(1, clock.now);
      clock.now += 100;
      const others = batches(publisher, 'b', 3);
      clock.now += 10;
      take(publisher.batch('a', 'a1'));
      clock.now += 10;
      replay(others, { ageMs: 20 });
      clock.now += 15;
      end();
      expect([log, asked.length]).toEqual([['a1'], 1]);
    });

    test('reaches back as far as before for what was listened to then', () => {
      const { publisher, clock, listen, take, end, asked } = setUp();
      listen('a', 'b');
      publisher.batch('b', 'missed');
      clock.now += 500;
      take(publisher.batch('a', 'came'));
      clock.now += 40;
      listen('c');
      clock.now += 10;
      end();
      expect(asked.map(({ maxAgeMs }) => maxAgeMs)).toEqual([520, 650]);
    });

    test('in the end delivers what may have been sent since, and tells no loss of what was sent before', () => {
      const { first, second, clock, replay, end, log, codes } = setUpSlowly();
      clock.now += 20;
      replay([first], { ageMs: 60 });
      replay([second], { ageMs: 50, from: 1 });
      end();
      expect([log, codes]).toEqual([['second', 'third'], []]);
    });

    test('tells the loss of what was sent later and cannot be had', () => {
      const { second, clock, replay, end, log } = setUpSlowly();
      clock.now += 20;
      replay([second], { ageMs: 35 });
      end({ gone: 1, replays: 0 });
      expect(log).toEqual(['lost some of a', 'second', 'third']);
    });
  });

  test('asks for what is missing of a name that was listened to before others were', () => {
    const { publisher, clock, listen, take, replay, end, log, asked } = setUp();
    listen('a');
    clock.now += 100;
    const missed = publisher.batch('a', 'missed');
    clock.now += 400;
    listen('b');
    clock.now += 10;
    const later = publisher.batch('a', 'later');
    clock.now += 10;
    take(publisher.batch('b', 'came'));
    replay([later], { ageMs: 10 });
    expect(asked).toEqual([
      { after: 0, before: 3, maxAgeMs: 40, names: ['a', 'b'] },
      { after: 0, before: 2, maxAgeMs: 10_520, names: ['a', 'b'] },
    ]);
    replay([missed], { ageMs: 420 });
    end();
    expect(log).toEqual(['missed', 'later', 'came']);
  });

  test('asks for it also if something else was replayed before', () => {
    const { publisher, clock, listen, take, replay, end, log, asked } = setUp();
    listen('a');
    clock.now += 100;
    const missed = publisher.batch('a', 'missed');
    clock.now += 400;
    listen('b', 'd');
    clock.now += 5;
    const b1 = publisher.batch('b', 'b1');
    clock.now += 5;
    const later = publisher.batch('a', 'later');
    clock.now += 10;
    take(publisher.batch('d', 'came'));
    replay([b1], { ageMs: 15 });
    replay([later], { ageMs: 10, from: 1 });
    expect(asked.at(-1)).toMatchObject({ after: 0, before: 2, names: ['a'] });
    replay([missed], { ageMs: 420 });
    end();
    end();
    expect(log).toEqual(['b1', 'missed', 'later', 'came']);
  });

  test('asks for it as far back as the name is listened to, however old the replay is that shows it', () => {
    const { publisher, clock, listen, take, replay, end, log, asked } = setUp();
    listen('a');
    clock.now += 1000;
    const missed = publisher.batch('a', 'missed');
    clock.now += 20_000;
    listen('b');
    clock.now += 10;
    const later = publisher.batch('a', 'later');
    clock.now += 25_000;
    take(publisher.batch('b', 'came'));
    replay([later], { ageMs: 25_000 });
    expect(asked.at(-1)).toMatchObject({ before: 2, maxAgeMs: 56_010 });
    replay([missed], { ageMs: 45_010 });
    end();
    end();
    expect(log).toEqual(['missed', 'later', 'came']);
  });

  test('asks for the rest of an answer whatever its age is then', () => {
    const { publisher, clock, listen, take, replay, end, log, asked } = setUp();
    listen('a', 'b', 'd');
    clock.now += 1;
    const a1 = publisher.batch('a', 'a1');
    const b1 = publisher.batch('b', 'b1');
    clock.now += 100;
    take(publisher.batch('d', 'd1'));
    clock.now += 10;
    replay([a1], { ageMs: 110 });
    end({ through: 1 });
    expect(asked.at(-1)).toEqual({ after: 1, before: 3, maxAgeMs: INFINITE, names: ['a', 'b', 'd'] });
    clock.now += 1000;
    replay([b1], { ageMs: 1110 });
    end();
    take(publisher.batch('b', 'b2'));
    expect(log).toEqual(['a1', 'b1', 'd1', 'b2']);
  });

  describe('settles what was sent before,', () => {
    /** The flight of what comes makes what is older than this listens seem to be younger. */
    const FLIGHT_MS = 50;

    test('so that no name’s is delivered or missed later', () => {
      const { publisher, clock, listen, take, replay, end, log, asked } = setUp();
      const old = publisher.batch('a', 'old');
      clock.now += 1;
      listen('a', 'b');
      clock.now += 1;
      take(publisher.batch('b', 'b1'));
      replay([old], { ageMs: 2 });
      end();
      const next = publisher.batch('a', 'a1');
      clock.now += FLIGHT_MS;
      take(next, publisher.tail('a'));
      expect(log).toEqual(['b1', 'a1']);
      expect(asked).toHaveLength(1);
    });

    test('also where something was sent since', () => {
      const { publisher, clock, listen, take, replay, end, log, asked } = setUp();
      publisher.batch('a', 'old');
      clock.now += 1;
      listen('a', 'b');
      clock.now += 1;
      const b1 = publisher.batch('b', 'b1');
      clock.now += 1;
      take(publisher.batch('b', 'b2'));
      replay([b1], { ageMs: 1 });
      end();
      const next = publisher.batch('a', 'a1');
      clock.now += FLIGHT_MS;
      take(next);
      expect(log).toEqual(['b1', 'b2', 'a1']);
      expect(asked).toHaveLength(1);
    });

    test('without a question, too, if it listens only since then', () => {
      const { publisher, inbox, clock, listen, take, log, asked } = setUp();
      publisher.batch('a', 'old');
      clock.now += 1;
      for (const name of ['a', 'b']) inbox.interests.listen(topic(name), name);
      take(publisher.batch('b', 'b1'));
      listen('a', 'b');
      clock.now += 1;
      const next = publisher.batch('a', 'a1');
      clock.now += FLIGHT_MS;
      take(next);
      expect(log).toEqual(['b1', 'a1']);
      expect(asked).toEqual([]);
    });

    test('but not for a name that it has listened to for longer than the question reached back', () => {
      const { publisher, clock, listen, take, replay, end, log, asked } = setUp();
      listen('a');
      clock.now += 100;
      const missed = publisher.batch('a', 'missed');
      clock.now += 400;
      listen('b');
      take(publisher.batch('b', 'b1'));
      end();
      clock.now += 1;
      take(publisher.batch('a', 'a2'));
      expect(asked.at(-1)).toEqual({ after: 0, before: 2, maxAgeMs: 10_501, names: ['a'] });
      replay([missed], { ageMs: 401 });
      end();
      expect(log).toEqual(['b1', 'missed', 'a2']);
    });

    test('by a tail no further than it says: the answer has nothing of names listened to since', () => {
      const { publisher, clock, listen, take, replay, end, log } = setUp();
      listen('a');
      clock.now += 100;
      const a1 = publisher.batch('a', 'a1');
      clock.now += 100;
      take(publisher.tail('a'));
      clock.now += 10;
      listen('c');
      clock.now += 10;
      const missed = publisher.batch('c', 'missed');
      clock.now += 10;
      replay([a1], { ageMs: 130 });
      end();
      clock.now += 10;
      take(publisher.batch('c', 'c2'));
      replay([missed], { ageMs: 20 });
      end();
      expect(log).toEqual(['a1', 'missed', 'c2']);
    });

    test('also if something of it is gone, if it listens only since then', () => {
      const { publisher, clock, listen, take, end, log, asked } = setUp();
      listen('a');
      clock.now += 100;
      publisher.batch('c', 'old');
      publisher.batch('a', 'gone');
      clock.now += 10;
      take(publisher.batch('a', 'a1'));
      end({ gone: 2 });
      clock.now += 1;
      listen('c');
      clock.now += 1;
      const next = publisher.batch('c', 'c1');
      clock.now += FLIGHT_MS;
      take(next);
      expect([log, asked.length]).toEqual([['lost some of a', 'a1', 'c1'], 1]);
    });

    test('but not for who contradicts it by its number: one of the two was forged', () => {
      const { publisher, clock, listen, take, replay, end, log } = setUp();
      listen('a');
      const forger = new Publisher(clock, { answers: false });
      forger.skip(1000);
      take(forger.batch('a', 'forged'));
      clock.now += 1;
      listen('c');
      clock.now += 10;
      const missed = publisher.batch('c', 'missed');
      clock.now += 10;
      take(publisher.batch('c', 'c2'));
      replay([missed], { ageMs: 10 });
      end();
      expect(log).toEqual(['forged', 'missed', 'c2']);
    });
  });

  test('by a tail: of what was sent before, nothing is asked; of what was sent since, all', () => {
    const { publisher, clock, listen, take, replay, end, log, asked } = setUp();
    publisher.batch('a', 'early');
    clock.now += 100;
    listen('a', 'b');
    clock.now += 100;
    take(publisher.tail('a'));
    expect(asked).toEqual([]);
    const b1 = publisher.batch('b', 'b1');
    clock.now += 50;
    take(publisher.tail('b'));
    expect(asked).toMatchObject([{ after: 0, before: 0, names: ['a', 'b'] }]);
    replay([b1], { ageMs: 50 });
    end();
    expect(log).toEqual(['b1']);
  });

  test('soon after an outage asks for what was sent in it, too', () => {
    const { publisher, clock, inbox, listen, take, asked } = setUp();
    listen('a');
    clock.now += 60_000;
    inbox.suspect(3000);
    clock.now += 1000;
    publisher.skip(1);
    const other = new Publisher(clock, { id: 3 });
    // Listening began anew just now: without the outage, nothing older would be of interest.
    listen('b');
    other.skip(1);
    take(publisher.batch('a', 1), other.batch('b', 1));
    expect(asked.map(({ maxAgeMs }) => maxAgeMs)).toEqual([4000, 4000]);
  });
});

describe('a name that is left and taken up again', () => {
  /** `b` is always listened to; `a` is left after its first batch, and misses two, which `b` shows. */
  function leave() {
    const world = setUp();
    const { publisher, listen, take, inbox, clock, log, asked } = world;
    listen('a', 'b');
    take(publisher.batch('a', 'a1'), publisher.batch('b', 'b1'));
    inbox.interests.unlisten(topic('a'));
    clock.now = 1100;
    const unheard = batches(publisher, 'a', 2);
    take(publisher.batch('b', 'b2'));
    expect([log, asked.length]).toEqual([['a1', 'b1'], 1]);
    return { ...world, unheard };
  }

  test('tells no loss of what is accounted for, although it was sent less long ago than it is listened to', () => {
    const { publisher, listen, take, log, clock, end, asked } = leave();
    end();
    listen('a');
    const next = publisher.batch('a', 'next');
    // On its way for a while.
    clock.now = 1300;
    take(next);
    expect([log, asked.length]).toEqual([['a1', 'b1', 'b2', 'next'], 1]);
  });

  test('tells the loss of what was sent since, where what is accounted for could not be had', () => {
    const { publisher, listen, take, log, clock, end } = leave();
    end();
    clock.now += 10;
    listen('a');
    clock.now += 10;
    batches(publisher, 'a', 3);
    take(publisher.batch('b', 'b3'));
    end({ gone: publisher.last - 1 });
    take(publisher.batch('a', 'next'));
    expect(log).toEqual(['a1', 'b1', 'b2', 'b3', 'lost some of a', 'next']);
  });

  test('gets nothing that is older, however much of it is replayed', () => {
    const { publisher, listen, take, log, clock, replay, end, unheard } = leave();
    // The answer comes when it is listened to again.
    clock.now = 2000;
    listen('a');
    clock.now = 2010;
    replay(unheard, { ageMs: 900 });
    end();
    take(publisher.batch('a', 'new'));
    expect(log).toEqual(['a1', 'b1', 'b2', 'new']);
  });

  describe('gets what was sent since and nothing else, where durations cannot tell:', () => {
    /** The flight of what comes makes what is older than `a` is listened to seem to be younger. */
    const FLIGHT_MS = 50;

    /** `a` is left after `a1`; it misses `a2`, which was taken for another name's, and is then taken up again. */
    function takeUpAgain() {
      const world = setUp();
      const { publisher, listen, take, inbox, clock, end, log } = world;
      listen('a', 'b');
      take(publisher.batch('a', 'a1'), publisher.batch('b', 'b1'));
      publisher.skip(1);
      take(publisher.batch('b', 'b2'));
      end();
      inbox.interests.unlisten(topic('a'));
      publisher.batch('a', 'a2');
      const a2Sequence = publisher.last;
      take(publisher.batch('b', 'b3'));
      clock.now += 1;
      listen('a');
      clock.now += 1;
      expect(log.splice(0)).toEqual(['a1', 'b1', 'b2', 'b3']);
      world.asked.length = 0;
      return { ...world, a2Sequence };
    }

    test('what came before it was proven to listen was sent before', () => {
      const { publisher, take, clock, log, asked } = takeUpAgain();
      const a3 = publisher.batch('a', 'a3');
      clock.now += FLIGHT_MS;
      take(a3);
      expect([log, asked]).toEqual([['a3'], []]);
    });

    test('also if it began to listen to others, and heard of the publisher, meanwhile', () => {
      const { publisher, take, clock, listen, log, asked } = takeUpAgain();
      take(publisher.batch('b', 'b4'));
      clock.now += 1;
      listen('c');
      const a3 = publisher.batch('a', 'a3');
      clock.now += FLIGHT_MS;
      take(a3);
      expect([log, asked]).toEqual([['b4', 'a3'], []]);
    });

    test('what came after it was proven to listen may have been sent since', () => {
      const { publisher, a2Sequence, take, clock, listen, replay, end, log, asked } = takeUpAgain();
      const a3 = publisher.batch('a', 'a3');
      take(publisher.batch('b', 'b4'));
      clock.now += 1;
      listen('c');
      const a4 = publisher.batch('a', 'a4');
      clock.now += FLIGHT_MS;
      take(a4);
      expect(asked).toMatchObject([{ after: a2Sequence + 1, names: ['a'] }]);
      replay([a3], { ageMs: 1 });
      end();
      expect(log).toEqual(['b4', 'a3', 'a4']);
    });

    test('also what came with an answer', () => {
      const { publisher, take, clock, listen, replay, end, log } = takeUpAgain();
      const b4 = publisher.batch('b', 'b4');
      take(publisher.tail('b'));
      listen('c');
      clock.now += 1;
      const c1 = publisher.batch('c', 'c1');
      const b5 = publisher.batch('b', 'b5');
      replay([b4, b5]);
      clock.now += 1;
      take(publisher.batch('c', 'c2'));
      end();
      replay([c1], { ageMs: 1 });
      end();
      expect(log).toEqual(['b4', 'b5', 'c1', 'c2']);
    });

    test('also what came with the end of an answer', () => {
      const { publisher, take, clock, listen, replay, end, log } = takeUpAgain();
      const b4 = publisher.batch('b', 'b4');
      take(publisher.tail('b'));
      replay([b4]);
      listen('c');
      clock.now += 1;
      const c1 = publisher.batch('c', 'c1');
      end();
      clock.now += 1;
      take(publisher.batch('c', 'c2'));
      replay([c1], { ageMs: 1 });
      end();
      expect(log).toEqual(['b4', 'c1', 'c2']);
    });

    test('what is held when it is proven to listen came before, too', () => {
      const { publisher, take, clock, listen, replay, end, log, asked } = takeUpAgain();
      const b4 = publisher.batch('b', 'b4');
      take(publisher.batch('b', 'b5'));
      publisher.batch('c', 'old');
      take(publisher.batch('b', 'b6'));
      clock.now += 1;
      listen('c');
      clock.now += 1;
      const c1 = publisher.batch('c', 'c1');
      clock.now += FLIGHT_MS;
      take(c1);
      replay([b4]);
      end();
      expect([log, asked.length]).toEqual([['b4', 'b5', 'b6', 'c1'], 1]);
    });

    test('what is held of the name itself may have been sent before, and is delivered', () => {
      const { publisher, inbox, take, clock, replay, end, log, asked } = takeUpAgain();
      const b4 = publisher.batch('b', 'b4');
      take(publisher.batch('b', 'b5'));
      for (const name of ['c', 'd'])
        inbox.interests.subscribed(inbox.interests.listen(topic(name), name), 100);
      publisher.batch('d', 'old');
      take(publisher.batch('c', 'c1'));
      clock.now += 1;
      inbox.interests.prove(100, clock.now);
      clock.now += 1;
      take(publisher.batch('b', 'b6'));
      replay([b4]);
      end();
      const d1 = publisher.batch('d', 'd1');
      clock.now += FLIGHT_MS;
      take(d1, publisher.batch('c', 'c2'));
      expect([log, asked.length]).toEqual([['b4', 'b5', 'c1', 'b6', 'd1', 'c2'], 1]);
    });

    test('of what was held with a forged number nothing is concluded', () => {
      const { publisher, take, clock, listen, replay, end, log } = takeUpAgain();
      const forger = new Publisher(clock);
      forger.skip(1000);
      take(forger.batch('b', 'forged'));
      clock.now += 1;
      listen('c');
      clock.now += 1;
      const c1 = publisher.batch('c', 'c1');
      clock.now += 1;
      take(publisher.batch('b', 'b4'));
      end();
      // True numbers are beyond it now, and do not contradict it.
      publisher.skip(1000);
      take(publisher.batch('c', 'c2'));
      replay([c1], { ageMs: 1 });
      end();
      end();
      expect(log.filter((entry) => entry !== 'forged')).toEqual(['b4', 'c1', 'c2']);
    });

    test('what was noted of a replay from before does not outweigh it', () => {
      const { publisher, inbox, take, clock, replay, end, log, asked } = takeUpAgain();
      publisher.skip(1);
      const old = publisher.batch('c', 'old');
      inbox.interests.subscribed(inbox.interests.listen(topic('c'), 'c'), 100);
      take(publisher.batch('b', 'b4'));
      replay([old], { ageMs: 5 });
      end();
      // Not forwarded yet.
      publisher.batch('c', 'older than the proof');
      take(publisher.batch('b', 'b5'));
      clock.now += 10;
      inbox.interests.prove(100, clock.now);
      clock.now += 10;
      take(publisher.batch('c', 'c1'));
      expect([log, asked.length]).toEqual([['b4', 'b5', 'c1'], 1]);
    });

    test('what came by a replay before it was left does not come again', () => {
      const { publisher, take, clock, listen, inbox, replay, end, log } = takeUpAgain();
      const a3 = publisher.batch('a', 'a3');
      take(publisher.tail('a'));
      replay([a3]);
      end();
      inbox.interests.unlisten(topic('a'));
      listen('a');
      clock.now += 1;
      take(a3, publisher.batch('a', 'a4'));
      end();
      expect(log).toEqual(['a3', 'a4']);
    });
  });
});

describe('bounds', () => {
  test('32 MiB are held; what comes beyond is asked for afterwards, and nothing is lost', () => {
    const { publisher, listen, take, replay, end, log, asked } = setUp();
    listen('a');
    const value = (i: number) => Buffer.alloc(MIB, i);
    const sent = Array.from({ length: 41 }, (_, i) => publisher.batch('a', value(i)));
    take(sent[0] as Buffer, ...sent.slice(2));
    expect(log).toHaveLength(1);
    replay([sent[1] as Buffer]);
    end();
    const delivered = log.length;
    expect(delivered).toBeGreaterThan(30);
    expect(delivered).toBeLessThan(34);
    expect(asked.slice(1)).toEqual([{ after: delivered, before: 0, maxAgeMs: INFINITE, names: ['a'] }]);
    replay(sent.slice(delivered));
    end();
    expect(log.map((bytes) => (bytes as Buffer)[0])).toEqual(sent.map((_, i) => i));
    // The room is given back.
    publisher.batch('a', value(41));
    take(...Array.from({ length: 29 }, (_, i) => publisher.batch('a', value(42 + i))));
    end({ gone: 42 });
    expect(log[41]).toBe('lost 1 of a');
    expect([log.length, asked.length]).toEqual([41 + 1 + 29, 3]);
  });

  test('of more than 250,000 names those are forgotten that are idle, and no loss is told of them', () => {
    const { streams, clock, take, log, asked, answer } = manyNames();
    clock.now = 1100;
    take(3, 0, 130_000);
    clock.now = 2000;
    take(2, 0, 120_001);
    // All were heard of, as far as anybody looked: those of the publisher that is known for longest are forgotten.
    clock.now = 3000;
    log.length = 0;
    take(2, 0, 1000);
    expect([log.length, asked.length]).toEqual([1000, 0]);
    take(3, 0, 1);
    expect([log.length, asked.length]).toEqual([1000, 1]);
    answer();
    expect(log).toHaveLength(1001);
    // What is missed after that shows.
    clock.now = 3500;
    take(3, 5, 1, { isLost: true });
    clock.now = 4000;
    take(3, 5, 1);
    answer();
    expect(log.slice(1001)).toEqual(['lost some of 5', 5]);
    // Now only those go that were not heard of since.
    take(4, 0, 129_998);
    log.length = 0;
    take(2, 999, 1, { isLost: true });
    take(2, 999, 1);
    answer();
    expect(log).toEqual(['lost 1 of 999', 999]);
    streams.stop();
  }, 60_000);
});

/** Streams of publishers with numbers for names, of which each batch carries one event, and without the bytes. */
function manyNames() {
  const clock = { now: 1000 };
  const log: unknown[] = [];
  const asked: { publisher: number; number: number; before: number }[] = [];
  const interests = new Interests();
  interests.subscribed(interests.listenToPrefix(EVENTS.prefix), 1);
  interests.prove(1, clock.now);
  const streams = new Streams(
    interests,
    { now: () => clock.now, recoveryTimeoutMs: 5000 },
    {
      deliver: ({ interest: { name } }) => void log.push(name),
      onError: ({ missed, eventName }) => void log.push(`lost ${missed ?? 'some'} of ${String(eventName)}`),
      ask: (publisher, number, { before }) => void asked.push({ publisher, number, before }),
      provenMs: () => clock.now,
    },
  );
  const sequences = new Map<number, number>();
  const names = new Map<string, { sequence: number; position: number; sentAt: number }>();
  const message = (name: number) => Buffer.concat([topic(name), Buffer.alloc(HEADER_BYTES)]);
  return {
    streams,
    clock,
    log,
    asked,
    /** Takes a batch of each of `count` names, or loses it. */
    take(publisher: number, first: number, count: number, { isLost = false } = {}): void {
      for (let name = first; name < first + count; name += 1) {
        const sequence = (sequences.get(publisher) ?? 0) + 1;
        sequences.set(publisher, sequence);
        const key = `${publisher} ${name}`;
        const before = names.get(key);
        const { sequence: previous, position } = before ?? { sequence: 0, position: 0 };
        const elapsed = before === undefined ? NO_ELAPSED : toElapsed(clock.now - before.sentAt);
        names.set(key, { sequence, position: position + 1, sentAt: clock.now });
        if (isLost) continue;
        const header = { kind: MessageKind.batch, flags: FLAG_ANSWERS, count: 1, publisher };
        const bytes = message(name);
        const interest = interests.of(bytes) as Interest;
        streams.take({ ...header, sequence, previous, position, elapsed, time: 0 }, interest, bytes);
      }
    },
    /** Answers every question: there is nothing that could be replayed. */
    answer(): void {
      for (const { publisher, number, before } of asked) {
        const last = sequences.get(publisher) as number;
        const through = before === 0 ? last : before - 1;
        streams.of(publisher)?.replayed(number, { through, gone: through, last, replays: 0 });
      }
    },
  };
}

test('a publisher that numbers a name anew goes on', () => {
  const { publisher, listen, take, log, codes } = setUp();
  listen('a');
  take(publisher.batch('a', 'a1'), publisher.batch('a', 'a2'));
  publisher.forget('a');
  take(publisher.batch('a', 'a3'), publisher.batch('a', 'a4'));
  expect([log, codes]).toEqual([['a1', 'a2', 'a3', 'a4'], []]);
});

test('the publisher of these tests numbers as the page says', () => {
  const clock = { now: 0 };
  const publisher = new Publisher(clock);
  publisher.batch('a', 1);
  clock.now = 50;
  const message = publisher.batch('a', 2);
  const { sequence, previous, position, elapsed, count } = headerOf(message);
  expect({ sequence, previous, position, count, elapsedMs: fromElapsed(elapsed) }).toEqual({
    sequence: 2,
    previous: 1,
    position: 1,
    count: 1,
    elapsedMs: 50,
  });
  expect(message.length).toBe(topic('a').length + HEADER_BYTES + 1);
});
