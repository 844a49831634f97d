/** Presence between emitters: who is listed, and what is told when somebody comes, goes, or cannot be heard. */
import { hostname } from 'node:os';
import { setTimeout as lasting } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDistributedEmitter, DistributedEmitter } from '../../src/emitter.js';
import type { Peer, PeerLeave } from '../../src/peer.js';
import { createMemoryTransport, MemoryHub } from '../../src/transport/memory.js';
import type { Transport, TransportContext } from '../../src/transport/transport.js';
import { createZmtpTransport } from '../../src/transport/zmtp/zmtp.js';
import { buildMessage, HEADER_BYTES, MessageKind } from '../../src/wire/batch.js';
import { encodeAnnouncement } from '../../src/wire/presence.js';
import { inboxTopic, presenceTopic } from '../../src/wire/topic.js';
import { Bus } from '../support/bus.js';
import { DIST } from '../support/process.js';

let bus: Bus;
beforeAll(async () => {
  bus = await Bus.start();
});
afterAll(() => bus[Symbol.asyncDispose]());

/** What a watcher is told, and waiting for it. */
class Journal {
  readonly entries: ({ readonly what: 'join'; readonly peer: Peer } | { what: 'leave'; peer: PeerLeave })[] =
    [];
  #changed = () => {};

  constructor(emitter: DistributedEmitter) {
    emitter.on('distributed:join', (peer) => this.#add({ what: 'join', peer }));
    emitter.on('distributed:leave', (peer) => this.#add({ what: 'leave', peer }));
  }

  /** In short: `join api`, `leave api silent`. */
  get lines(): string[] {
    return this.entries.map(({ what, peer }) =>
      [what, peer.name ?? peer.id, ...(what === 'leave' ? [peer.reason] : [])].join(' '),
    );
  }

  async told(line: string, times = 1): Promise<void> {
    while (this.lines.filter((each) => each === line).length < times) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  #add(entry: (typeof this.entries)[number]): void {
    this.entries.push(entry);
    this.#changed();
  }
}

/** The presence messages that one emitter sends and gets, by kind. */
class Counting {
  readonly sent: number[] = [];
  readonly received: number[] = [];
  readonly subscriptions = new Set<string>();
  readonly #make: (context: TransportContext) => Transport;

  constructor(make = createZmtpTransport as (context: TransportContext) => Transport) {
    this.#make = make;
  }

  readonly factory = (context: TransportContext): Transport => {
    const transport = this.#make(context);
    const { send, open, subscribe } = transport;
    transport.send = (message, headroom) => {
      this.#count(this.sent, message);
      return send.call(transport, message, headroom);
    };
    transport.subscribe = (prefix) => {
      this.subscriptions.add(Buffer.from(prefix).toString('latin1'));
      subscribe.call(transport, prefix);
    };
    transport.open = (handlers) =>
      open.call(transport, {
        ...handlers,
        onMessage: (message, yours) => {
          this.#count(this.received, message);
          handlers.onMessage(message, yours);
        },
      });
    return transport;
  };

  of(list: readonly number[], kind: number): number {
    return list.filter((each) => each === kind).length;
  }

  #count(list: number[], message: Uint8Array): void {
    const kind = message[message.indexOf(0) + 2] as number;
    if (kind >= MessageKind.announcement && kind <= MessageKind.farewell) list.push(kind);
  }
}

const ids = (peers: readonly { readonly id: string }[]) => peers.map(({ id }) => id).sort();

describe.each(['zmtp', 'memory'])('over the transport %s', (kind) => {
  const hub = new MemoryHub();
  const create = (options = {}) =>
    bus.emitter(kind === 'zmtp' ? options : { transport: createMemoryTransport(hub), ...options });

  test('peers() lists the others with what they say of themselves, those first that came first', async () => {
    await using plain = await create();
    await using first = await create({ name: 'first', meta: { zones: new Set(['a']) } });
    await lasting(2);
    await using second = await create({ heartbeatInterval: 500 });
    await lasting(2);
    await using watcher = await create({ name: 'watcher' });
    const peers = await watcher.peers();
    const since = expect.any(Date);
    expect(peers).toStrictEqual([
      {
        id: first.id,
        name: 'first',
        meta: { zones: new Set(['a']) },
        host: hostname(),
        pid: process.pid,
        since,
      },
      { id: second.id, host: hostname(), pid: process.pid, since },
    ]);
    for (const peer of peers) expect(Math.abs(peer.since.getTime() - Date.now())).toBeLessThan(20_000);
    expect(ids(await first.peers())).toEqual(ids([second, watcher]));
    expect(ids(await plain.peers())).toEqual(ids([first, second, watcher]));
    expect(ids(await second.peers())).toEqual(ids([first, watcher, plain]));
  });

  test('join and leave are told once, by on() and by events(), those who were there before included', async () => {
    await using early = await create({ name: 'early' });
    await using watcher = await create();
    const journal = new Journal(watcher);
    const joins = watcher.events('distributed:join');
    await journal.told('join early');
    expect((await joins.next()).value).toMatchObject({ id: early.id, name: 'early' });
    const late = await create({ name: 'late', meta: 7 });
    await journal.told('join late');
    await late.close();
    await journal.told('leave late closed');
    expect(ids(await watcher.peers())).toEqual([early.id]);
    expect(journal.lines).toEqual(['join early', 'join late', 'leave late closed']);
    expect(journal.entries.at(-1)?.peer).toStrictEqual({
      id: late.id,
      name: 'late',
      meta: 7,
      host: hostname(),
      pid: process.pid,
      since: expect.any(Date),
      reason: 'closed',
    });
  });

  test('an emitter that does not use it sends nothing, subscribes to nothing and gets nothing', async () => {
    const make = kind === 'zmtp' ? undefined : createMemoryTransport(hub);
    const counting = new Counting(make);
    await using user = await create({ name: 'user', heartbeatInterval: 100 });
    await using watcher = await create();
    const idle = await create({ transport: counting.factory });
    const seen = new Promise((resolve) => idle.on('event', resolve));
    await idle.ready();
    expect(ids(await watcher.peers())).toEqual([user.id]);
    await watcher.emit('event');
    await seen;
    await lasting(300);
    await idle.close();
    expect([counting.sent, counting.received]).toEqual([[], []]);
    expect([...counting.subscriptions].filter((topic) => topic.startsWith('m'))).toEqual([]);
  });
});

describe('watching', () => {
  test('begins with the first listener and ends with the last: then others see who only watched go', async () => {
    await using other = await bus.emitter();
    const journal = new Journal(other);
    await other.peers();
    await using watcher = await bus.emitter();
    const offJoin = watcher.on('distributed:join', () => {});
    const offLeave = watcher.on('distributed:leave', () => {});
    await journal.told(`join ${watcher.id}`);
    offJoin();
    await other.peers();
    expect(journal.lines).toEqual([`join ${watcher.id}`]);
    offLeave();
    await journal.told(`leave ${watcher.id} closed`);
    // peers() keeps it watching.
    await watcher.peers();
    await journal.told(`join ${watcher.id}`, 2);
    watcher.on('distributed:join', () => {})();
    await other.peers();
    expect(journal.lines).toHaveLength(3);
  });

  test('costs a participant that does not watch nothing of what the others say', async () => {
    const counting = new Counting();
    await using participant = await bus.emitter({ name: 'quiet', transport: counting.factory });
    await using others = await bus.emitter({ name: 'loud', heartbeatInterval: 100 });
    expect(ids(await others.peers())).toContain(participant.id);
    await lasting(300);
    expect(counting.of(counting.received, MessageKind.beat)).toBe(0);
    expect(counting.of(counting.received, MessageKind.announcement)).toBe(0);
  });

  test('tells of those in the same namespace, and of no others', async () => {
    await using other = await bus.emitter({ name: 'other' });
    await using tenant = await bus.emitter({ name: 'tenant', namespace: 'a' });
    await using watcher = await bus.emitter({ namespace: 'a' });
    expect(ids(await watcher.peers())).toEqual([tenant.id]);
    expect(ids(await tenant.peers())).toEqual([watcher.id]);
    expect(ids(await other.peers())).not.toContain(tenant.id);
  });

  test('a listener that throws is told, and stops nobody', async () => {
    await using watcher = await bus.emitter();
    const error = watcher.once('distributed:error');
    watcher.on('distributed:join', () => {
      throw new Error('thrown');
    });
    const journal = new Journal(watcher);
    await watcher.ready();
    await using joining = await bus.emitter({ name: 'joining' });
    expect(await error).toMatchObject({ type: 'listener', eventName: 'distributed:join' });
    await journal.told('join joining');
    expect(joining.status).toBe('ready');
  });

  test('ready() after on(): who comes from then on is told', async () => {
    for (let i = 0; i < 20; i += 1) {
      await using watcher = await bus.emitter();
      const journal = new Journal(watcher);
      await watcher.ready();
      await using joining = await bus.emitter({ name: 'joining' });
      await journal.told('join joining');
      expect(joining.status).toBe('ready');
    }
  });

  test('a peer in a worker thread says so', async () => {
    const source = `
      const { workerData, parentPort } = require('node:worker_threads');
      import('${DIST}index.js').then(async ({ createDistributedEmitter }) => {
        const emitter = await createDistributedEmitter(workerData);
        parentPort.once('message', () => emitter.close());
      });`;
    await using watcher = await bus.emitter();
    const joined = watcher.once('distributed:join');
    await watcher.ready();
    const worker = new Worker(source, { eval: true, workerData: { ...bus.addresses, name: 'thread' } });
    const left = watcher.once('distributed:leave');
    expect(await joined).toMatchObject({ name: 'thread', pid: process.pid, threadId: worker.threadId });
    worker.postMessage('close');
    expect(await left).toMatchObject({ name: 'thread', reason: 'closed' });
    await worker.terminate();
  });
});

describe('peers()', () => {
  test('rejects before connect() and after close(), also while it waits', async () => {
    const emitter = new DistributedEmitter({ xsubPort: 1, xpubPort: 1, connectTimeout: 0 });
    emitter.on('distributed:error', () => {});
    await expect(emitter.peers()).rejects.toMatchObject({ code: 'DEMITTER_NOT_CONNECTED' });
    await emitter.connect();
    const waiting = emitter.peers();
    const rejected = expect(waiting).rejects.toMatchObject({ code: 'DEMITTER_CLOSED' });
    await emitter.close();
    await rejected;
    await expect(emitter.peers()).rejects.toMatchObject({ code: 'DEMITTER_CLOSED' });
  });

  test('waits for the link, and resolves at once from the second time on', async () => {
    await using peer = await bus.emitter({ name: 'peer' });
    await using emitter = new DistributedEmitter(bus.addresses);
    void emitter.connect();
    expect(ids(await emitter.peers())).toContain(peer.id);
    let listed = false;
    void emitter.peers().then(() => {
      listed = true;
    });
    // Sooner than anything can come from anywhere.
    await new Promise(process.nextTick);
    expect(listed).toBe(true);
  });

  test('alone, lists nobody', async () => {
    await using lonely = await createDistributedEmitter({
      transport: createMemoryTransport(new MemoryHub()),
      name: 'lonely',
    });
    expect(await lonely.peers()).toEqual([]);
  });
});

describe('counted at the wire', () => {
  test('every participant sends one short message an interval, however many there are', async () => {
    const countings = Array.from({ length: 20 }, () => new Counting());
    const emitters = await Promise.all(
      countings.map(({ factory }) => bus.emitter({ transport: factory, heartbeatInterval: 200 })),
    );
    await Promise.all(emitters.map((emitter) => emitter.peers()));
    await lasting(200);
    const total = () => countings.reduce((sum, { sent }) => sum + sent.length, 0);
    const before = total();
    const began = performance.now();
    await lasting(2000);
    const intervals = (performance.now() - began) / 200;
    const perInterval = (total() - before) / intervals;
    expect(perInterval).toBeGreaterThan(emitters.length * 0.8);
    expect(perInterval).toBeLessThan(emitters.length * 1.1);
    for (const counting of countings)
      expect(counting.of(counting.sent, MessageKind.rollCall)).toBeLessThanOrEqual(1);
    await Promise.all(emitters.map((emitter) => emitter.close()));
  });

  test('however often it is asked, an emitter announces itself at most every 100 ms', async () => {
    const hub = new MemoryHub();
    const counting = new Counting(createMemoryTransport(hub));
    await using asked = await createDistributedEmitter({ name: 'asked', transport: counting.factory });
    await using stranger = await Stranger.on(hub);
    const began = performance.now();
    for (let i = 0; i < 100; i += 1) {
      stranger.say(presenceTopic('rollCalls'), MessageKind.rollCall);
      stranger.say(inboxTopic(asked.id), MessageKind.rollCall);
      await lasting(5);
    }
    const announcements = counting.of(counting.sent, MessageKind.announcement);
    expect(announcements).toBeGreaterThan(3);
    expect(announcements).toBeLessThanOrEqual(1 + (performance.now() - began) / 100);
  });
});

/** Somebody on a bus who sends whatever it likes. */
class Stranger implements AsyncDisposable {
  readonly #transport: Transport;

