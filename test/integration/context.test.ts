import { setTimeout as lasting } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { DistributedEmitter } from '../../src/emitter.js';
import { caughtUp } from '../support/caught-up.js';
import { describeOverEach } from '../support/meeting.js';

describeOverEach('context()', (start) => {
  test('tells who, when and what with, through await, of each event of a batch', async () => {
    await using meeting = await start();
    const here = await meeting.emitter();
    const there = await meeting.emitter({ context: true });
    const seen: unknown[] = [];
    const sequences: (number | undefined)[] = [];
    const done = new Promise<void>((resolve) => {
      there.channel('c').on('a', async (data) => {
        await lasting(1);
        const { eventName, channel, publisherId, headers, sequence, sentAt } = there.context() as NonNullable<
          ReturnType<typeof there.context>
        >;
        seen.push([data, { eventName, channel, publisherId, headers }]);
        sequences.push(sequence);
        expect(Math.abs(sentAt - Date.now())).toBeLessThan(60_000);
        if (data === 3) resolve();
      });
    });
    await there.ready();
    const before = there.context();
    for (const i of [1, 2, 3]) void here.channel('c').emit('a', i, { headers: { i: `${i}` } });
    await done;
    expect([before, there.context()]).toEqual([undefined, undefined]);
    expect(seen).toEqual(
      [1, 2, 3].map((i) => [
        i,
        { eventName: 'a', channel: 'c', publisherId: here.id, headers: { i: `${i}` } },
      ]),
    );
    expect(sequences.every((sequence) => Number.isInteger(sequence) && sequence === sequences[0])).toBe(true);
  });

  test('is the inner event while a listener emits, and the outer one after it', async () => {
    await using meeting = await start();
    const emitter = await meeting.emitter({ context: true });
    const seen: unknown[] = [];
    const look = () => seen.push([emitter.context()?.eventName, emitter.context()?.headers]);
    emitter.on('outer', async () => {
      look();
      await emitter.emit('inner', 1, { headers: { of: 'inner' } });
      look();
    });
    emitter.onPattern('inner', look, { filter: () => emitter.context()?.eventName === 'inner' });
    await emitter.emitSerial('outer', 1, { headers: { of: 'outer' } });
    expect(seen).toEqual([
      ['outer', { of: 'outer' }],
      ['inner', { of: 'inner' }],
      ['outer', { of: 'outer' }],
    ]);
    expect(emitter.context()).toBeUndefined();
  });

  test('of an event from here has no sequence', async () => {
    await using meeting = await start();
    const emitter = await meeting.emitter({ context: true });
    let context: unknown;
    emitter.on('a', () => {
      context = emitter.context();
    });
    await emitter.emit('a');
    expect(context).toMatchObject({
      eventName: 'a',
      channel: undefined,
      publisherId: emitter.id,
      sequence: undefined,
      headers: {},
    });
  });

  test('is nothing to whoever iterates', async () => {
    await using meeting = await start();
    const here = await meeting.emitter();
    const there = await meeting.emitter({ context: true });
    const iterator = there.events('a');
    await there.ready();
    const first = iterator.next();
    await here.emit('a', 1, { headers: { h: 'x' } });
    expect((await first).value).toBe(1);
    expect(there.context()).toBeUndefined();
    await here.emit('a', 2);
    await caughtUp(here, there);
    for await (const data of iterator) {
      expect([data, there.context()]).toEqual([2, undefined]);
      break;
    }
  });

  test('in the handler of a request tells who asks', async () => {
    await using meeting = await start();
    const here = await meeting.emitter();
    const there = await meeting.emitter({ context: true });
    there.respond('who', () => [there.context()?.eventName, there.context()?.publisherId]);
    await there.ready();
    expect(await here.request('who', undefined)).toEqual(['who', here.id]);
  });

  test('one emitter does not know of what another one handles', async () => {
    await using meeting = await start();
    const [one, other] = [await meeting.emitter({ context: true }), await meeting.emitter({ context: true })];
    let context: unknown = 'not called';
    one.on('a', () => {
      context = other.context();
    });
    await one.emit('a');
    expect(context).toBeUndefined();
  });
});

test('headers of any text arrive as they left', async () => {
  await using here = new DistributedEmitter({ transport: 'memory', context: true });
  await using there = new DistributedEmitter({ transport: 'memory', context: true });
  await Promise.all([here.connect(), there.connect()]);
  const headers = { '': '', '\0': '\ud800', toString: 'é', ['__proto__']: 'own', constructor: 'x' };
  const got = new Promise((resolve) => there.on('a', () => resolve(there.context()?.headers)));
  await there.ready();
  await here.emit('a', 1, { headers });
  expect(Object.entries((await got) as object)).toEqual(Object.entries(headers));
});

test('without the option it is a mistake to ask', () => {
  const emitter = new DistributedEmitter({ transport: 'memory' });
  expect(() => emitter.context()).toThrow(/`context: true`/);
});
