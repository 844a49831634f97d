import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Inbox } from '../../src/delivery/receiving/inbox.js';
import type { PrefixInterest } from '../../src/delivery/receiving/interests.js';
import type { DistributedError } from '../../src/errors.js';
import {
  emptyHeader,
  FLAG_ACKNOWLEDGE,
  FLAG_ANSWERS,
  HEADER_BYTES,
  type Header,
  MessageKind,
  writeHeader,
} from '../../src/wire/batch.js';
import { packPayload } from '../../src/wire/payload.js';
import { encodeReplayed, type Request } from '../../src/wire/recovery.js';
import { EVENTS } from '../../src/wire/space.js';
import { encodeTopic } from '../../src/wire/topic.js';

const SELF = 1;

function setUp() {
  const events: [PropertyKey, unknown][] = [];
  const errors: DistributedError[] = [];
  const delivered: [publisher: number, sequence: number, eventsBefore: number][] = [];
  const asked: { publisher: number; number: number; request: Request }[] = [];
  const clock = { now: 1000 };
  const inbox = new Inbox(
    SELF,
    { now: () => clock.now, recoveryTimeoutMs: 5000, maxEventBytes: 1024 * 1024 },
    {
      onEvents: ({ name }, values) =>
        void events.push(...values.map((value): [PropertyKey, unknown] => [name, value])),
      onError: (error) => void errors.push(error),
      onDelivered: (publisher, sequence) => void delivered.push([publisher, sequence, events.length]),
      onMissing: (publisher, number, request) => void asked.push({ publisher, number, request }),
      provenMs: () => clock.now,
    },
  );
  const { interests } = inbox;
  let subscriptions = 0;
  let toAll: PrefixInterest | undefined;
  return {
    inbox,
    events,
    errors,
    delivered,
    clock,
    /** Listens, and proves it. */
    listen(...names: PropertyKey[]): void {
      for (const name of names) {
        subscriptions += 1;
        interests.subscribed(interests.listen(topic(name), name), subscriptions);
      }
      interests.prove(subscriptions, clock.now);
    },
    listenToAll(all: boolean): void {
      subscriptions += 1;
      if (all) {
        toAll = interests.listenToPrefix(EVENTS.prefix);
        interests.subscribed(toAll, subscriptions);
      } else if (toAll !== undefined) interests.unlistenToPrefix(toAll);
      interests.prove(subscriptions, clock.now);
    },
    /** Answers what was asked, and what is asked then: there is nothing that could be replayed. */
    answer(last = Number.MAX_SAFE_INTEGER): void {
      for (let question = asked.shift(); question !== undefined; question = asked.shift()) {
        const { publisher, number, request } = question;
        const through = Math.min(last, request.before - 1);
        const header = { ...emptyHeader(), kind: MessageKind.replayed, publisher, sequence: number };
        const body = encodeReplayed({ through, gone: through, last, replays: 0 });
        expect(inbox.receiveAnswer(header, body)).toBeUndefined();
      }
    },
  };
}

function message(name: PropertyKey, values: readonly unknown[], header: Partial<Header> = {}): Buffer {
  const head = Buffer.alloc(HEADER_BYTES);
  const complete = {
    ...emptyHeader(),
    kind: MessageKind.batch,
    flags: FLAG_ANSWERS,
    count: values.length,
    publisher: 2,
    sequence: 1,
  };
  writeHeader(head, 0, { ...complete, ...header });
  return Buffer.concat([topic(name), head, ...values.map((value) => Buffer.from(packPayload(value)))]);
}

const topic = (name: PropertyKey) => encodeTopic(name) as Buffer;

describe('a message', () => {
  test('is delivered under exactly its name', () => {
    const { inbox, events, errors, listen } = setUp();
    listen('user');
    listen(7);
    inbox.receive(message('user', [1, 2]));
    inbox.receive(message('user:login', [3]));
    inbox.receive(message(7, [4]));
    inbox.receive(message('7', [5]));
    expect(events).toEqual([
      ['user', 1],
      ['user', 2],
      [7, 4],
    ]);
    expect(errors).toEqual([]);
  });

  test('is not delivered any more once nobody listens', () => {
    const { inbox, events, listen } = setUp();
    listen('a');
    inbox.interests.unlisten(topic('a'));
    inbox.receive(message('a', [1]));
    expect(events).toEqual([]);
  });

  test('of any name is delivered to who listens to all, under a name of the right type', () => {
    const { inbox, events, listenToAll } = setUp();
    listenToAll(true);
    for (const name of ['a', '', 0, Symbol.for('s')])
      inbox.receive(message(name, [name === '' ? 'empty' : 1]));
    listenToAll(false);
    inbox.receive(message('b', [1]));
    expect(events.map(([name]) => name)).toEqual(['a', '', 0, Symbol.for('s')]);
  });

  test('of one’s own is no echo', () => {
    const { inbox, events, errors, listen } = setUp();
    listen('a');
    inbox.receive(message('a', [1], { publisher: SELF }));
    expect([events, errors]).toEqual([[], []]);
  });
});

