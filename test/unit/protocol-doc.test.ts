import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { runInThisContext } from 'node:vm';
import { describe, expect, test, vi } from 'vitest';
import { Heartbeat } from '../../src/delivery/heartbeat.js';
import { Liveness } from '../../src/delivery/liveness.js';
import type { Content } from '../../src/delivery/post.js';
import { Presence } from '../../src/delivery/presence/presence.js';
import { Inbox } from '../../src/delivery/receiving/inbox.js';
import { Outbox } from '../../src/delivery/sending/outbox.js';
import { Replayer } from '../../src/delivery/sending/replayer.js';
import { TailMarker } from '../../src/delivery/sending/tail-marker.js';
import { DistributedEmitter } from '../../src/emitter.js';
import { Requester } from '../../src/requester.js';
import { Responder } from '../../src/responder.js';
import type { Attributes } from '../../src/wire/attributes.js';
import {
  addFlags,
  buildMessage,
  emptyHeader,
  FLAG_ACKNOWLEDGE,
  FLAG_ANSWERS,
  formatPublisherId,
  HEADER_BYTES,
  type Header,
  MessageKind,
  readHeader,
  toElapsed,
} from '../../src/wire/batch.js';
import { packPayload, unpackPayloads } from '../../src/wire/payload.js';
import { decodeAnnouncement, encodeAnnouncement } from '../../src/wire/presence.js';
import {
  decodeReplayed,
  decodeRequest,
  decodeTails,
  decodeTopics,
  encodeRequest,
  encodeTopics,
  type Request,
} from '../../src/wire/recovery.js';
import { isAnswerData, isQuestionData, isRequestData } from '../../src/wire/requests.js';
import { EVENTS, makeSpace, type Space } from '../../src/wire/space.js';
import {
  allEmittersTopic,
  decodeTopic,
  encodeTopic,
  inboxTopic,
  presenceTopic,
} from '../../src/wire/topic.js';
import { outboxRecords } from '../support/outbox-records.js';

interface Row {
  readonly bytes: Buffer;
  /** What stands behind the bytes: a comment, or the value in JavaScript notation. */
  readonly note: string;
}

interface BatchSample {
  readonly name: string;
  readonly publisher: string;
  readonly sequence: number;
  readonly previous: number;
  readonly position: number;
  readonly elapsed: number;
  readonly events: readonly unknown[];
}

const DOC = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
const OTHER_PUBLISHER = 0x0b0b0b0b0b0b0b;
/** 2026, in microseconds. */
const TIME = 1_767_225_600_000_000;
const TIME_BYTES = Buffer.from('0006474846204000', 'hex');

/** Samples of the page that a test has asked for: at the end, all of them must have been. */
const used = new Set<string>();

function fenced(language: string, name: string): string {
  used.add(`${language} ${name}`);
  const found = DOC.split(`\n\`\`\`${language} ${name}\n`);
  if (found.length !== 2)
    throw new Error(`docs/protocol.md has ${found.length - 1} samples "${language} ${name}"`);
  return (found[1] as string).slice(0, (found[1] as string).indexOf('\n```'));
}

function rows(name: string): Row[] {
  return fenced('hex', name)
    .split('\n')
    .map((line) => {
      const match = /^([0-9a-f]{2}(?: [0-9a-f]{2})*)(?: {2}(\S.*))?$/.exec(line);
      if (match === null) throw new Error(`sample "${name}": cannot read the line "${line}"`);
      return { bytes: Buffer.from((match[1] as string).replaceAll(' ', ''), 'hex'), note: match[2] ?? '' };
    });
}

function bytesOf(name: string): Buffer {
  return Buffer.concat(rows(name).map((row) => row.bytes));
}

function evaluate(row: Row): unknown {
  return runInThisContext(`(${row.note})`);
}

/** For `test.each`: a title, then the row. */
function table(name: string): [string, Row][] {
  return rows(name).map((row) => [`${row.note} (${row.bytes.toString('hex')})`, row]);
}

function headerOf(message: Buffer): Header {
  const header = emptyHeader();
  expect(readHeader(message, message.indexOf(0) + 1, header)).toBeUndefined();
  return header;
}

/** What follows the header. */
function bodyOf(message: Buffer): Buffer {
  return message.subarray(message.indexOf(0) + 1 + HEADER_BYTES);
}

