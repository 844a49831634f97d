/** The oracle of the fault suite must fail when it should: a suite that cannot fail proves nothing. */
import { expect, test } from 'vitest';
import { Published, Received, type TestEvent } from '../support/fault-record.mjs';
import { judge, prove, type Reception, type Rules } from '../support/oracle.js';

const PUBLISHER = 'aaaaaaaaaaaaaa';

type Delivery = readonly [name: string, event: TestEvent];

/** One publisher, names a and b in turn, 20 events; `between` is what happens to them on the way. */
function run(
  between: (deliveries: Delivery[], received: Received, published: Published) => readonly Delivery[],
  { rules = {}, joined = false }: { rules?: Rules; joined?: boolean } = {},
): readonly string[] {
  const published = new Published(PUBLISHER);
  const received = new Received();
  const deliveries = Array.from({ length: 20 }, (_, i): Delivery => {
    const name = i % 2 === 0 ? 'a' : 'b';
    const event = published.next(name, 200);
    // The publisher stamps one padding again and again; a receiver has each event's own copy.
    return [name, { ...event, d: Uint8Array.from(event.d ?? []) }];
  });
  for (const [name, event] of between(deliveries, received, published)) received.take(name, event);
  const reception: Reception = {
    subscriber: 'bbbbbbbbbbbbbb',
    label: 'subscriber',
    names: ['a', 'b'],
    joined,
    // As it travels between processes.
    ...JSON.parse(JSON.stringify(received.report())),
  };
  const labels = new Map([[PUBLISHER, 'publisher']]);
  return judge([{ publisher: PUBLISHER, ...published.report() }], [reception], { labels, ...rules }).problems;
}

const without = <T>(list: readonly T[], at: number, count = 1) => list.toSpliced(at, count);

const damaged = ([name, event]: Delivery, change: Partial<TestEvent>): Delivery => [
  name,
  { ...event, ...change },
];

test('all delivered in order: nothing is wrong', () => {
  expect(run((events) => events)).toEqual([]);
});

test('a dropped event', () => {
  expect(run((events) => without(events, 4))).toEqual([
    "subscriber ← publisher, 'a': 1 lost in silence: delivered 9 + told 0 ≠ 10 due; last 9, missing on the way: 2",
  ]);
});

test('a dropped tail, which leaves no gap', () => {
  expect(run((events) => without(events, 16, 4))).toEqual([
    "subscriber ← publisher, 'a': 2 lost in silence: delivered 8 + told 0 ≠ 10 due; last 7, missing on the way: none",
    "subscriber ← publisher, 'b': 2 lost in silence: delivered 8 + told 0 ≠ 10 due; last 7, missing on the way: none",
  ]);
});

test('a name of which nothing came', () => {
  expect(run((events) => events.filter(([name]) => name === 'a'))).toEqual([
    "subscriber ← publisher, 'b': 10 lost in silence: delivered 0 + told 0 ≠ 10 due; nothing of it came",
  ]);
});

test('a doubled event, at once and later', () => {
  const double = (events: Delivery[]) => [...events, events[4] as Delivery, events[19] as Delivery];
  expect(run((events) => double(events))).toEqual([
    'subscriber ← publisher: 2 events after a later one of the same publisher',
    "subscriber ← publisher, 'a': 1 duplicates",
    "subscriber ← publisher, 'b': 1 duplicates",
  ]);
});

test('a doubled event does not make up for a lost one', () => {
  const problems = run((events) => without(events, 6).toSpliced(4, 0, events[4] as Delivery));
  expect(problems).toContain("subscriber ← publisher, 'a': 1 duplicates");
  expect(problems.join()).toContain('1 lost in silence');
});

test('events of one name swapped', () => {
  const swap = ([first, ...rest]: Delivery[]) => [...rest.slice(0, 2), first, ...rest.slice(2)] as Delivery[];
  expect(run((events) => swap(events))).toEqual([
    'subscriber ← publisher: 1 events after a later one of the same publisher',
    "subscriber ← publisher, 'a': 1 out of order",
  ]);
});

test('events of two names swapped, each name in order', () => {
  const swap = ([first, second, ...rest]: Delivery[]) => [second, first, ...rest] as Delivery[];
  expect(run((events) => swap(events))).toEqual([
    'subscriber ← publisher: 1 events after a later one of the same publisher',
  ]);
});

test('lost and told exactly is right, unless nothing may be told', () => {
  const lose = (events: Delivery[], received: Received) => {
    received.tell(PUBLISHER, 'a', 2);
    return events.toSpliced(4, 1).toSpliced(5, 1);
  };
  expect(run(lose)).toEqual([]);
  expect(run(lose, { rules: { told: 'none' } })).toEqual([
    "subscriber ← publisher, 'a': told of 2 lost; last 9, missing on the way: 2–3",
  ]);
});

