/**
 * What an event may cost, in counts: an optimisation that is lost fails here, on any machine and under any load.
 */
import { createHook } from 'node:async_hooks';
import { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDistributedEmitter, createForwarder, type DistributedEmitter } from '../../src/index.js';
import type { Transport, TransportContext, TransportHandlers } from '../../src/transport/transport.js';
import { createZmtpTransport } from '../../src/transport/zmtp/zmtp.js';
import { HEADER_BYTES, MessageKind } from '../../src/wire/batch.js';
import { packPayload } from '../../src/wire/payload.js';

type Events = Record<string, unknown>;

const EVENTS = 1000;
const MAX_BATCH_BYTES = 4096;
const SLAB_BYTES = 64 * 1024;
const EVENT_TOPIC = 'e'.charCodeAt(0);

/** Of a burst, in all: one promise for `room`, a flush, timers of heartbeats and tails that happen to be due. */
const A_FEW = 10;

/** The default transport, and what passes through it. */
class Counting {
  sent: Uint8Array[] = [];
  headrooms: number[] = [];
  /** Batches that came in. */
  received = 0;

  readonly factory = (context: TransportContext): Transport => {
    const transport = createZmtpTransport(context);
    const { send, open } = transport;
    transport.send = (message, headroom) => {
      if (isBatch(message)) {
        this.sent.push(message);
        this.headrooms.push(headroom ?? 0);
      }
      return send.call(transport, message, headroom);
    };
    transport.open = (handlers: TransportHandlers) =>
      open.call(transport, {
        ...handlers,
        onMessage: (message, yours) => {
          if (isBatch(message)) this.received += 1;
          handlers.onMessage(message, yours);
        },
      });
    return transport;
  };

  reset(): void {
    this.sent = [];
    this.headrooms = [];
    this.received = 0;
  }
}

/** Tails and what delivery says to itself are a matter of time. */
function isBatch(message: Uint8Array): boolean {
  return message[0] === EVENT_TOPIC && message[message.indexOf(0) + 2] === MessageKind.batch;
}

/** Counts the asynchronous resources of `type` that `work` makes. */
function countInits(type: string, work: () => void): number {
  let count = 0;
  const hook = createHook({
    init(_, initialized) {
      if (initialized === type) count += 1;
    },
  }).enable();
  work();
  hook.disable();
  return count;
}

function makeEvent(seq: number) {
  return { seq: 100_000 + seq, user: 'user-184467', action: 'order:placed', amount: 129.95, paid: true };
}

const EVENT_BYTES = packPayload(makeEvent(0)).length;

let forwarder: Awaited<ReturnType<typeof createForwarder>>;
let publisher: DistributedEmitter<Events>;
let subscriber: DistributedEmitter<Events>;
const outgoing = new Counting();
const incoming = new Counting();
let arrived = 0;
let onArrival = () => {};
/** What the publisher's socket is given, while somebody looks. */
let written: Uint8Array[] | undefined;
const { write } = Socket.prototype;

beforeAll(async () => {
  forwarder = await createForwarder({ xsubPort: 0, xpubPort: 0 });
  const { xsubAddress, xpubAddress } = forwarder;
  const xsubPort = Number(new URL(xsubAddress).port);
  Socket.prototype.write = function (this: Socket, ...args: unknown[]) {
    if (this.remotePort === xsubPort) written?.push(args[0] as Uint8Array);
    return Reflect.apply(write, this, args) as boolean;
  };
  publisher = await createDistributedEmitter({ xsubAddress, xpubAddress, transport: outgoing.factory });
  subscriber = await createDistributedEmitter({ xsubAddress, xpubAddress, transport: incoming.factory });
  const names = ['a', ...Array.from({ length: 10 }, (_, i) => `n${i}`)];
  subscriber.on(names, () => {
    arrived += 1;
    onArrival();
  });
  await subscriber.ready();
});

afterAll(async () => {
  Socket.prototype.write = write;
  await publisher.close();
  await subscriber.close();
  await forwarder.close();
});

/** Emits in one turn, and waits until all has arrived. */
async function burst(nameOf: (seq: number) => string, emitter = publisher) {
  outgoing.reset();
  incoming.reset();
  written = [];
  arrived = 0;
  const all = new Promise<void>((resolve) => {
    onArrival = () => arrived === EVENTS && resolve();
  });
  const emit = () => {
    for (let seq = 0; seq < EVENTS; seq += 1) void emitter.emit(nameOf(seq), makeEvent(seq));
  };
  return { emit, all };
}