/** The sending half of the given publisher, and the messages it sends. */
function sender(publisher: number, now = () => 0) {
  const sent: Buffer[] = [];
  const limits = {
    maxBatchBytes: 16_384,
    maxEventBytes: 16_384,
    maxBufferBytes: 65_536,
    highWaterMark: 65_536,
    maxMessageBytes: 81_920,
  };
  const link = {
    send: (message: Buffer) => {
      sent.push(message);
      return true;
    },
    flush: () => {},
    unconfirmedBytes: 0,
  };
  const records = outboxRecords(now);
  const tailMarker = new TailMarker(publisher, records.publications, link, now);
  const outbox = new Outbox({ ...limits, publisher, now, timeAt: () => TIME }, link, {
    ...records,
    tailMarker,
  });
  outbox.setLinkOpen(true);
  const replayer = new Replayer(publisher, records.history, records.publications, link, now);
  replayer.resume();
  return {
    sent,
    outbox,
    tailMarker,
    replayer,
    /** One batch. */
    sendBatch(name: PropertyKey, values: readonly unknown[]): void {
      for (const value of values) outbox.push(name, value);
      outbox.flush();
    },
    /** Waits until the replayer has sent so many messages. */
    async answered(count: number): Promise<Buffer[]> {
      const before = sent.length;
      while (sent.length < before + count) await new Promise((resolve) => setImmediate(resolve));
      return sent.slice(before);
    },
  };
}

/** An emitter's receiving half that listens to `names`, or to all, and what it makes of what comes. */
function receiver(self: number, names: readonly PropertyKey[] | 'all') {
  const events: [PropertyKey, readonly unknown[]][] = [];
  const attributes: (readonly Attributes[])[] = [];
  const codes: string[] = [];
  const delivered: [publisher: number, sequence: number][] = [];
  const asked: Buffer[] = [];
  const inbox = new Inbox(
    self,
    { now: () => 0, recoveryTimeoutMs: 5000, maxEventBytes: 1024 },
    {
      onEvents: ({ name }, values, _, given) => {
        events.push([name, values]);
        if (given !== undefined) attributes.push(given);
      },
      onError: ({ code }) => void codes.push(code),
      onDelivered: (publisher, sequence) => void delivered.push([publisher, sequence]),
      onMissing: (publisher, sequence, request) =>
        void asked.push(requestTo(publisher, self, sequence, request)),
      provenMs: () => 0,
    },
  );
  if (names === 'all') inbox.interests.listenToPrefix(EVENTS.prefix);
  else for (const name of names) inbox.interests.listen(encodeTopic(name) as Buffer, name);
  return {
    inbox,
    events,
    attributes,
    codes,
    delivered,
    asked,
    answer: (message: Buffer) => inbox.receiveAnswer(headerOf(message), bodyOf(message)),
  };
}

function requestTo(publisher: number, self: number, sequence: number, request: Request): Buffer {
  const content = { kind: MessageKind.request, publisher: self, sequence };
  return buildMessage(inboxTopic(formatPublisherId(publisher)), content, encodeRequest(request));
}

function receive(message: Buffer, self: number, names: readonly PropertyKey[] | 'all') {
  const { inbox, events, attributes, codes, delivered } = receiver(self, names);
  inbox.receive(message);
  return { events, attributes, codes, delivered };
}

describe('docs/protocol.md, section 2: topics', () => {
  const SPACES: readonly Space[] = [
    makeSpace('event', '', 'room:42'),
    makeSpace('event', '', '\u0001'),
    makeSpace('request'),
    makeSpace('request', '', 'room:42'),
    makeSpace('event', 'tenant-a'),
  ];

  test.each(table('topics-in-spaces').map(([title, row], i) => [title, row, SPACES[i] as Space] as const))(
    '%s',
    (title, row, space) => {
      const name = /'(\w+)'/.exec(title)?.[1] as string;
      expect(encodeTopic(name, space)).toEqual(row.bytes);
      expect(decodeTopic(row.bytes, space)).toBe(name);
    },
  );

  test.each(table('topics'))('%s', (_, row) => {
    const name = evaluate(row) as PropertyKey;
    expect(encodeTopic(name)).toEqual(row.bytes);
    expect(decodeTopic(row.bytes)).toBe(name);
  });

  test.each(table('topics-refused'))('stand for no name: %s', (_, row) => {
    expect(decodeTopic(row.bytes)).toBeUndefined();
    expect(receive(row.bytes, OTHER_PUBLISHER, 'all')).toMatchObject({
      events: [],
      codes: ['DEMITTER_PROTOCOL'],
    });
  });
});

