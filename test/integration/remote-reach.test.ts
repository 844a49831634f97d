import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DistributedEmitter } from '../../src/emitter.js';
import { Bus } from '../support/bus.js';
import { caughtUp, MARKER } from '../support/caught-up.js';

let bus: Bus;
beforeAll(async () => {
  bus = await Bus.start();
});
afterAll(() => bus[Symbol.asyncDispose]());

describe('what reaches whom', () => {
  test('no echo: the emitting one is told once, by its own emit()', async () => {
    await using here = await bus.emitter();
    await using there = await bus.emitter();
    const seen: unknown[] = [];
    const any: unknown[] = [];
    here.on('a', (data) => seen.push(data));
    here.onAny((_name, data) => any.push(data));
    here.on('back', () => {});
    there.on('a', () => {});
    await Promise.all([here.ready(), there.ready()]);
    await here.emit('a', 1);
    await here.emitSerial('a', 2);
    await caughtUp(here, there);
    // What comes now was sent after `a` had passed the forwarder, to everybody who listens.
    await caughtUp(there, here);
    expect(seen).toEqual([1, 2]);
    expect(any.filter((data) => data !== undefined)).toEqual([1, 2]);
  });

  test('the order of one emitter holds across names, within a tick and over many', async () => {
    await using here = await bus.emitter();
    await using there = await bus.emitter();
    const names: PropertyKey[] = ['a', 0, '', Symbol.for('s'), 'b'];
    const seen: number[] = [];
    for (const name of names.slice(0, 3)) there.on(name, (data) => seen.push(data));
    there.on(names.slice(3), (data) => seen.push(data));
    await there.ready();
    for (let i = 0; i < 2000; i += 1) {
      const name = names[(i * 7 + (i >> 3)) % names.length] as PropertyKey;
      if (i % 3 === 0) void here.emitSerial(name, i);
      else void here.emit(name, i);
      if (i % 97 === 0) await new Promise(setImmediate);
    }
    await caughtUp(here, there);
    expect(seen).toEqual(Array.from({ length: 2000 }, (_, i) => i));
  });

  test('local symbols and `distributed:` names stay where they were emitted', async () => {
    await using here = await bus.emitter();
    await using there = await bus.emitter();
    const local = Symbol('local');
    const seen: unknown[] = [];
    const own: unknown[] = [];
    there.on([local, 'distributed:mine'], (data) => seen.push(data));
    there.on(['distributed:error', 'distributed:status'], (data) => seen.push(data));
    there.onAny((name) => name !== MARKER && seen.push(name));
    here.on([local, 'distributed:mine'], (data) => own.push(data));
    await there.ready();
    await here.emit(local, 'symbol');
    await here.emit('distributed:mine', 'name');
    await here.emit('distributed:error', new Error('forged') as never);
    await here.emit('distributed:status', 'forged');
    await caughtUp(here, there);
    expect(own).toEqual(['symbol', 'name']);
    expect(seen).toEqual([]);
  });

  test('the library’s own events are not given to onAny() and anyEvent()', async () => {
    const emitter = new DistributedEmitter(bus.addresses);
    const statuses: string[] = [];
    const any: unknown[] = [];
    emitter.on('distributed:status', ({ status }) => statuses.push(status));
    const errors = emitter.events('distributed:error');
    emitter.onAny((name) => any.push(name));
    const all = emitter.anyEvent();
    await emitter.connect();
    await emitter.emit('unsendable', () => {});
    expect((await errors.next()).value).toMatchObject({ type: 'serialization', eventName: 'unsendable' });
    await emitter.close();
    expect(statuses).toEqual(['connecting', 'ready', 'closing', 'closed']);
    expect(any).toEqual(['unsendable']);
    const names = [];
    for await (const [name] of all) names.push(name);
    expect(names).toEqual(['unsendable']);
  });
});