describe('what is lost is told, exactly and once', () => {
  const lost = (errors: readonly DistributedError[]) =>
    errors.map(({ type, code, eventName, missed, publisherId }) => ({
      type,
      code,
      eventName,
      missed,
      publisherId,
    }));
  const loss = (eventName: PropertyKey, missed: number) => ({
    type: 'loss',
    code: 'DEMITTER_LOSS',
    eventName,
    missed,
    publisherId: '00000000000002',
  });

  test('by the first batch after the gap, and delivery goes on', () => {
    const { inbox, events, errors, listen, answer } = setUp();
    listen('a');
    inbox.receive(message('a', [1, 2], { sequence: 1, position: 0 }));
    inbox.receive(message('a', [3], { sequence: 3, previous: 1, position: 2 }));
    inbox.receive(message('a', [9], { sequence: 9, previous: 7, position: 8 }));
    inbox.receive(message('a', [10], { sequence: 10, previous: 9, position: 9 }));
    answer();
    expect(lost(errors)).toEqual([loss('a', 5)]);
    expect(events.map(([, value]) => value)).toEqual([1, 2, 3, 9, 10]);
  });

  test('for each name and each publisher by itself', () => {
    const { inbox, errors, listenToAll, answer } = setUp();
    listenToAll(true);
    inbox.receive(message('a', [1], { sequence: 1 }));
    inbox.receive(message('b', [1], { sequence: 2 }));
    inbox.receive(message('a', [1], { publisher: 3, sequence: 50, previous: 40, position: 90 }));
    inbox.receive(message('a', [3], { sequence: 5, previous: 4, position: 2 }));
    inbox.receive(message('b', [2], { sequence: 6, previous: 2, position: 1 }));
    answer();
    expect(lost(errors)).toEqual([loss('a', 1)]);
  });

  test('but not what came before the first batch, or while nobody listened', () => {
    const { inbox, events, errors, listen, listenToAll, answer } = setUp();
    listen('a');
    inbox.receive(message('a', [50], { sequence: 50, previous: 49, position: 49 }));
    answer();
    inbox.interests.unlisten(topic('a'));
    listen('a');
    inbox.receive(message('a', [60], { sequence: 60, previous: 59, position: 59 }));
    answer();
    expect(errors).toEqual([]);
    // Listened to by name or among all, without a break.
    listenToAll(true);
    inbox.interests.unlisten(topic('a'));
    inbox.receive(message('a', [61], { sequence: 61, previous: 60, position: 60 }));
    inbox.receive(message('a', [63], { sequence: 63, previous: 62, position: 62 }));
    answer();
    expect(lost(errors)).toEqual([loss('a', 1)]);
    expect(events.map(([, value]) => value)).toEqual([50, 60, 61, 63]);
  });

  test('a forged number does no lasting harm', () => {
    const { inbox, events, errors, listen, answer } = setUp();
    listen('a');
    inbox.receive(message('a', [1], { sequence: 1 }));
    inbox.receive(message('a', ['forged'], { sequence: 2 ** 50, previous: 1, position: 1 }));
    inbox.receive(message('a', [2], { sequence: 2, previous: 1, position: 1 }));
    answer(2);
    inbox.receive(message('a', [3], { sequence: 3, previous: 2, position: 2 }));
    expect(events.map(([, value]) => value)).toEqual([1, 2, 3]);
    expect(errors.map(({ code }) => code)).toEqual(['DEMITTER_PROTOCOL']);
  });

  test('a forged number that cannot be told from a true one does no lasting harm either', () => {
    const { inbox, events, errors, listen, answer } = setUp();
    listen('a');
    inbox.receive(message('a', [1], { sequence: 5 }));
    answer();
    inbox.receive(message('a', ['forged'], { sequence: 6, previous: 5, position: 1 }));
    for (const sequence of [6, 7, 8]) {
      const previous = sequence === 6 ? 5 : sequence - 1;
      inbox.receive(message('a', [sequence], { sequence, previous, position: sequence - 5 }));
    }
    expect(events.map(([, value]) => value)).toEqual([1, 'forged', 6, 7, 8]);
    expect(errors).toEqual([]);
  });

  test('a publisher that numbers a name anew has lost nothing', () => {
    const { inbox, errors, listen } = setUp();
    listen('a');
    inbox.receive(message('a', [1], { sequence: 7, previous: 6, position: 6 }));
    inbox.receive(message('a', [2], { sequence: 900, previous: 0, position: 0 }));
    inbox.receive(message('a', [3], { sequence: 901, previous: 900, position: 1 }));
    expect(errors).toEqual([]);
  });

  test('a batch that could not be decoded is not told a second time', () => {
    const { inbox, errors, listen } = setUp();
    listen('a');
    inbox.receive(message('a', [1], { sequence: 1 }));
    inbox.receive(message('a', ['x'], { sequence: 2, previous: 1, position: 1 }).subarray(0, -1));
    inbox.receive(message('a', [3], { sequence: 3, previous: 2, position: 2 }));
    expect(errors.map(({ code }) => code)).toEqual(['DEMITTER_DESERIALIZATION']);
  });
});