describe('docs/protocol.md, section 3: messages', () => {
  const sample = JSON.parse(fenced('json', 'batch')) as BatchSample;
  const message = bytesOf('batch');
  const publisher = Number.parseInt(sample.publisher, 16);

  test('the emitter sends the sample batch', () => {
    let clock = 0;
    const { sendBatch, sent } = sender(publisher, () => clock);
    const filler = (from: number, to: number) => {
      for (let sequence = from; sequence < to; sequence += 1) sendBatch('other', [null]);
    };
    filler(1, sample.previous);
    sendBatch(
      sample.name,
      Array.from({ length: sample.position }, () => null),
    );
    filler(sample.previous + 1, sample.sequence);
    clock += sample.elapsed / 10;
    sendBatch(sample.name, sample.events);
    expect(sent.at(-1)).toEqual(message);
  });

  test('a receiver reads the sample batch', () => {
    expect(headerOf(message)).toEqual({
      kind: MessageKind.batch,
      flags: FLAG_ANSWERS,
      count: sample.events.length,
      publisher,
      sequence: sample.sequence,
      previous: sample.previous,
      position: sample.position,
      elapsed: sample.elapsed,
      time: TIME,
    });
    const expected = { events: [[sample.name, sample.events]], codes: [] };
    expect(receive(message, OTHER_PUBLISHER, [sample.name])).toMatchObject(expected);
    expect(receive(message, OTHER_PUBLISHER, 'all')).toMatchObject(expected);
  });

  test('batches are numbered as in the example', () => {
    const expected = JSON.parse(fenced('json', 'numbering')) as (Omit<Header, 'kind' | 'publisher'> & {
      name: string;
    })[];
    const { outbox, sent } = sender(publisher);
    for (const { name, count } of expected)
      for (let event = 0; event < count; event += 1) outbox.push(name, null);
    outbox.flush();
    expect(
      sent.map((batch) => {
        const { kind, flags: _flags, publisher: _publisher, time: _time, ...numbers } = headerOf(batch);
        expect(kind).toBe(MessageKind.batch);
        return { name: decodeTopic(batch.subarray(0, batch.indexOf(0) + 1)), ...numbers };
      }),
    ).toEqual(expected);
  });

  test('a publisher writes the sample volatile message, which a receiver delivers', () => {
    const { outbox, sent } = sender(publisher);
    outbox.pushVolatile('tick', 3, EVENTS);
    expect(sent).toEqual([bytesOf('volatile')]);
    expect(receive(bytesOf('volatile'), OTHER_PUBLISHER, ['tick']).events).toEqual([['tick', [3]]]);
  });

  test('a publisher writes the sample attributes, and a receiver takes them apart', () => {
    const { outbox, sent } = sender(publisher);
    outbox.push('a', 1, EVENTS, { headers: { id: '42' } });
    outbox.flush();
    expect(sent).toEqual([bytesOf('attributes')]);
    expect(receive(bytesOf('attributes'), OTHER_PUBLISHER, ['a'])).toMatchObject({
      events: [['a', [1]]],
      attributes: [[{ headers: { id: '42' } }]],
    });
  });

  test('a publisher writes the sample request and the sample answer to it', () => {
    const requests = makeSpace('request');
    const replies = makeSpace('reply');
    const asker = sender(OTHER_PUBLISHER);
    asker.outbox.push('sum', [1, [1, 2]], requests);
    asker.outbox.flush();
    expect(asker.sent).toEqual([bytesOf('request-event')]);
    const answerer = sender(publisher);
    answerer.outbox.push(formatPublisherId(OTHER_PUBLISHER), [1, 0, 3], replies);
    answerer.outbox.flush();
    expect(answerer.sent).toEqual([bytesOf('answer-event')]);
  });

  test('a responder answers the sample request with the sample answer, whose kinds a requester knows', async () => {
    const [request] = unpackPayloads(bodyOf(bytesOf('request-event')), 0, 1);
    const [answer] = unpackPayloads(bodyOf(bytesOf('answer-event')), 0, 1);
    expect([isRequestData(request), isAnswerData(answer)]).toEqual([true, true]);
    const answers: unknown[] = [];
    const responder = new Responder({
      onInterest: () => {},
      answer: (requester, data) => void answers.push([requester, data]),
    });
    const space = makeSpace('request');
    responder.add('sum', space, (data) => (data as number[]).reduce((sum, n) => sum + n));
    expect(responder.receive('sum', space, request, formatPublisherId(OTHER_PUBLISHER))).toBeUndefined();
    await new Promise(setImmediate);
    expect(answers).toEqual([[formatPublisherId(OTHER_PUBLISHER), answer]]);
  });

  test.each(table('request-data').map(([title, row], i) => [title, row, i] as const))(
    'questions and answers: %s',
    (_, row, i) => {
      const [read] = unpackPayloads(row.bytes, 0, 1);
      expect([isQuestionData(read), isAnswerData(read), isRequestData(read)]).toEqual([
        i === 0,
        i > 0,
        false,
      ]);
      const value = evaluate(row) as unknown[];
      // The trace of the sample’s author is nobody’s.
      if (value[2] instanceof Error) expect(read).toEqual(value);
      else expect(Buffer.from(packPayload(value))).toEqual(row.bytes);
    },
  );

  test.each(table('request-data-refused'))('no request, question or answer: %s', (_, row) => {
    const [read] = unpackPayloads(row.bytes, 0, 1);
    expect(read).toEqual(evaluate(row));
    const space = makeSpace('request');
    const responder = new Responder({ onInterest: () => {}, answer: () => {} });
    expect(responder.receive('sum', space, read, 'x')).toBe('is a malformed request');
    expect(new Requester().receive(read, 'x')).toBe('is a malformed answer');
  });

  test('one’s own messages and those of names not listened to are ignored', () => {
    const nothing = { events: [], codes: [] };
    expect(receive(message, publisher, [sample.name])).toMatchObject(nothing);
    expect(receive(message, OTHER_PUBLISHER, ['user'])).toMatchObject(nothing);
  });

  test('a receiver answers a batch that asks for it with the sample acknowledgement', () => {
    const asking = Buffer.from(message);
    addFlags(asking, message.indexOf(0) + 1, FLAG_ACKNOWLEDGE | FLAG_ANSWERS);
    const { delivered } = receive(asking, OTHER_PUBLISHER, [sample.name]);
    expect(delivered).toEqual([[publisher, sample.sequence]]);
    const answer = buildMessage(inboxTopic(sample.publisher), {
      kind: MessageKind.acknowledgement,
      publisher: OTHER_PUBLISHER,
      sequence: sample.sequence,
    });
    expect(answer).toEqual(bytesOf('acknowledgement'));
    expect(receive(message, OTHER_PUBLISHER, [sample.name]).delivered).toEqual([]);
  });

  // Section 6. Offsets are those of the table of section 3.
  test.each<[string, (bytes: Buffer, header: number) => Buffer, string]>([
    [
      'a header that is cut short',
      (bytes, header) => bytes.subarray(0, header + HEADER_BYTES - 1),
      'DEMITTER_PROTOCOL',
    ],
    ['another version', (bytes, header) => bytes.fill(2, header, header + 1), 'DEMITTER_PROTOCOL'],
    ['another kind', (bytes, header) => bytes.fill(11, header + 1, header + 2), 'DEMITTER_PROTOCOL'],
    ['the kind of tails', (bytes, header) => bytes.fill(9, header + 1, header + 2), 'DEMITTER_PROTOCOL'],
    [
      'the kind of a probe',
      (bytes, header) => bytes.fill(MessageKind.probe, header + 1, header + 2),
      'DEMITTER_PROTOCOL',
    ],
    ['flags', (bytes, header) => bytes.fill(1, header + 2, header + 3), 'DEMITTER_PROTOCOL'],
    ['a count of 0', (bytes, header) => bytes.fill(0, header + 4, header + 8), 'DEMITTER_PROTOCOL'],
    [
      'a number of more than 53 bits',
      (bytes, header) => bytes.fill(0xff, header + 16, header + 24),
      'DEMITTER_PROTOCOL',
    ],
    [
      'fewer events than it says',
      (bytes, header) => bytes.fill(3, header + 7, header + 8),
      'DEMITTER_DESERIALIZATION',
    ],
    [
      'more events than it says',
      (bytes, header) => bytes.fill(1, header + 7, header + 8),
      'DEMITTER_DESERIALIZATION',
    ],
    ['a topic without an end', (bytes) => bytes.filter((byte) => byte !== 0) as Buffer, 'DEMITTER_PROTOCOL'],
  ])('a message with %s is refused as a whole', (_, damage, code) => {
    const damaged = damage(Buffer.from(message), message.indexOf(0) + 1);
    expect(receive(Buffer.from(damaged), OTHER_PUBLISHER, 'all')).toMatchObject({
      events: [],
      codes: [code],
    });
  });
});