describe('a burst under one name', () => {
  test('takes one message for as many events as there is room for, in place, in few writes', async () => {
    const { emit, all } = await burst(() => 'a');
    emit();
    await all;
    const perMessage = Math.floor((MAX_BATCH_BYTES - 'esa\0'.length - HEADER_BYTES) / EVENT_BYTES);
    // A batch ends early where a slab does.
    const slabEnds = Math.ceil((EVENTS * EVENT_BYTES) / SLAB_BYTES);
    expect(outgoing.sent.length).toBeLessThanOrEqual(Math.ceil(EVENTS / perMessage) + slabEnds);
    expect(incoming.received).toBe(outgoing.sent.length);
    expect(outgoing.headrooms.every((headroom) => headroom >= 9)).toBe(true);
    expect(written?.length).toBeLessThan(A_FEW);
    // The kernel gets the memory that the events were packed into, not a copy.
    const slabs = new Set(outgoing.sent.map(({ buffer }) => buffer));
    const large = (written ?? []).filter(({ length }) => length > 1000);
    expect(large.length).toBeGreaterThan(0);
    expect(large.every(({ buffer }) => slabs.has(buffer))).toBe(true);
  });

  test.each(['PROMISE', 'Immediate', 'Timeout', 'TickObject'])('makes no %s for each event', async (type) => {
    const { emit, all } = await burst(() => 'a');
    expect(countInits(type, emit)).toBeLessThan(A_FEW);
    await all;
  });

  test('makes no promise for each event where it arrives', async () => {
    const { emit, all } = await burst(() => 'a');
    let promises = 0;
    const hook = createHook({
      init(_, type) {
        if (type === 'PROMISE') promises += 1;
      },
    }).enable();
    emit();
    await all;
    hook.disable();
    expect(promises).toBeLessThan(EVENTS / 10);
  });

  test('that is awaited makes no more promises than `await` itself', async () => {
    const awaiting = async (work: (seq: number) => Promise<void>) => {
      let promises = 0;
      const hook = createHook({
        init(_, type) {
          if (type === 'PROMISE') promises += 1;
        },
      }).enable();
      for (let seq = 0; seq < EVENTS; seq += 1) await work(seq);
      hook.disable();
      return promises;
    };
    const done = Promise.resolve();
    const least = await awaiting(() => done);
    const { all } = await burst(() => 'a');
    const made = await awaiting((seq) => publisher.emit('a', makeEvent(seq)));
    await all;
    expect(made - least).toBeLessThan(EVENTS / 10);
  });
});

describe('a burst under names in rotation', () => {
  test('takes a message for each event, and few writes for all', async () => {
    const { emit, all } = await burst((seq) => `n${seq % 10}`);
    emit();
    await all;
    expect(outgoing.sent).toHaveLength(EVENTS);
    expect(incoming.received).toBe(EVENTS);
    expect(written?.length).toBeLessThan(EVENTS / 50);
  });
});

describe('names that nobody listens to', () => {
  test('do not reach a subscriber of others', async () => {
    const { all } = await burst(() => 'a');
    for (let seq = 0; seq < EVENTS; seq += 1) void publisher.emit(`nobody-${seq % 5}`, makeEvent(seq));
    for (let seq = 0; seq < EVENTS; seq += 1) void publisher.emit('a', makeEvent(seq));
    await all;
    expect(outgoing.sent.length).toBeGreaterThan(EVENTS);
    expect(incoming.received).toBeLessThan(EVENTS / 10);
  });
});

describe('local listeners', () => {
  test('cost two promises an event, however many they are', async () => {
    for (const count of [1, 5]) {
      await using emitter = await createDistributedEmitter<Events>({
        xsubAddress: forwarder.xsubAddress,
        xpubAddress: forwarder.xpubAddress,
      });
      for (let i = 0; i < count; i += 1) emitter.on('local', () => i);
      let last = Promise.resolve();
      // So few that there is room for all of them in one turn.
      const events = EVENTS / 4;
      const promises = countInits('PROMISE', () => {
        for (let seq = 0; seq < events; seq += 1) last = emitter.emit('local', makeEvent(seq));
      });
      await last;
      expect(promises).toBeLessThan(2 * events + A_FEW);
    }
  });
});
