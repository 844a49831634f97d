import { expect, test } from 'vitest';
import { createDistributedEmitter, DistributedEmitter } from '../../src/emitter.js';
import { createMemoryTransport, MemoryHub } from '../../src/transport/memory.js';
import type { TransportFactory } from '../../src/transport/transport.js';
import { createZmtpTransport } from '../../src/transport/zmtp/zmtp.js';
import { Bus } from '../support/bus.js';
import { caughtUp, MARKER } from '../support/caught-up.js';
import { describeOverEach } from '../support/meeting.js';

const NAMES = [
  'user',
  'user:',
  'user:login',
  'user:login:web',
  'users:login',
  ':',
  '',
  'user:*',
  'user:a\0b',
  'a:\ud800',
];

const MATCHES: Readonly<Record<string, readonly string[]>> = {
  'user:*': ['user:', 'user:login', 'user:*', 'user:a\0b'],
  'user:**': ['user:', 'user:login', 'user:login:web', 'user:*', 'user:a\0b'],
  '*': ['user', ''],
  '**': NAMES,
  '*:login': ['user:login', 'users:login'],
  '*:*:web': ['user:login:web'],
  'user:login': ['user:login'],
  '': [''],
  ':*': [':'],
};

describeOverEach('patterns', (start) => {
  test.each(Object.entries(MATCHES))(
    "'%s' matches the same names here and elsewhere",
    async (pattern, expected) => {
      await using meeting = await start();
      const [here, there] = [await meeting.emitter(), await meeting.emitter()];
      const seen: unknown[][] = [[], [], [], []];
      for (const [i, emitter] of [here, there].entries()) {
        emitter.onPattern(pattern, (name, data) => seen[i]?.push([name, data]));
        emitter.channel('a').onPattern(pattern, (name, data) => seen[i + 2]?.push([name, data]));
      }
      await there.ready();
      for (const name of [...NAMES, 1, Symbol.for('user:login')]) {
        await here.emit(name, 1);
        await here.channel('a').emit(name, 1);
      }
      await caughtUp(here, there);
      const all = NAMES.filter((name) => expected.includes(name)).map((name) => [name, 1]);
      expect(seen).toEqual([all, all, all, all]);
    },
  );

  test('a listener to the literal name stays literal', async () => {
    await using meeting = await start();
    const [here, there] = [await meeting.emitter(), await meeting.emitter()];
    const seen: unknown[] = [];
    there.on('user:*', (data) => seen.push(data));
    await there.ready();
    await here.emit('user:login', 1);
    await here.emit('user:*', 2);
    await caughtUp(here, there);
    expect(seen).toEqual([2]);
  });

  test('another separator', async () => {
    await using meeting = await start();
    const there = await meeting.emitter({ separator: '::' });
    const here = await meeting.emitter();
    const seen: unknown[] = [];
    there.onPattern('a::*', (name) => seen.push(name));
    await there.ready();
    for (const name of ['a::b', 'a:b', 'a::b::c', 'a::b:c']) await here.emit(name);
    await caughtUp(here, there);
    expect(seen).toEqual(['a::b', 'a::b:c']);
  });

  test('each listener gets an event once, names first, then patterns, then all', async () => {
    await using meeting = await start();
    const [here, there] = [await meeting.emitter(), await meeting.emitter()];
    const seen: unknown[] = [];
    for (const emitter of [here, there]) {
      emitter.onAny((name) => name !== MARKER && seen.push('any'));
      emitter.onPattern('a:**', () => seen.push('a:**'));
      emitter.onPattern('a:*', () => seen.push('a:*'));
      emitter.onPattern('a:*', () => seen.push('a:* again'));
      emitter.on('a:b', () => seen.push('name'));
    }
    await there.ready();
    const order = ['name', 'a:**', 'a:*', 'a:* again', 'any'];
    await here.emit('a:b');
    expect(seen.splice(0)).toEqual(order);
    await caughtUp(here, there);
    expect(seen.splice(0)).toEqual(order);
    await here.emitSerial('a:b');
    expect(seen.splice(0)).toEqual(order);
  });

  test('two patterns of one prefix: one goes, the other stays', async () => {
    await using meeting = await start();
    const [here, there] = [await meeting.emitter(), await meeting.emitter()];
    const seen: unknown[] = [];
    const off = there.onPattern('a:*', (name) => seen.push(['*', name]));
    there.onPattern('a:**', (name) => seen.push(['**', name]));
    await there.ready();
    await here.emit('a:1');
    await caughtUp(here, there);
    off();
    await here.emit('a:2');
    await caughtUp(here, there);
    expect(seen).toEqual([
      ['*', 'a:1'],
      ['**', 'a:1'],
      ['**', 'a:2'],
    ]);
    there.clearListeners();
    await here.emit('a:3');
    await caughtUp(here, there);
    expect(seen).toHaveLength(3);
  });

  test('one that is added later gets nothing that was emitted before', async () => {
    await using meeting = await start();
    const [here, there] = [await meeting.emitter(), await meeting.emitter()];
    const [early, late]: [string[], string[]] = [[], []];
    there.onPattern('a:**', (name) => early.push(name));
    await there.ready();
    await here.emit('a:1');
    await caughtUp(here, there);
    there.onPattern('a:*', (name) => late.push(name));
    await there.ready();
    await here.emit('a:2');
    await caughtUp(here, there);
    expect([early, late]).toEqual([['a:1', 'a:2'], ['a:2']]);
  });

  test('as an iterator, from here and from elsewhere', async () => {
    await using meeting = await start();
    const [here, there] = [await meeting.emitter(), await meeting.emitter()];
    const iterator = there.patternEvents('a:*');
    expect(there.listenerCount('a:1')).toBe(1);
    expect(there.listenerCount('b')).toBe(0);
    await there.ready();
    await here.emit('a:1', 1);
    await here.emit('b', 2);
    await caughtUp(here, there);
    await there.emit('a:2', 3);
    expect((await iterator.next()).value).toEqual(['a:1', 1]);
    for await (const [name, data] of iterator) {
      expect([name, data]).toEqual(['a:2', 3]);
      break;
    }
    expect(there.listenerCount()).toBe(0);
  });
});