describe('docs/protocol.md, section 4: payloads', () => {
  test.each([...table('payloads'), ...table('payloads-extended')])('%s', (_, row) => {
    const value = evaluate(row);
    expect(Buffer.from(packPayload(value))).toEqual(row.bytes);
    const [read] = unpackPayloads(row.bytes, 0, 1);
    expect(read).toStrictEqual(value);
    // What deep equality does not look at, such as the stack of an Error.
    expect(Buffer.from(packPayload(read))).toEqual(row.bytes);
  });

  test.each(table('payloads-accepted'))('only read: %s', (_, row) => {
    const value = evaluate(row);
    expect(unpackPayloads(row.bytes, 0, 1)).toStrictEqual([value]);
    expect(Buffer.from(packPayload(value))).not.toEqual(row.bytes);
  });

  test.each(table('payloads-refused'))('refused: %s', (_, row) => {
    expect(() => unpackPayloads(row.bytes, 0, 1)).toThrow(expect.objectContaining({ name: 'PayloadError' }));
  });

  test('512 containers within each other are read, 513 refused', () => {
    const nested = (depth: number) => Buffer.concat([Buffer.alloc(depth, 0x91), Buffer.of(0xc0)]);
    expect(unpackPayloads(nested(512), 0, 1)).toHaveLength(1);
    expect(() => unpackPayloads(nested(513), 0, 1)).toThrow('512');
  });
});