  static async on(hub: MemoryHub): Promise<Stranger> {
    const stranger = new Stranger(hub);
    await new Promise<void>((resolve) =>
      stranger.#transport.open({ onMessage() {}, onDrain() {}, onStatus: () => resolve() }),
    );
    return stranger;
  }

  private constructor(hub: MemoryHub) {
    const limits = { xsubAddress: '', xpubAddress: '', maxMessageBytes: 1 << 20 };
    this.#transport = createMemoryTransport(hub)(limits);
  }

  say(
    topic: Buffer,
    kind: number,
    { publisher = 1, body = new Uint8Array(0) }: { publisher?: number; body?: Uint8Array } = {},
  ): void {
    this.send(buildMessage(topic, { kind: kind as MessageKind, publisher }, body));
  }

  send(message: Buffer): void {
    this.#transport.send(message);
    this.#transport.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport.close(0);
  }
}

describe('messages of strangers', () => {
  const body = encodeAnnouncement({
    since: 0,
    intervalMs: 1000,
    pid: 1,
    threadId: 0,
    host: 'elsewhere',
    name: 'stranger',
    meta: Buffer.alloc(0),
  });
  const news = presenceTopic('news');
  const rollCalls = presenceTopic('rollCalls');
  const of = (kind: number, topic = news, text: Uint8Array = body) =>
    buildMessage(topic, { kind: kind as MessageKind, publisher: 1 }, text);

  test('that are malformed are told and dropped, and nothing is thrown', async () => {
    const hub = new MemoryHub();
    await using watcher = await createDistributedEmitter({ transport: createMemoryTransport(hub) });
    await using stranger = await Stranger.on(hub);
    const journal = new Journal(watcher);
    const faults: string[] = [];
    watcher.on('distributed:error', ({ code, message }) => faults.push(`${code} ${message}`));
    await watcher.peers();
    const announcement = of(MessageKind.announcement);
    const versionAt = news.length;
    const messages: [Buffer, RegExp][] = [
      [of(MessageKind.announcement, news, body.subarray(1)), /malformed announcement/],
      [of(MessageKind.announcement, news, Buffer.concat([body, Buffer.of(0xc1)])), /malformed announcement/],
      [of(MessageKind.announcement, news, Buffer.concat([body, Buffer.alloc(20_000)])), /malformed/],
      [announcement.subarray(0, news.length + HEADER_BYTES - 1), /cut short/],
      [Buffer.from(announcement).fill(2, versionAt, versionAt + 1), /version 2/],
      [Buffer.from(announcement).fill(0xff, versionAt + 8, versionAt + 16), /53 bits/],
      [of(MessageKind.batch), /kind 1/],
      [of(MessageKind.rollCall), /kind 13/],
      [of(99), /kind 99/],
      [of(MessageKind.announcement, rollCalls), /kind 11/],
    ];
    for (const [message] of messages) stranger.send(message);
    stranger.say(news, MessageKind.announcement, { publisher: 2, body });
    await journal.told('join stranger');
    expect(faults).toHaveLength(messages.length);
    for (const [i, [, expected]] of messages.entries())
      expect(faults[i]).toMatch(new RegExp(`DEMITTER_PROTOCOL .*${expected.source}`));
    expect(journal.lines).toEqual(['join stranger']);
  });

  test('that name this emitter itself, or somebody unknown who leaves, are nothing', async () => {
    const hub = new MemoryHub();
    await using watcher = await createDistributedEmitter({ transport: createMemoryTransport(hub) });
    await using stranger = await Stranger.on(hub);
    const journal = new Journal(watcher);
    await watcher.peers();
    const self = Number.parseInt(watcher.id, 16);
    stranger.say(news, MessageKind.announcement, { publisher: self, body });
    stranger.say(news, MessageKind.farewell, { publisher: self });
    stranger.say(news, MessageKind.farewell, { publisher: 5 });
    stranger.say(news, MessageKind.announcement, { publisher: 2, body });
    await journal.told('join stranger');
    expect(journal.lines).toEqual(['join stranger']);
  });

  test('in a flood are remembered up to a bound, and asked up to another', async () => {
    const hub = new MemoryHub();
    const counting = new Counting(createMemoryTransport(hub));
    await using watcher = await createDistributedEmitter({ transport: counting.factory });
    await using stranger = await Stranger.on(hub);
    await watcher.peers();
    for (let publisher = 1; publisher <= 1000; publisher += 1)
      stranger.say(news, MessageKind.beat, { publisher: 20_000 + publisher });
    await lasting(200);
    // The roll call, and some of those who only beat.
    expect(counting.of(counting.sent, MessageKind.rollCall)).toBe(1 + 64);
    for (let publisher = 1; publisher <= 11_000; publisher += 1)
      stranger.say(news, MessageKind.announcement, { publisher, body });
    await lasting(50);
    expect(await watcher.peers()).toHaveLength(10_000);
  });
});