test('the forwarder does not send what begins otherwise', async () => {
  await using bus = await Bus.start();
  const arrived: string[] = [];
  const transport: TransportFactory = (context) => {
    const inner = createZmtpTransport(context);
    const open = inner.open.bind(inner);
    inner.open = (handlers) =>
      open({
        ...handlers,
        onMessage(message, yours) {
          const topic = message.toString('latin1', 0, message.indexOf(0));
          if (topic.startsWith('es')) arrived.push(topic.slice(2));
          handlers.onMessage(message, yours);
        },
      });
    return inner;
  };
  const here = await bus.emitter();
  const there = await bus.emitter({ transport });
  const seen: string[] = [];
  const off = there.onPattern('a:*:x', (name) => seen.push(name));
  await there.ready();
  for (const name of ['a:1:x', 'a:1:y', 'b:1:x', 'ab:1:x', 'a']) await here.emit(name);
  await caughtUp(here, there);
  expect(seen).toEqual(['a:1:x']);
  expect(new Set(arrived)).toEqual(new Set(['a:1:x', 'a:1:y']));
  off();
  arrived.length = 0;
  await there.ready();
  await here.emit('a:2:x');
  await caughtUp(here, there);
  expect(arrived).not.toContain('a:2:x');
});

test('10,000 names that begin as a pattern and do not match are each looked at once', async () => {
  const transport = createMemoryTransport(new MemoryHub());
  await using here = await createDistributedEmitter({ transport });
  await using there = await createDistributedEmitter({ transport });
  let looks = 0;
  there.onPattern('a:**', () => {}, { filter: () => false });
  there.onPattern('a:*:x', () => {
    looks += 1;
  });
  await there.ready();
  for (let i = 0; i < 10_000; i += 1) await here.emit(`a:${i % 10}:${i % 100 === 0 ? 'x' : 'y'}`);
  await caughtUp(here, there);
  expect(looks).toBe(100);
});

test.each([
  [1, 'Expected the pattern to be a string, got 1'],
  [undefined, 'Expected the pattern to be a string, got undefined'],
  ['a*', "Expected each segment of a pattern to be a text, `*`, or at the end `**`, got 'a*' in 'a*'"],
  ['**:a', "Expected each segment of a pattern to be a text, `*`, or at the end `**`, got '**' in '**:a'"],
  ['a:***', "Expected each segment of a pattern to be a text, `*`, or at the end `**`, got '***' in 'a:***'"],
])('pattern %s is refused', (pattern, message) => {
  const emitter = new DistributedEmitter({ transport: 'memory' });
  for (const place of [emitter, emitter.channel('a')]) {
    expect(() => place.onPattern(pattern as string, () => {})).toThrow(new TypeError(message));
    expect(() => place.patternEvents(pattern as string)).toThrow(new TypeError(message));
    expect(() => place.onPattern('a', 1 as never)).toThrow(new TypeError('listener must be a function'));
    expect(place.listenerCount()).toBe(0);
  }
});
