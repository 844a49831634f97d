import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type } from 'arktype';
import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { createDistributedEmitter, DistributedEmitter } from '../../src/emitter.js';
import type { DistributedError } from '../../src/errors.js';
import { ValidationError } from '../../src/schemas.js';
import { createMemoryTransport, MemoryHub } from '../../src/transport/memory.js';
import { Bus } from '../support/bus.js';
import { caughtUp } from '../support/caught-up.js';

let bus: Bus;
beforeAll(async () => {
  bus = await Bus.start();
});
afterAll(() => bus[Symbol.asyncDispose]());

const hub = createMemoryTransport(new MemoryHub());
const TRANSPORTS = { zmtp: () => bus.addresses, memory: () => ({ transport: hub }) };

const LIBRARIES: Readonly<Record<string, StandardSchemaV1<{ id: number; name: string }>>> = {
  zod: z.object({ id: z.number(), name: z.string() }),
  valibot: v.object({ id: v.number(), name: v.string() }),
  arktype: type({ id: 'number', name: 'string' }),
};

/** A schema that takes its time, and more for lower numbers. */
const slow: StandardSchemaV1<number> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    async validate(value) {
      for (let turns = 10 - (value as number); turns > 0; turns -= 1)
        await new Promise((resolve) => setImmediate(resolve));
      return (value as number) < 0 ? { issues: [{ message: 'negative' }] } : { value: value as number };
    },
  },
};

function errorsOf(emitter: {
  on(name: 'distributed:error', listener: (error: DistributedError) => void): unknown;
}) {
  const errors: DistributedError[] = [];
  emitter.on('distributed:error', (error) => void errors.push(error));
  return errors;
}