describe('docs/protocol.md, section 5: probes', () => {
  test('the emitter subscribes to the topic of the sample probe, sends it, and knows it again', () => {
    const message = bytesOf('probe');
    const topic = message.subarray(0, message.indexOf(0) + 1);
    const done: [string, Buffer][] = [];
    const publisher = headerOf(message).publisher;
    let proven = 0;
    const liveness = new Liveness(
      publisher,
      {
        subscribe: (bytes) => done.push(['subscribe', Buffer.from(bytes)]),
        unsubscribe: (bytes) => done.push(['unsubscribe', Buffer.from(bytes)]),
        send: (bytes) => done.push(['send', bytes]) > 0,
        flush: () => {},
      },
      () => {
        proven += 1;
      },
    );
    liveness.setLinkUp(true);
    expect(done).toEqual([
      ['subscribe', topic],
      ['send', message],
    ]);
    liveness.receive(message);
    expect(proven).toBe(1);
    expect(done.at(-1)).toEqual(['unsubscribe', topic]);
    expect(headerOf(message)).toEqual({
      ...emptyHeader(),
      kind: MessageKind.probe,
      count: 1,
      publisher,
      sequence: 1,
    });
    expect(topic.toString('latin1')).toBe(`p${formatPublisherId(publisher)}.1\0`);
  });
});

describe('docs/protocol.md, section 5.1: the heartbeat', () => {
  test('an emitter sends the sample to its own inbox when its link is proven', () => {
    const message = bytesOf('heartbeat');
    const { publisher } = headerOf(message);
    const sent: Buffer[] = [];
    const heartbeat = new Heartbeat(() => 0, {
      beat: (sequence) =>
        void sent.push(
          buildMessage(inboxTopic(formatPublisherId(publisher)), {
            kind: MessageKind.probe,
            publisher,
            sequence,
          }),
        ),
      onOutage: () => {},
      onSilence: () => {},
      onBeatless: () => {},
    });
    heartbeat.start();
    heartbeat.stop();
    expect(sent).toEqual([message]);
  });
});

