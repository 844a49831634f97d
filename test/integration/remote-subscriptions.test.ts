import { describe, expect, test } from 'vitest';
import { Subscriber, XPublisher } from 'zeromq';
import { createDistributedEmitter } from '../../src/emitter.js';

const EVERYTHING = 'e';
const topic = (name: string) => `es${name}\0`;

/**
 * A forwarder in JavaScript that writes down what its subscribers subscribe to and cancel, of the topics of events.
 * XPUB reports a topic when the first subscriber asks for it and when the last one has cancelled it.
 */
class ObservingForwarder implements AsyncDisposable {
  readonly log: string[] = [];
  readonly #upstream = new Subscriber({ linger: 0 });
  readonly #downstream = new XPublisher({ linger: 0 });
  #watchers: (() => void)[] = [];

  async start(): Promise<this> {
    await this.#upstream.bind('tcp://127.0.0.1:*');
    await this.#downstream.bind('tcp://127.0.0.1:*');
    this.#upstream.subscribe();
    void this.#forward();
    void this.#observe();
    return this;
  }

  get addresses(): { xsubAddress: string; xpubAddress: string } {
    return {
      xsubAddress: this.#upstream.lastEndpoint as string,
      xpubAddress: this.#downstream.lastEndpoint as string,
    };
  }

  /** Resolves with the log once it has all of `entries`. */
  async logged(...entries: readonly string[]): Promise<readonly string[]> {
    while (!entries.every((entry) => this.log.includes(entry))) {
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
    return this.log;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#upstream.close();
    this.#downstream.close();
  }

  async #forward(): Promise<void> {
    for await (const frames of this.#upstream) await this.#downstream.send(frames);
  }

  async #observe(): Promise<void> {
    for await (const [message] of this.#downstream) {
      const [kind, first] = message as Buffer;
      if (first !== 'e'.charCodeAt(0)) continue;
      this.log.push(`${kind === 1 ? 'subscribe' : 'cancel'} ${(message as Buffer).toString('utf8', 1)}`);
      for (const watcher of this.#watchers.splice(0)) watcher();
    }
  }
}

describe('at the forwarder, a subscription', () => {
  test('is there while somebody listens to the name: by on(), once() or events()', async () => {
    await using forwarder = await new ObservingForwarder().start();
    await using emitter = await createDistributedEmitter(forwarder.addresses);
    const off = emitter.on('a', () => {});
    const offAgain = emitter.on(['a', 'b'], () => {});
    const once = emitter.once('a');
    const iterator = emitter.events('a');
    await emitter.ready();
    off();
    once.off();
    await iterator.return?.();
    emitter.on('c', () => {});
    offAgain();
    expect(await forwarder.logged(`cancel ${topic('b')}`)).toEqual([
      `subscribe ${topic('a')}`,
      `subscribe ${topic('b')}`,
      `subscribe ${topic('c')}`,
      `cancel ${topic('a')}`,
      `cancel ${topic('b')}`,
    ]);
  });

  test('ends when once() has its event', async () => {
    await using forwarder = await new ObservingForwarder().start();
    await using here = await createDistributedEmitter(forwarder.addresses);
    await using there = await createDistributedEmitter(forwarder.addresses);
    const once = there.once('a', (data) => data === 2);
    await there.ready();
    await here.emit('a', 1);
    await here.emit('a', 2);
    expect(await once).toBe(2);
    expect(await forwarder.logged(`cancel ${topic('a')}`)).toEqual([
      `subscribe ${topic('a')}`,
      `cancel ${topic('a')}`,
    ]);
  });

  test('to everything is there for onAny() and anyEvent(), beside those by name', async () => {
    await using forwarder = await new ObservingForwarder().start();
    await using emitter = await createDistributedEmitter(forwarder.addresses);
    const offAny = emitter.onAny(() => {});
    const iterator = emitter.anyEvent();
    emitter.on('a', () => {});
    await emitter.ready();
    offAny();
    await iterator.return?.();
    expect(await forwarder.logged(`cancel ${EVERYTHING}`)).toEqual([
      `subscribe ${EVERYTHING}`,
      `subscribe ${topic('a')}`,
      `cancel ${EVERYTHING}`,
    ]);
  });

  test('ends with clearListeners(), of one name and of all', async () => {
    await using forwarder = await new ObservingForwarder().start();
    await using emitter = await createDistributedEmitter(forwarder.addresses);
    emitter.on(['a', 'b'], () => {});
    emitter.events(['a', 'b']);
    emitter.anyEvent();
    await emitter.ready();
    emitter.clearListeners('a');
    await forwarder.logged(`cancel ${topic('a')}`);
    emitter.clearListeners();
    const log = await forwarder.logged(`cancel ${topic('b')}`, `cancel ${EVERYTHING}`);
    expect(log.slice(0, 4)).toEqual([
      `subscribe ${topic('a')}`,
      `subscribe ${topic('b')}`,
      `subscribe ${EVERYTHING}`,
      `cancel ${topic('a')}`,
    ]);
    expect(log).toHaveLength(6);
  });

  test('is never made for local symbols, meta events and `distributed:` names', async () => {
    await using forwarder = await new ObservingForwarder().start();
    await using emitter = await createDistributedEmitter(forwarder.addresses);
    const { listenerAdded } = emitter.constructor as unknown as { listenerAdded: symbol };
    emitter.on(['distributed:error', 'distributed:status', 'distributed:x'], () => {});
    emitter.on([Symbol('local'), listenerAdded], () => {});
    emitter.events([Symbol('local')]);
    emitter.on('a', () => {});
    expect(await forwarder.logged(`subscribe ${topic('a')}`)).toEqual([`subscribe ${topic('a')}`]);
  });
});

test('a hostile peer cannot give anyone the library’s own events', async () => {
  await using forwarder = await new ObservingForwarder().start();
  await using emitter = await createDistributedEmitter(forwarder.addresses);
  await using good = await createDistributedEmitter(forwarder.addresses);
  const errors: unknown[] = [];
  const any: unknown[][] = [];
  emitter.on('distributed:error', (error) => errors.push(error));
  emitter.on('distributed:status', (status) => errors.push(status));
  emitter.onAny((...event) => any.push(event));
  const marker = emitter.once('marker');
  await emitter.ready();

  // A well-formed batch of the good emitter's, as any subscriber can record it, under other names.
  const recorder = new Subscriber({ linger: 0 });
  recorder.connect(forwarder.addresses.xpubAddress);
  recorder.subscribe(topic('sample'));
  await forwarder.logged(`subscribe ${topic('sample')}`);
  await good.emit('sample', { type: 'network', message: 'forged' });
  const [sample] = (await recorder.receive()) as [Buffer];
  recorder.close();
  const hostile = new XPublisher({ linger: 0 });
  hostile.connect(forwarder.addresses.xsubAddress);
  // The forwarder's subscription: from now on what is sent is not dropped for want of one.
  await hostile.receive();
  const rest = sample.subarray(topic('sample').length);
  for (const name of ['distributed:error', 'distributed:status', 'distributed:x', 'marker']) {
    await hostile.send([Buffer.concat([Buffer.from(topic(name)), rest])]);
  }
  expect(await marker).toEqual({ type: 'network', message: 'forged' });
  hostile.close();

  expect(any.filter(([name]) => name !== 'sample')).toEqual([['marker', expect.anything()]]);
  expect(errors.length).toBe(3);
  for (const error of errors) expect(error).toMatchObject({ name: 'DistributedError', type: 'protocol' });
});
