/** For tests of requests: emitters that have nothing to do with those of other tests, over either transport. */
import { afterAll, beforeAll, expect } from 'vitest';
import { DistributedEmitter } from '../../src/emitter.js';
import type { DistributedError } from '../../src/errors.js';
import { EventHub } from '../../src/hub.js';
import { type DistributedEmitterOptions, resolveOptions } from '../../src/options.js';
import { createMemoryTransport, MemoryHub } from '../../src/transport/memory.js';
import { makeSpace } from '../../src/wire/space.js';
import { Bus } from './bus.js';

export const KINDS = ['zmtp', 'memory'] as const;
export type Kind = (typeof KINDS)[number];

/** To be called once in a file: a forwarder for its tests, none of which may leave a rejection that nobody handles. */
export function requestPlaces(): (kind: Kind) => Place {
  let bus: Bus;
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown): void => void rejections.push(reason);
  beforeAll(async () => {
    bus = await Bus.start();
    process.on('unhandledRejection', onRejection);
  });
  afterAll(async () => {
    await bus[Symbol.asyncDispose]();
    process.off('unhandledRejection', onRejection);
    expect(rejections).toEqual([]);
  });
  return (kind) =>
    new Place(kind === 'zmtp' ? bus.addresses : { transport: createMemoryTransport(new MemoryHub()) });
}

export class Place {
  readonly options: DistributedEmitterOptions & { readonly namespace: string };

  constructor(where: DistributedEmitterOptions) {
    this.options = { ...where, namespace: crypto.randomUUID() };
  }

  async emitter(given: DistributedEmitterOptions = {}): Promise<DistributedEmitter> {
    const emitter = new DistributedEmitter({ ...this.options, ...given });
    await emitter.connect();
    return emitter;
  }

  /** One that answers `name`, and whose handler is in force. */
  async responder(
    name: PropertyKey,
    handler: (data: never) => unknown,
    given: DistributedEmitterOptions = {},
  ): Promise<DistributedEmitter> {
    const emitter = await this.emitter(given);
    emitter.respond(name, handler as (data: unknown) => unknown);
    await emitter.ready();
    return emitter;
  }

  async stranger(): Promise<Stranger> {
    const stranger = new Stranger(this.options);
    await stranger.ready();
    return stranger;
  }
}

/** Sends as request or answer whatever it likes. */
export class Stranger implements AsyncDisposable {
  readonly #hub: EventHub;
  readonly #namespace: string;

  constructor(options: DistributedEmitterOptions & { readonly namespace: string }) {
    this.#hub = new EventHub(resolveOptions(options, {}), () => {});
    this.#namespace = options.namespace;
    this.#hub.delivery.open();
  }

  get id(): string {
    return this.#hub.delivery.id;
  }

  ready(): Promise<void> {
    return this.#hub.delivery.ready();
  }

  request(name: string, ...values: readonly unknown[]): void {
    for (const value of values)
      void this.#hub.delivery.publish(name, value, makeSpace('request', this.#namespace));
  }

  answer(requester: DistributedEmitter, ...values: readonly unknown[]): void {
    for (const value of values)
      void this.#hub.delivery.publish(requester.id, value, makeSpace('reply', this.#namespace));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hub.close();
  }
}

/** A promise to be settled by the test. */
export interface Gate<T = unknown> {
  readonly passed: Promise<T>;
  open(value?: T): void;
}

export function gate<T = unknown>(): Gate<T> {
  let open = (_value: T): void => {};
  const passed = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { passed, open: (value) => open(value as T) };
}

export async function drain<T>(iterator: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of iterator) items.push(item);
  return items;
}

/** What a promise is rejected with. */
export async function failure(promise: Promise<unknown>): Promise<Error & { readonly code?: unknown }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it was not rejected');
}

/** All `distributed:error`s from here on. */
export function errorsOf(emitter: DistributedEmitter): DistributedError[] {
  const errors: DistributedError[] = [];
  emitter.on('distributed:error', (error) => void errors.push(error));
  return errors;
}
