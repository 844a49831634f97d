/**
 * Random hostile input, on three doors: the payload decoder, a whole emitter, and a ZMTP connection. 20,000 inputs each in
 * every run and a million in the long form; `PROPERTY_SEED` draws others. What once failed, and one message of each kind, is
 * in corpus/messages.json and comes first.
 */

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DistributedError } from '../../src/errors.js';
import { encodeCommand, encodeMetadata, encodePing } from '../../src/transport/zmtp/commands.js';
import { ZmtpConnection } from '../../src/transport/zmtp/connection.js';
import { encodeFrame } from '../../src/transport/zmtp/frames.js';
import { encodeGreeting, encodeReady } from '../../src/transport/zmtp/handshake.js';
import { NullMechanism } from '../../src/transport/zmtp/null-mechanism.js';
import { PayloadError, packPayload, unpackPayloads } from '../../src/wire/payload.js';
import { caughtUp } from '../support/caught-up.js';
import { byForm, tellFigures } from '../support/fault-form.js';
import { HostileMessages } from '../support/hostile-messages.js';
import { Mutator, seededRandom } from '../support/mutations.js';
import { RawBus } from '../support/raw-bus.js';
import { usedMemory } from '../support/used-memory.js';
import corpus from './corpus/messages.json' with { type: 'json' };

const SEED = Number(process.env.PROPERTY_SEED ?? 1);
const INPUTS = byForm({ short: 20_000, long: 1_000_000 });
const MIB = 1024 * 1024;

/** What any input may take, of CPU: far more than it does, as other work of the process counts, too. */
const MAX_INPUT_MS = 1;
/** Of both emitters; the bounds in docs/reliability.md allow more: publishers, names, what is held, peers. */
const MAX_MEMORY = byForm({ short: 128 * MIB, long: 256 * MIB });

/** After so many inputs the event loop turns, and the honest publisher emits. */
const ROUND = 50;
/** The emitter's id in the corpus. */
const CORPUS_ID = 'fedcba98765432';

let globals: readonly unknown[];
const rejections: unknown[] = [];
const onRejection = (reason: unknown): void => void rejections.push(reason);

function globalState(): readonly unknown[] {
  const prototypes = [Object, Array, Error, Map, Set, Promise, RegExp, Date, Buffer, String, Number, Symbol];
  return [
    ...prototypes.flatMap(({ prototype }) => Reflect.ownKeys(prototype)),
    ...prototypes.map(({ prototype }) => Object.getPrototypeOf(prototype)),
    ...Reflect.ownKeys(globalThis).filter((key) => key !== '__vitest_worker__'),
    Error.stackTraceLimit,
  ];
}

beforeEach(() => {
  rejections.length = 0;
  process.on('unhandledRejection', onRejection);
  globals = globalState();
});
afterEach(() => {
  process.off('unhandledRejection', onRejection);
  const now = globalState();
  // One by one: what they are is not to be looked into.
  expect(now.map((value, i) => Object.is(value, globals[i]))).toEqual(globals.map(() => true));
  expect(rejections).toEqual([]);
});

/** What went wrong with an input, and how to see it again. */
function failure(i: number, input: Uint8Array, cause: unknown): Error {
  const hex = Buffer.from(input).toString('hex');
  return new Error(`input ${i} of seed ${SEED} failed: ${hex}`, { cause });
}

