import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { DistributedEmitter } from '../../src/emitter.js';
import { caughtUp } from '../support/caught-up.js';
import { describeOverEach } from '../support/meeting.js';
import { usedMemory } from '../support/used-memory.js';

/** Names and channels that a topic could be torn apart by. */
const ODD_TEXTS = [
  '',
  '\0',
  '\x01',
  'a\x01sb',
  'a\0',
  '\ud800',
  '\udc00\ud800',
  'é',
  's',
  'x0001',
  'a',
  'a:b',
];

describeOverEach('channels', (start) => {
  test('an event reaches listeners of its channel, and no others', async () => {
    await using meeting = await start();
    const [here, there] = [await meeting.emitter(), await meeting.emitter()];
    const seen: unknown[] = [];
    there.on('move', (data) => seen.push(['no channel', data]));
    there.channel('a').on('move', (data) => seen.push(['a', data]));
    there.channel('b').on('move', (data) => seen.push(['b', data]));
    there.channel('a').on('other', (data) => seen.push(['other', data]));
    await there.ready();
    await here.channel('a').emit('move', 1);
    await here.channel('b').emit('move', 2);
    await here.channel('c').emit('move', 3);
    await here.emit('move', 4);
    await here.channel('a').emitSerial('move', 5);
    await caughtUp(here, there);
    expect(seen).toEqual([
      ['a', 1],
      ['b', 2],
      ['no channel', 4],
      ['a', 5],
    ]);
  });

  test('every way to listen gets remote events', async () => {
    await using meeting = await start();
    const [here, there] = [await meeting.emitter(), await meeting.emitter()];
    const room = there.channel('room:1');
    const seen: unknown[] = [];
    room.on(['a', 'b'], (data) => seen.push(['on', data]));
    room.onAny((name, data) => seen.push(['onAny', name, data]));
    room.onPattern('*', (name, data) => seen.push(['onPattern', name, data]));
    const once = room.once('a', (data) => data > 1);
    const events = room.events(['a', 'b']);
    const anyEvent = room.anyEvent();
    const patternEvents = room.patternEvents('b');
    await there.ready();
    const from = here.channel('room:1');
    await from.emit('a', 1);
    await from.emit('a', 2);
    await from.emit('b', 3);
    expect(await once).toBe(2);
    expect((await patternEvents.next()).value).toEqual(['b', 3]);
    const all = [await events.next(), await events.next(), await events.next()];
    expect(all.map(({ value }) => value)).toEqual([1, 2, 3]);
    expect((await anyEvent.next()).value).toEqual(['a', 1]);
    await caughtUp(here, there);
    expect(seen).toEqual(
      (
        [
          ['a', 1],
          ['a', 2],
          ['b', 3],
        ] as const
      ).flatMap(([name, data]) => [
        ['on', data],
        ['onPattern', name, data],
        ['onAny', name, data],
      ]),
    );
  });

  test('views of one name are one channel, also of local listeners', async () => {
    await using meeting = await start();
    const emitter = await meeting.emitter();
    const seen: unknown[] = [];
    const listener = (data: unknown) => seen.push(data);
    emitter.channel('a').on('move', listener);
    await emitter.channel('a').emit('move', 1);
    await emitter.channel('b').emit('move', 2);
    await emitter.emit('move', 3);
    expect(emitter.channel('a').listenerCount('move')).toBe(1);
    expect(emitter.channel('a').listenerCount()).toBe(1);
    expect(emitter.listenerCount()).toBe(0);
    emitter.channel('a').off('move', listener);
    await emitter.channel('a').emit('move', 4);
    expect(seen).toEqual([1]);
    expect(emitter.channel('a').name).toBe('a');
  });

  test('local listeners: order, errors, emitSerial and clearListeners() as on the emitter', async () => {
    await using meeting = await start();
    const channel = (await meeting.emitter()).channel('a');
    const seen: unknown[] = [];
    channel.onAny((name, data) => seen.push(['any', name, data]));
    channel.onPattern('*', (name) => seen.push(['pattern', name]));
    channel.on('x', () => seen.push('on'));
    await channel.emit('x', 1);
    expect(seen).toEqual(['on', ['pattern', 'x'], ['any', 'x', 1]]);
    channel.on('x', () => {
      throw new Error('mine');
    });
    await expect(channel.emit('x')).rejects.toThrow('mine');
    await expect(channel.emitSerial('x')).rejects.toThrow('mine');
    const events = channel.events('x');
    channel.clearListeners('x');
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(channel.listenerCount('x')).toBe(2);
    channel.clearListeners();
    expect(channel.listenerCount()).toBe(0);
  });

  test('the order of one emitter holds across names and channels', async () => {
    await using meeting = await start();
    const [here, there] = [await meeting.emitter(), await meeting.emitter()];
    const seen: number[] = [];
    const sources: { emit(name: string, data: number): Promise<void> }[] = [here];
    for (const name of ['', 'a', 'a:b', '\0']) {
      there.channel(name).onAny((_name, data) => seen.push(data));
      sources.push(here.channel(name));
    }
    there.on(['x', 'y'], (data) => seen.push(data));
    await there.ready();
    for (let i = 0; i < 2000; i += 1) {
      const source = sources[(i * 7 + (i >> 3)) % sources.length] as (typeof sources)[number];
      void source.emit(i % 3 === 0 ? 'x' : 'y', i);
      if (i % 97 === 0) await turn();
    }
    await caughtUp(here, there);
    expect(seen).toEqual(Array.from({ length: 2000 }, (_, i) => i));
  });

  test('odd names and odd channels are each their own', async () => {
    await using meeting = await start();
    const [here, there] = [await meeting.emitter(), await meeting.emitter()];
    const seen: unknown[] = [];
    const any: unknown[] = [];
    const places = [undefined, ...ODD_TEXTS].flatMap((channel) =>
      [...ODD_TEXTS, 1, Symbol.for('\x01')].map((name) => [channel, name] as const),
    );
    const viewOf = (emitter: DistributedEmitter, channel: string | undefined) =>
      channel === undefined ? emitter : emitter.channel(channel);
    for (const [channel, name] of places)
      viewOf(there, channel).on(name, (data) => seen.push([channel, name, data]));
    for (const channel of ODD_TEXTS)
      there.channel(channel).onAny((name, data) => any.push([channel, name, data]));
    await there.ready();
    for (const [i, [channel, name]] of places.entries()) await viewOf(here, channel).emit(name, i);
    await caughtUp(here, there);
    const expected = places.map(([channel, name], i) => [channel, name, i]);
    expect(seen).toEqual(expected);
    expect(any).toEqual(expected.filter(([channel]) => channel !== undefined));
  });

  test('no echo, and local symbols and `distributed:` names stay here', async () => {
    await using meeting = await start();
    const [here, there] = [await meeting.emitter(), await meeting.emitter()];
    const mine: unknown[] = [];
    const theirs: unknown[] = [];
    here.channel('a').onAny((name) => mine.push(name));
    there.channel('a').onAny((name) => theirs.push(name));
    await Promise.all([here.ready(), there.ready()]);
    const local = Symbol('local');
    const names = ['x', local, 'distributed:x'];
    for (const name of names) await here.channel('a').emit(name);
    await caughtUp(here, there);
    await caughtUp(there, here);
    expect(mine).toEqual(names);
    expect(theirs).toEqual(['x']);
  });

  test('a channel is left with its last listener', async () => {
    await using meeting = await start();
    const [here, there] = [await meeting.emitter(), await meeting.emitter()];
    const seen: unknown[] = [];
    const room = there.channel('a');
    const off = room.on('x', (data) => seen.push(data));
    const offAny = room.onAny((_name, data) => seen.push(data));
    await there.ready();
    await here.channel('a').emit('x', 1);
    await caughtUp(here, there);
    off();
    await here.channel('a').emit('x', 2);
    await caughtUp(here, there);
    offAny();
    await here.channel('a').emit('x', 3);
    await caughtUp(here, there);
    room.on('x', (data) => seen.push(data));
    await there.ready();
    await here.channel('a').emit('x', 4);
    await caughtUp(here, there);
    expect(seen).toEqual([1, 1, 2, 4]);
  });

  test('a channel that is left and joined again: no loss is told, and nothing comes twice', async () => {
    await using meeting = await start();
    const [here, there] = [await meeting.emitter(), await meeting.emitter()];
    const losses: string[] = [];
    there.on('distributed:error', ({ message }) => losses.push(message));
    const room = there.channel('a');
    const seen: unknown[] = [];
    const listener = (data: unknown) => seen.push(data);
    for (let i = 0; i < 20; i += 1) {
      await here.channel('a').emit('x', 'left');
      await caughtUp(here, there);
      room.on('x', listener);
      await there.ready();
      await here.channel('a').emit('x', i);
      // The event arrives late: it was sent shorter after the one before than this has listened for when it arrives.
      const until = performance.now() + 5;
      setImmediate(() => {
        while (performance.now() < until);
      });
      await caughtUp(here, there);
      room.off('x', listener);
    }
    expect(losses).toEqual([]);
    // What this process was too busy to take before it joined may come.
    expect(seen.filter((data) => data !== 'left')).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  test('a listener of what one channel emits may emit in another', async () => {
    await using meeting = await start();
    const [here, there] = [await meeting.emitter(), await meeting.emitter()];
    there.channel('question').on('x', (data) => there.channel('answer').emit('x', data + 1));
    const answer = here.channel('answer').once('x');
    await Promise.all([here.ready(), there.ready()]);
    await here.channel('question').emit('x', 1);
    expect(await answer).toBe(2);
  });

  test('close() finishes iterators of channels', async () => {
    await using meeting = await start();
    const emitter = await meeting.emitter();
    const ended = [
      emitter.channel('a').events('x').next(),
      emitter.channel('a').anyEvent().next(),
      emitter.channel('b').patternEvents('x:*').next(),
    ];
    await emitter.close();
    for (const result of await Promise.all(ended)) expect(result.done).toBe(true);
  });
});

describeOverEach('namespaces', (start) => {
  test('emitters of different namespaces have nothing to do with each other', async () => {
    await using meeting = await start();
    const namespaces = ['', 'a', 'a.b', 'b:c/d_e-1'];
    const seen: unknown[][] = [];
    const emitters = [];
    for (const namespace of namespaces) {
      const [from, to] = [await meeting.emitter({ namespace }), await meeting.emitter({ namespace })];
      to.on('x', (data) => seen.push([namespace, 'on', data]));
      to.channel('room').on('x', (data) => seen.push([namespace, 'channel', data]));
      to.onPattern('x', (_name, data) => seen.push([namespace, 'onPattern', data]));
      await to.ready();
      emitters.push({ namespace, from, to });
    }
    for (const { namespace, from } of emitters) {
      await from.emit('x', namespace);
      await from.channel('room').emit('x', namespace);
    }
    for (const { from, to } of emitters) await caughtUp(from, to);
    const expected = namespaces.flatMap((namespace) =>
      ['on', 'onPattern', 'channel'].map((via) => [namespace, via, namespace]),
    );
    // Between emitters there is no order.
    expect(namespaces.flatMap((namespace) => seen.filter(([of]) => of === namespace))).toEqual(expected);
  });
});

test('a view costs nothing, and a channel that was left leaves nothing: 100,000 of them', async () => {
  const emitter = new DistributedEmitter({ transport: 'memory' });
  await emitter.connect();
  const views: unknown[] = [];
  const listen = (i: number) => {
    const channel = emitter.channel(`room:${i}`);
    if (i % 4 === 0) return channel.onAny(() => {});
    if (i % 4 === 1) return channel.onPattern('b:*', () => {});
    return channel.on('a', () => {});
  };
  // What is made once, and what grows and is kept, is there before.
  const warmUp = Array.from({ length: 100_000 }, (_, i) => emitter.channel(`room:${i}`).on('a', () => {}));
  for (const off of warmUp) off();
  warmUp.length = 0;
  await emitter.ready();
  const before = usedMemory();
  for (let i = 0; i < 100_000; i += 1) views.push(emitter.channel(`room:${i}`));
  const ofView = (usedMemory() - before) / 100_000;
  views.length = 0;
  const offs = Array.from({ length: 100_000 }, (_, i) => listen(i));
  for (const off of offs) off();
  offs.length = 0;
  await turn();
  const left = usedMemory() - before;
  await emitter.close();
  expect(ofView).toBeLessThan(1000);
  expect(left).toBeLessThan(4 * 1024 * 1024);
}, 60_000);

test('what is listened to without ever being connected leaves nothing', async () => {
  const emitter = new DistributedEmitter({ transport: 'memory' });
  const cycle = () => {
    for (let i = 0; i < 50_000; i += 1) emitter.channel(`room:${i}`).on('a', () => {})();
    for (let i = 0; i < 50_000; i += 1) emitter.on('a', () => {})();
  };
  cycle();
  // The meta events of Emittery are on their way.
  await turn();
  const before = usedMemory();
  cycle();
  await turn();
  const left = usedMemory() - before;
  await emitter.close();
  expect(left).toBeLessThan(1024 * 1024);
});

test.each([1, undefined, null, Symbol('a'), {}])('channel(%s) is refused', (name) => {
  const emitter = new DistributedEmitter({ transport: 'memory' });
  expect(() => emitter.channel(name as string)).toThrow(
    /^Expected the name of a channel to be a string, got /,
  );
});

test('a name that is too long for the forwarder is told, and works here', async () => {
  await using emitter = new DistributedEmitter({ transport: 'memory' });
  await emitter.connect();
  const errors = emitter.events('distributed:error');
  const channel = emitter.channel('x'.repeat(5000));
  const seen: unknown[] = [];
  channel.onAny((name) => seen.push(name));
  expect((await errors.next()).value).toMatchObject({ code: 'DEMITTER_EVENT_TOO_LARGE' });
  emitter.onPattern(`${'y'.repeat(5000)}:*`, (name) => seen.push(name.slice(-2)));
  expect((await errors.next()).value).toMatchObject({ code: 'DEMITTER_EVENT_TOO_LARGE' });
  await channel.emit('a');
  expect((await errors.next()).value).toMatchObject({ code: 'DEMITTER_EVENT_TOO_LARGE', eventName: 'a' });
  await emitter.emit(`${'y'.repeat(5000)}:z`);
  expect(seen).toEqual(['a', ':z']);
});