test('told twice, told too little, told of another name', () => {
  const tell = (...told: [string, number][]) =>
    run((events, received) => {
      for (const [name, missed] of told) received.tell(PUBLISHER, name, missed);
      return without(events, 4);
    });
  expect(tell(['a', 1])).toEqual([]);
  expect(tell(['a', 1], ['a', 1]).join()).toContain('1 too many: delivered 9 + told 2 ≠ 10 due');
  expect(tell(['b', 1])).toHaveLength(2);
});

test('told without a number, only where that is allowed', () => {
  const lose = (events: Delivery[], received: Received) => {
    received.tell(PUBLISHER, 'a', undefined);
    return without(events, 4);
  };
  expect(run(lose).join()).toContain("'a': told 1 times of a loss without its size");
  expect(run(lose, { rules: { told: 'inexact' } })).toEqual([]);
});

test('told without saying of whom', () => {
  const lose = (events: Delivery[], received: Received) => {
    received.tell(undefined, 'a', 1);
    return without(events, 4);
  };
  expect(run(lose).join()).toContain('was told 1 times of a loss without its publisher or name');
});

test('damage to number, id and padding', () => {
  for (const change of [{ n: 5 }, { k: 9 }, { u: 1 }, { d: new Uint8Array(150) }, { p: 'cccccccccccccc' }]) {
    const problems = run((events) => events.toSpliced(4, 1, damaged(events[4] as Delivery, change)));
    expect(problems.join()).toContain('got 1 events that nobody emitted so');
  }
});

test('refused events are not missed, whether or not their names are known', () => {
  expect(
    run((events, _, published) => {
      published.refuse('a', 1);
      return without(events, 4);
    }),
  ).toEqual([]);
  const losing = (count: number) =>
    run((events, _, published) => {
      published.refuse(undefined, 2);
      return without(events, 4, count);
    });
  expect(losing(2)).toEqual([]);
  expect(losing(1).join()).toContain('delivered 19 + told 0 ≠ 18 emitted and not refused');
  expect(losing(3).join()).toContain('delivered 17 + told 0 ≠ 18 emitted and not refused');
});

test('one that joins is judged from the first event it sees', () => {
  const late = (events: Delivery[]) => events.slice(6);
  expect(run(late, { joined: true })).toEqual([]);
  expect(run(late)).toHaveLength(2);
  expect(run((events) => without(late(events), 4), { joined: true }).join()).toContain('1 lost in silence');
});

test('one’s own events, strangers and names that nobody emitted', () => {
  const published = new Published(PUBLISHER);
  const received = new Received();
  received.take('x', published.next('a'));
  const publications = [{ publisher: PUBLISHER, names: {}, refusedUnnamed: 0 }];
  const reception = (subscriber: string) => ({ ...received.report(), subscriber, label: 's', names: ['x'] });
  expect(judge(publications, [reception(PUBLISHER)]).problems).toEqual(['s got its own events']);
  expect(judge(publications, [reception('b')]).problems).toEqual([
    `s ← ${PUBLISHER}, 'x': nobody emitted it`,
  ]);
  expect(judge([], [reception('b')]).problems).toEqual([`s got events of ${PUBLISHER}, who is no publisher`]);
});

test('what is wrong is thrown as one readable message', () => {
  const received = new Received();
  const reception = { ...received.report(), subscriber: 'b', label: 'b' };
  const names = { a: { emitted: 3, refused: 0 } };
  expect(() => prove([{ publisher: 'p', names, refusedUnnamed: 0 }], [reception])).toThrow(
    "1 problems; to deliver 3, delivered 0, told 0, refused 0\n  b ← p, 'a': 3 lost in silence: delivered 0 + told 0 ≠ 3 due; nothing of it came",
  );
});

test('a record knows when everything has come', () => {
  const published = new Published(PUBLISHER);
  const received = new Received();
  const events = Array.from({ length: 5 }, () => published.next('a'));
  const isComplete = (joined = false) =>
    received.isComplete([{ publisher: PUBLISHER, ...published.report() }], new Set(['a']), joined);
  expect(isComplete()).toBe(false);
  for (const event of events.slice(1, 4)) received.take('a', event);
  expect(isComplete(true)).toBe(false);
  received.take('a', events[4]);
  expect(isComplete(true)).toBe(true);
  expect(isComplete()).toBe(false);
  received.tell(PUBLISHER, 'a', 1);
  expect(isComplete()).toBe(true);
});