describe('docs/protocol.md, sections 3.4 and 6: recovery', () => {
  const sample = JSON.parse(fenced('json', 'batch')) as BatchSample;
  const batch = bytesOf('batch');
  const publisher = Number.parseInt(sample.publisher, 16);
  const topic = encodeTopic(sample.name) as Buffer;

  /** The publisher of the samples when it has just sent the sample batch, and its clock. */
  function samplePublisher() {
    const clock = { now: 0 };
    const half = sender(publisher, () => clock.now);
    half.sendBatch('other', [null]);
    half.sendBatch('other', [null]);
    half.sendBatch(
      sample.name,
      Array.from({ length: 10 }, () => null),
    );
    half.sendBatch(sample.name, [{ id: 8 }, { id: 9 }]);
    half.sendBatch('other', [null]);
    half.sendBatch('other', [null]);
    clock.now += sample.elapsed / 10;
    half.sendBatch(sample.name, sample.events);
    expect(half.sent.at(-1)).toEqual(batch);
    half.tailMarker.stop();
    return { ...half, clock };
  }

  /** The receiver of the samples: it got the first batch under the name, and not the second. */
  function sampleReceiver() {
    const half = receiver(OTHER_PUBLISHER, [sample.name]);
    half.inbox.receive(samplePublisher().sent[2] as Buffer);
    half.events.length = 0;
    expect(half.asked).toEqual([]);
    return half;
  }

  test('a publisher sends the sample tail', () => {
    const { sent, tailMarker, clock } = samplePublisher();
    clock.now += 100;
    const before = sent.length;
    tailMarker.markRecent(100);
    tailMarker.stop();
    expect(sent.slice(before)).toEqual([bytesOf('tail')]);
  });

  test('a receiver that has everything takes the sample tail for nothing, another asks', () => {
    const tail = bytesOf('tail');
    expect(receive(tail, OTHER_PUBLISHER, ['user'])).toMatchObject({ events: [], codes: [] });
    const { inbox, asked, events, codes } = sampleReceiver();
    inbox.receive(tail);
    inbox.stop();
    expect(asked.map((request) => decodeRequest(bodyOf(request)))).toEqual([
      { after: 3, before: 0, maxAgeMs: Number.POSITIVE_INFINITY, topics: [topic] },
    ]);
    expect([events, codes]).toEqual([[], []]);
    const { inbox: calm, asked: nothing } = receiver(OTHER_PUBLISHER, [sample.name]);
    calm.receive(batch);
    calm.receive(tail);
    calm.stop();
    expect(nothing).toEqual([]);
  });

  test('a receiver sends the sample request, takes the sample answer, and goes on', () => {
    const { inbox, asked, answer, events, codes } = sampleReceiver();
    inbox.receive(batch);
    expect(asked).toEqual([bytesOf('request')]);
    expect(events).toEqual([]);
    expect(answer(bytesOf('replay'))).toBeUndefined();
    expect(answer(bytesOf('replayed'))).toBeUndefined();
    expect(events).toEqual([
      [sample.name, [{ id: 8 }, { id: 9 }]],
      [sample.name, sample.events],
    ]);
    expect([asked.length, codes]).toEqual([1, []]);
  });

  test('a publisher answers the sample request with the sample answer', async () => {
    const { replayer, answered, clock } = samplePublisher();
    clock.now += 200;
    const request = bytesOf('request');
    const { publisher: requester, sequence } = headerOf(request);
    replayer.request(requester, sequence, decodeRequest(bodyOf(request)) as Request);
    expect(await answered(2)).toEqual([bytesOf('replay'), bytesOf('replayed')]);
    expect(decodeReplayed(bodyOf(bytesOf('replayed')))).toEqual({ through: 6, gone: 0, last: 7, replays: 1 });
  });

  test('a receiver writes the sample inquiry, and a publisher answers it with the sample tails', async () => {
    const inquiry = bytesOf('inquiry');
    const elapsed = toElapsed(5000);
    const content = { kind: MessageKind.inquiry, publisher: OTHER_PUBLISHER, elapsed };
    expect(buildMessage(allEmittersTopic(), content, encodeTopics([topic]))).toEqual(inquiry);
    const { replayer, answered, clock } = samplePublisher();
    clock.now += 200;
    replayer.inquiry(
      OTHER_PUBLISHER,
      decodeTopics(bodyOf(inquiry)) as Buffer[],
      headerOf(inquiry).elapsed / 10,
    );
    const tails = bytesOf('tails');
    expect(await answered(1)).toEqual([tails]);
    expect(decodeTails(bodyOf(tails))).toEqual([{ topic, sequence: 7, position: 14, elapsed: 2000 }]);
  });

  test('a receiver takes the sample tails for tails', () => {
    const { inbox, asked, answer } = sampleReceiver();
    expect(answer(bytesOf('tails'))).toBeUndefined();
    inbox.stop();
    expect(asked).toHaveLength(1);
  });

  test.each(['replay', 'replayed', 'tails'])('a body of the sample %s that is cut short is told', (name) => {
    const message = bytesOf(name);
    const { inbox, events } = sampleReceiver();
    inbox.receive(batch);
    const body = bodyOf(message).subarray(0, name === 'replay' ? HEADER_BYTES : -1);
    expect(inbox.receiveAnswer(headerOf(message), body)).toBeDefined();
    expect(events).toEqual([]);
    inbox.stop();
  });
});

describe('docs/protocol.md, section 10: presence', () => {
  const topics = { news: presenceTopic('news'), rollCalls: presenceTopic('rollCalls') };

  function watcher(self: number) {
    const told: string[] = [];
    const sent: Buffer[] = [];
    const send = (topic: Buffer, content: Content, body?: Uint8Array) =>
      void sent.push(buildMessage(topic, { publisher: self, ...content }, body));
    const options = { takesPart: true, name: 'api', meta: packedMeta, heartbeatInterval: 1000 };
    const presence = new Presence(self, options, {
      now: () => 0,
      timeOfDay: () => 0,
      namespace: '',
      hears: true,
      latencyMs: () => 0,
      subscribe: () => 0,
      unsubscribe: () => {},
      prove: () => {},
      publish: send,
      post: (receiver, content) => send(inboxTopic(formatPublisherId(receiver)), content),
      beat: () => {},
      onJoin: (peer) => told.push(`join ${peer.id} ${peer.name} ${peer.host} ${peer.pid}`),
      onLeave: ({ id, reason }) => told.push(`leave ${id} ${reason}`),
    });
    return { presence, told, sent };
  }
  const packedMeta = Uint8Array.from(packPayload({ zone: 1 }));

  test('the body of the sample announcement is written and read', () => {
    const announcement = {
      since: Date.UTC(2024, 0, 1),
      intervalMs: 1000,
      pid: 42,
      threadId: 0,
      host: 'host',
      name: 'api',
      meta: Buffer.from(packedMeta),
    };
    const message = bytesOf('announcement');
    expect(encodeAnnouncement(announcement)).toEqual(bodyOf(message));
    expect(decodeAnnouncement(bodyOf(message))).toEqual(announcement);
    const content = { kind: MessageKind.announcement, publisher: 0x0a0a0a0a0a0a0a };
    expect(buildMessage(topics.news, content, bodyOf(message))).toEqual(message);
  });

  test('an emitter sends the sample roll call, beat and farewell', () => {
    vi.useFakeTimers();
    try {
      const asking = watcher(OTHER_PUBLISHER);
      asking.presence.watch('peers', true);
      asking.presence.linkProven(0);
      vi.advanceTimersByTime(20);
      expect(asking.sent.at(-1)).toEqual(bytesOf('roll-call'));
      asking.presence.close();
      const leaving = watcher(headerOf(bytesOf('beat')).publisher);
      leaving.presence.linkProven(0);
      vi.advanceTimersByTime(1000);
      leaving.presence.close();
      expect(leaving.sent.slice(-2)).toEqual([bytesOf('beat'), bytesOf('farewell')]);
    } finally {
      vi.useRealTimers();
    }
  });

  test('a watcher reads the samples: who announces itself joins, and who says farewell leaves', () => {
    const { presence, told } = watcher(OTHER_PUBLISHER);
    presence.watch('distributed:join', true);
    for (const name of ['announcement', 'beat', 'announcement', 'farewell', 'roll-call'])
      expect(presence.receive(bytesOf(name))).toBeUndefined();
    presence.close();
    expect(told).toEqual(['join 0a0a0a0a0a0a0a api host 42', 'leave 0a0a0a0a0a0a0a closed']);
  });
});