describe.each(Object.keys(TRANSPORTS) as (keyof typeof TRANSPORTS)[])('schemas, over %s', (transport) => {
  const place = () => TRANSPORTS[transport]();

  test.each(Object.entries(LIBRARIES))(
    'of %s - let through what is valid, and nothing else',
    async (_, schema) => {
      const options = { ...place(), schemas: { login: schema } };
      await using here = await createDistributedEmitter(options);
      await using there = await createDistributedEmitter(options);
      const seen: unknown[] = [];
      there.on('login', (data) => void seen.push(data));
      here.on('login', (data) => void seen.push(['here', data]));
      await there.ready();
      await here.emit('login', { id: 1, name: 'a' });
      const refused = here.emit('login', { id: 'one' } as never);
      await expect(refused).rejects.toBeInstanceOf(ValidationError);
      await expect(refused).rejects.toMatchObject({ code: 'DEMITTER_VALIDATION', eventName: 'login' });
      const { issues } = (await refused.catch((error: unknown) => error)) as ValidationError;
      expect(issues.length).toBeGreaterThan(0);
      await here.emit('login', { id: 2, name: 'b' });
      await caughtUp(here as never, there as never);
      expect(seen.filter((item) => !Array.isArray(item))).toEqual([
        { id: 1, name: 'a' },
        { id: 2, name: 'b' },
      ]);
      expect(seen.filter((item) => Array.isArray(item))).toHaveLength(2);
    },
  );

  test('what arrives and is not valid is told, and its listeners are not called', async () => {
    await using here = await createDistributedEmitter(place());
    await using there = await createDistributedEmitter({ ...place(), schemas: { n: z.number().max(9) } });
    const errors = errorsOf(there);
    const seen: unknown[] = [];
    there.on('n', (data) => void seen.push(data));
    await there.ready();
    for (const data of [1, 10, 'two', 3]) void here.emit('n', data);
    await caughtUp(here as never, there as never);
    expect(seen).toEqual([1, 3]);
    expect(
      errors.map(({ type: kind, code, eventName, publisherId }) => [kind, code, eventName, publisherId]),
    ).toEqual(Array(2).fill(['validation', 'DEMITTER_VALIDATION', 'n', here.id]));
    expect(errors[0]?.cause).toBeInstanceOf(ValidationError);
  });

  test('transforms apply once: at the receiver, or with `emit` at the emitter', async () => {
    const schemas = { at: z.string().transform((text) => new Date(text)) };
    const text = '2026-01-01T00:00:00.000Z';
    for (const validate of ['both', 'receive', 'emit', 'none'] as const) {
      await using here = await createDistributedEmitter({ ...place(), schemas, validate });
      await using there = await createDistributedEmitter({ ...place(), schemas, validate });
      const seen: unknown[] = [];
      here.on('at', (data) => void seen.push(data));
      there.on('at', (data) => void seen.push(data));
      await there.ready();
      await here.emit('at', text);
      await caughtUp(here as never, there as never);
      const expected = validate === 'none' ? text : new Date(text);
      expect([validate, ...seen]).toEqual([validate, expected, expected]);
    }
  });

  test('`receive` - validates for local listeners, too', async () => {
    const schemas = { n: z.number() };
    await using here = await createDistributedEmitter({ ...place(), schemas, validate: 'receive' });
    const errors = errorsOf(here);
    const seen: unknown[] = [];
    here.on('n', (data) => void seen.push(data));
    await here.emit('n', 'no number' as never);
    await here.emit('n', 1);
    expect(seen).toEqual([1]);
    expect(errors.map(({ code }) => code)).toEqual(['DEMITTER_VALIDATION']);
  });

  test('that take their time keep the order, across names', async () => {
    const options = { ...place(), schemas: { slow } };
    await using here = await createDistributedEmitter<Record<string, number>>(options);
    await using there = await createDistributedEmitter<Record<string, number>>(options);
    const errors = errorsOf(there);
    const seen: unknown[] = [];
    there.on(['slow', 'fast'], (data) => void seen.push(data));
    await there.ready();
    const done = [0, 1, 2, 3].map((n) => here.emit(n % 2 === 0 ? 'slow' : 'fast', n));
    const refused = here.emit('slow', -1);
    const last = here.emit('fast', 5);
    await expect(refused).rejects.toThrow('negative');
    await Promise.all([...done, last]);
    await caughtUp(here as never, there as never);
    expect(seen).toEqual([0, 1, 2, 3, 5]);
    expect(errors).toEqual([]);
  });

  test('close() - sends what is being validated', async () => {
    const options = { ...place(), schemas: { slow } };
    const here = await createDistributedEmitter<Record<string, number>>(options);
    await using there = await createDistributedEmitter<Record<string, number>>(place());
    const arrived = there.once('slow');
    await there.ready();
    void here.emit('slow', 1);
    await here.close();
    expect(await arrived).toBe(1);
  });

  test('of requests - are for data and answers', async () => {
    const schemas = {
      half: { request: z.coerce.number(), answer: z.number().int() },
    };
    const options = { ...place(), schemas };
    await using here = await createDistributedEmitter(options);
    await using there = await createDistributedEmitter(options);
    await using careless = await createDistributedEmitter(place());
    there.respond('half', (n) => n / 2);
    await there.ready();
    expect(await here.request('half', '8')).toBe(4);
    await expect(here.request('half', 'x')).rejects.toMatchObject({ code: 'DEMITTER_VALIDATION' });
    await expect(here.request('half', 7)).rejects.toMatchObject({ code: 'DEMITTER_VALIDATION' });
    await expect(careless.request('half', 'x')).rejects.toMatchObject({
      name: 'ValidationError',
      code: 'DEMITTER_VALIDATION',
    });
  });

  test('in channels - are those of the name', async () => {
    const options = { ...place(), schemas: { n: z.number() } };
    await using here = await createDistributedEmitter(options);
    await expect(here.channel('room').emit('n', 'x' as never)).rejects.toBeInstanceOf(ValidationError);
    await here.channel('room').emit('n', 1);
  });
});

describe('the options', () => {
  test.each([
    [{ schemas: 1 }, 'Expected `schemas` to be an object of schemas, got 1'],
    [{ schemas: { a: {} } }, "Expected schema 'a' to be a Standard Schema"],
    [{ schemas: { a: { request: 1 } } }, "Expected schema 'a' to be a Standard Schema"],
    [{ validate: 'all' }, "Expected `validate` to be one of both, receive, emit, none, got 'all'"],
  ])('%o are refused', (options, message) => {
    expect(() => new DistributedEmitter(options as never)).toThrow(message);
  });
});