test('a full batch of costly RegExps is delivered', () => {
  const { inbox, events, errors, listen } = setUp();
  listen('a');
  const [source, flags]: [string, string] = ['^\\p{RGI_Emoji}$', 'v'];
  const values = Array.from({ length: 150 }, () => ({ re: new RegExp(source, flags) }));
  inbox.receive(message('a', values));
  expect([events.length, errors]).toEqual([150, []]);
});

test('a batch that asks for it is acknowledged once its events are delivered', () => {
  const { inbox, delivered, listen, answer } = setUp();
  listen('a');
  inbox.receive(message('a', [1, 2], { sequence: 7 }));
  answer();
  inbox.receive(message('a', [3, 4], { sequence: 8, flags: FLAG_ACKNOWLEDGE | FLAG_ANSWERS }));
  inbox.receive(message('b', [5], { sequence: 9, flags: FLAG_ACKNOWLEDGE | FLAG_ANSWERS }));
  expect(delivered).toEqual([[2, 8, 4]]);
});

describe('a message that follows no protocol is told, and the next one works', () => {
  test.each<[string, () => Buffer, string]>([
    ['without an end of its topic', () => Buffer.from('esa'), 'DEMITTER_PROTOCOL'],
    ['without a header', () => topic('a'), 'DEMITTER_PROTOCOL'],
    ['of another version', () => message('a', [1]).fill(9, 4, 5), 'DEMITTER_PROTOCOL'],
    ['of an unknown kind', () => message('a', [1], { kind: 9 }), 'DEMITTER_PROTOCOL'],
    [
      'under a reserved name',
      () => Buffer.concat([Buffer.from('esdistributed:error\0'), message('a', [1]).subarray(4)]),
      'DEMITTER_PROTOCOL',
    ],
    ['with fewer events than it says', () => message('a', [1], { count: 2 }), 'DEMITTER_DESERIALIZATION'],
    ['with more events than it says', () => message('a', [1, 2], { count: 1 }), 'DEMITTER_DESERIALIZATION'],
    [
      'with thousands of millions of events, it says',
      () => message('a', [1], { count: 0xffff_ffff }),
      'DEMITTER_DESERIALIZATION',
    ],
    ['with no events', () => message('a', [], { count: 0 }), 'DEMITTER_PROTOCOL'],
    ['with a payload cut short', () => message('a', ['hello']).subarray(0, -1), 'DEMITTER_DESERIALIZATION'],
  ])('%s', (_, make, code) => {
    const { inbox, events, errors, listenToAll } = setUp();
    listenToAll(true);
    inbox.receive(make());
    expect(errors.map((error) => error.code)).toEqual([code]);
    inbox.receive(message('a', ['next']));
    expect(events).toEqual([['a', 'next']]);
  });

  test('any bytes at all, and any damage to good ones', () => {
    const good = message('a', [{ some: ['data', 1, null] }]);
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (random, mutations) => {
          const { inbox, events, listen, listenToAll, answer } = setUp();
          listenToAll(true);
          listen('a');
          inbox.receive(Buffer.from([0x65, ...random]));
          const damaged = Buffer.from(good);
          for (const [at, value] of mutations) damaged[at] = value;
          inbox.receive(damaged);
          answer(1);
          events.length = 0;
          inbox.receive(message('a', [1]));
          expect(events).toEqual([['a', 1]]);
        },
      ),
    );
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