/** One connection of the emitter under test, as its forwarder sees it. */
class Connection {
  readonly #socket: Promise<Socket>;
  readonly #server: Server;
  #received: Buffer = Buffer.alloc(0);
  #changed = () => {};

  constructor() {
    this.#server = createServer();
    this.#socket = new Promise((resolve) => {
      this.#server.once('connection', (socket) => {
        socket.on('data', (chunk) => {
          this.#received = Buffer.concat([this.#received, chunk]);
          this.#changed();
        });
        resolve(socket);
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `tcp://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async send(bytes: Buffer): Promise<void> {
    (await this.#socket).write(bytes);
  }

  /** Waits for `expected` to arrive next, and for nothing else. */
  async expect(expected: Buffer): Promise<void> {
    while (this.#received.length < expected.length) await this.#more();
    expect(this.#received.subarray(0, expected.length).toString('hex')).toBe(expected.toString('hex'));
    this.#received = this.#received.subarray(expected.length);
  }

  /** Passes over `repeated`, however often it comes, until `expected` does. */
  async expectAfter(repeated: Buffer, expected: Buffer): Promise<void> {
    for (;;) {
      while (this.#received.length < expected.length) await this.#more();
      if (this.#received.subarray(0, expected.length).equals(expected)) return this.expect(expected);
      while (this.#received.length < repeated.length) await this.#more();
      if (!this.#received.subarray(0, repeated.length).equals(repeated)) return this.expect(expected);
      this.#received = this.#received.subarray(repeated.length);
    }
  }

  /** Waits for so many bytes, whatever they are. */
  async skip(bytes: number): Promise<void> {
    while (this.#received.length < bytes) await this.#more();
    this.#received = this.#received.subarray(bytes);
  }

  close(): void {
    void this.#socket.then((socket) => socket.destroy());
    this.#server.close();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }
}

/** An emitter, and its two connections to a forwarder that a test plays. */
class PlayedForwarder implements AsyncDisposable {
  readonly publisher = new Connection();
  readonly subscriber = new Connection();
  readonly emitter: DistributedEmitter;
  readonly #placeholder: string;

  static async start(placeholder: string): Promise<PlayedForwarder> {
    const publisher = new Connection();
    const subscriber = new Connection();
    const addresses = { xsubAddress: await publisher.listen(), xpubAddress: await subscriber.listen() };
    return new PlayedForwarder(placeholder, publisher, subscriber, new DistributedEmitter(addresses));
  }

  private constructor(
    placeholder: string,
    publisher: Connection,
    subscriber: Connection,
    emitter: DistributedEmitter,
  ) {
    this.#placeholder = placeholder;
    this.publisher = publisher;
    this.subscriber = subscriber;
    this.emitter = emitter;
  }

  /** A sample with this emitter's id where the page has its placeholder, in text and in headers. */
  sample(name: string): Buffer {
    return this.rewrite(bytesOf(name));
  }

  rewrite(bytes: Buffer): Buffer {
    const asText = (id: string) => Buffer.from(id).toString('hex');
    const hex = bytes
      .toString('hex')
      .replaceAll(asText(this.#placeholder), asText(this.emitter.id))
      .replaceAll(this.#placeholder, this.emitter.id);
    return Buffer.from(hex, 'hex');
  }

  async shakeHands(): Promise<void> {
    const greeting = bytesOf('greeting');
    for (const connection of [this.publisher, this.subscriber]) {
      await connection.expect(greeting.subarray(0, 11));
      await connection.send(greeting);
      await connection.expect(greeting.subarray(11));
    }
    await this.publisher.expect(bytesOf('ready-pub'));
    await this.publisher.send(Buffer.concat([bytesOf('ready-xsub'), bytesOf('subscribe-all')]));
    await this.subscriber.send(bytesOf('ready-pub'));
    await this.subscriber.expect(bytesOf('ready-sub'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.publisher.close();
    this.subscriber.close();
    await this.emitter.close();
  }
}

describe('docs/protocol.md, section 8: the session', () => {
  test('two emitters and a forwarder that says what the page says exchange an event', async () => {
    await using b = await PlayedForwarder.start('0b0b0b0b0b0b0b');
    const greeted = new Promise((resolve) => b.emitter.on('greet', resolve));
    const errors: unknown[] = [];
    b.emitter.on('distributed:error', (error) => errors.push(error));
    void b.emitter.connect();
    await b.shakeHands();
    await b.subscriber.expect(b.sample('subscribe-inbox'));
    await b.subscriber.expect(b.sample('subscribe-all-emitters'));
    await b.subscriber.expect(b.sample('subscribe-greet'));
    await b.subscriber.expect(b.sample('subscribe-probe'));
    await b.publisher.expect(b.sample('probe-frame'));
    await b.subscriber.send(b.sample('probe-frame'));
    await b.emitter.ready();
    await b.subscriber.expect(b.sample('cancel-probe'));
    await b.publisher.expectAfter(b.sample('probe-frame'), b.sample('heartbeat-frame'));
    await b.publisher.expect(b.sample('retained-question'));
    await b.subscriber.send(b.sample('heartbeat-frame'));

    await using a = await PlayedForwarder.start('0a0a0a0a0a0a0a');
    const probe = a.rewrite(swapPublishers(bytesOf('probe-frame')));
    void a.emitter.connect();
    await a.shakeHands();
    await a.subscriber.expect(a.rewrite(swapPublishers(bytesOf('subscribe-inbox'))));
    await a.subscriber.expect(a.sample('subscribe-all-emitters'));
    await a.subscriber.expect(a.rewrite(swapPublishers(bytesOf('subscribe-probe'))));
    await a.publisher.expect(probe);
    await a.subscriber.send(probe);
    await a.emitter.ready();
    await a.emitter.emit('greet', { hello: 'world' });
    await a.publisher.expectAfter(probe, a.rewrite(swapPublishers(bytesOf('heartbeat-frame'))));
    const topicsBytes = 14;
    const question = a.rewrite(swapPublishers(bytesOf('retained-question'))).subarray(2, -topicsBytes);
    await a.publisher.expect(Buffer.concat([Buffer.of(0, question.length + 4), question, Buffer.alloc(4)]));
    const greet = a.sample('greet-frame');
    const timeAt = greet.indexOf(TIME_BYTES);
    await a.publisher.expect(greet.subarray(0, timeAt));
    await a.publisher.skip(TIME_BYTES.length);
    await a.publisher.expect(greet.subarray(timeAt + TIME_BYTES.length));

    // As the forwarder puts it: with its size in one byte.
    await b.subscriber.send(Buffer.concat([Buffer.of(0x00, 0x49), greet.subarray(9)]));
    expect(await greeted).toEqual({ hello: 'world' });

    const elapsedBytes = 4;
    const tail = a.sample('tail-frame');
    await a.publisher.expect(tail.subarray(0, -elapsedBytes - TIME_BYTES.length));
    await a.publisher.skip(elapsedBytes);
    await a.publisher.expect(tail.subarray(-TIME_BYTES.length));
    await b.subscriber.send(tail);
    expect([...errors]).toEqual([]);
  });
});

/** A does what the page shows for B. */
function swapPublishers(bytes: Buffer): Buffer {
  const text = (id: string) => Buffer.from(id).toString('hex');
  return Buffer.from(
    bytes
      .toString('hex')
      .replaceAll(text('0b0b0b0b0b0b0b'), text('0a0a0a0a0a0a0a'))
      .replaceAll('0b0b0b0b0b0b0b', '0a0a0a0a0a0a0a'),
    'hex',
  );
}

test('every sample of docs/protocol.md is checked here', () => {
  const samples = [...DOC.matchAll(/^```(\w+ [\w-]+)$/gm)].map((match) => match[1]);
  expect([...used].sort()).toEqual(samples.sort());
});