function cpuMs(since?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

test('payloads: values, or a PayloadError', () => {
  const random = seededRandom(SEED);
  const mutator = new Mutator(SEED, 1);
  const samples = [
    { id: 'e1', type: 'user:login', user: { id: 1, name: 'Ada', admin: true }, tags: ['a', 'b'], ts: 1.5e12 },
    [new Map<unknown, unknown>([['k', new Set([1, undefined])]]), new Date(1), 2n ** 80n, -1n, /a(?<b>c)/giu],
    [
      Buffer.from('abc'),
      Uint8Array.of(1),
      Float64Array.of(1, 2),
      new ArrayBuffer(3),
      new DataView(new ArrayBuffer(2)),
    ],
    new TypeError('bad', { cause: Object.assign(new Error('why'), { code: 'E' }) }),
    new AggregateError([new Error('one')], 'many'),
    ['a\uD800', 'é'.repeat(50), -0, 2 ** 40, -200, 70_000, null, undefined, true, 'x'.repeat(300)],
    JSON.parse('{"__proto__":1,"constructor":2,"1023":3,"then":4}'),
  ].map((value) => Buffer.from(packPayload(value)));
  const start = process.cpuUsage();
  for (let i = 0; i < INPUTS; i += 1) {
    let bytes = samples[Math.floor(random() * samples.length)] as Buffer;
    for (let n = Math.floor(random() * 4); n >= 0; n -= 1) bytes = mutator.mutate(bytes);
    const count = random() < 0.9 ? 1 : Math.floor(random() * 5);
    try {
      expect(unpackPayloads(bytes, 0, count).length).toBe(count);
    } catch (error) {
      if (!(error instanceof PayloadError)) throw failure(i, bytes, error);
    }
  }
  const ms = cpuMs(start);
  expect(ms / INPUTS).toBeLessThan(MAX_INPUT_MS);
  tellFigures('fuzzed payloads', {
    inputs: INPUTS,
    'CPU per input': `${((ms / INPUTS) * 1000).toFixed(1)} µs`,
  });
});

test('messages: an emitter goes on, and an honest publisher’s events arrive, in order, once', async () => {
  await using bus = await RawBus.start();
  const { emitter: honest } = await bus.emitter();
  const { emitter, errors } = await bus.emitter({ context: true, name: 'target', historyBytes: 4 * MIB });
  errors.length = 0;
  const received: number[] = [];
  let emitted = 0;
  let strangers = 0;
  const take = (name: PropertyKey, data: unknown): void => {
    if (String(name).startsWith('distributed:')) throw new Error(`${String(name)} came from the network`);
    if (emitter.context()?.publisherId === honest.id) {
      if (typeof name === 'string' && name.startsWith('honest:')) received.push(data as number);
    } else strangers += 1;
  };
  emitter.onAny(take);
  emitter.on('a', () => {});
  emitter.onPattern('p:*', () => {});
  emitter.channel('room').onAny(() => {});
  emitter.respond('q', (data) => data);
  emitter.on('distributed:join', () => {});
  emitter.on('distributed:leave', () => {});
  let told = 0;
  emitter.on('distributed:error', (error) => {
    told += 1;
    errors.length = 0;
    expect(error).toBeInstanceOf(DistributedError);
  });
  await emitter.emit('kept', 1, { retain: true });
  await emitter.ready();
  await honest.ready();
  const waiting = emitter.request('nobody answers', 1, { timeout: 0 });
  waiting.catch(() => {});

  const hostile = new HostileMessages(SEED, [emitter.id, honest.id]);
  const ofCorpus = corpus.map(({ hex }) =>
    Buffer.from(Buffer.from(hex, 'hex').toString('latin1').replaceAll(CORPUS_ID, emitter.id), 'latin1'),
  );
  const before = usedMemory();
  const sentBefore = bus.sentBytes;
  let injected = 0;
  const start = process.cpuUsage();
  for (let i = 0; i < INPUTS + ofCorpus.length; i += 1) {
    const input = ofCorpus[i] ?? hostile.next();
    injected += input.length;
    try {
      bus.inject(input);
    } catch (error) {
      throw failure(i, input, error);
    }
    if (i % ROUND !== 0) continue;
    emitted += 1;
    await honest.emit(`honest:${emitted % 3}`, emitted);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const ms = cpuMs(start);
  await caughtUp(honest, emitter);
  expect(received).toEqual(Array.from({ length: emitted }, (_, i) => i + 1));
  expect(emitter.status).toBe('ready');
  expect(ms / INPUTS).toBeLessThan(MAX_INPUT_MS);
  expect(usedMemory() - before).toBeLessThan(MAX_MEMORY);
  // Of which the honest publisher's own are a part.
  const ratio = (bus.sentBytes - sentBefore) / injected;
  expect(ratio).toBeLessThan(3);
  expect(strangers).toBeGreaterThan(0);
  tellFigures('fuzzed messages', {
    inputs: INPUTS,
    'CPU per input': `${((ms / INPUTS) * 1000).toFixed(1)} µs`,
    'events of strangers': strangers,
    'errors told': told,
    'sent per byte received': ratio.toFixed(2),
  });
});

test('ZMTP: a connection goes on, or fails once with a DemitterError', () => {
  const random = seededRandom(SEED);
  const mutator = new Mutator(SEED, 0.4);
  const pieces = [
    () => encodeFrame('message', Buffer.alloc(Math.floor(random() * 300), 0x65)),
    () => encodeFrame('command', encodePing(Buffer.from('12345678'))),
    () => encodeFrame('command', encodeCommand('PONG', Buffer.from('12345678'))),
    () => encodeFrame('command', encodeCommand('SUBSCRIBE', Buffer.from('topic'))),
    () => encodeFrame('command', encodeCommand('ERROR', Buffer.from('\u0006reason'))),
    () =>
      encodeFrame(
        'command',
        encodeCommand('READY', encodeMetadata({ 'Socket-Type': 'XPUB', Identity: 'x' })),
      ),
    () => encodeFrame('message', Buffer.from('\u0001topic')),
    () => Buffer.from(Array.from({ length: Math.floor(random() * 40) }, () => Math.floor(random() * 256))),
  ];
  const start = process.cpuUsage();
  for (let inputs = 0; inputs < INPUTS; ) {
    const isSubscriber = random() < 0.5;
    const socket = Object.assign(new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() }), {
      setNoDelay() {},
      setKeepAlive() {},
      destroySoon() {},
      resetAndDestroy() {},
    }) as unknown as Socket;
    const failures: unknown[] = [];
    const socketType = isSubscriber ? 'SUB' : 'PUB';
    const connection = new ZmtpConnection(
      socket,
      {
        socketType,
        mechanism: new NullMechanism(socketType),
        maxMessageBytes: 1024,
        handshakeTimeoutMs: 60_000,
      },
      {
        onReady() {},
        onMessage() {},
        onSubscription() {},
        onDropped() {},
        onFailed: (cause) => failures.push(cause),
      },
    );
    const chunks = [
      encodeGreeting('NULL'),
      encodeFrame('command', encodeReady(isSubscriber ? 'PUB' : 'SUB')),
    ];
    const count = Math.floor(random() * 30);
    for (let i = 0; i < count; i += 1)
      chunks.push((pieces[Math.floor(random() * pieces.length)] as () => Buffer)());
    for (const chunk of chunks) {
      const bytes = mutator.mutate(chunk);
      const cut = random() < 0.3 ? Math.floor(random() * bytes.length) : bytes.length;
      inputs += 1;
      try {
        connection.receive(bytes.subarray(0, cut));
        if (failures.length === 0) connection.receive(bytes.subarray(cut));
      } catch (error) {
        throw failure(inputs, bytes, error);
      }
      if (failures.length > 0) break;
    }
    expect(failures.length).toBeLessThan(2);
    for (const cause of failures) expect(cause).toMatchObject({ code: expect.stringMatching(/^DEMITTER_/) });
    connection.destroy();
  }
  expect(cpuMs(start) / INPUTS).toBeLessThan(MAX_INPUT_MS);
});
