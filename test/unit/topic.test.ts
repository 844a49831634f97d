import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EVENTS, makeSpace } from '../../src/wire/space.js';
import {
  decodeTopic,
  encodeNamePrefixes,
  encodeTopic,
  inboxTopic,
  MAX_TOPIC_BYTES,
  probeTopic,
} from '../../src/wire/topic.js';

const anyName = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  // Any UTF-16 code units, lone surrogates among them.
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 })
    .map((units) => String.fromCharCode(...units)),
  fc.double(),
  fc.integer(),
  fc.string().map((key) => Symbol.for(key)),
  fc.constantFrom<PropertyKey>(
    '',
    '\0',
    'a\0b',
    '\ud800',
    0,
    -0,
    Number.NaN,
    Infinity,
    Symbol.for(''),
    Symbol.for('\0'),
  ),
);

const travels = anyName.filter((name) => typeof name !== 'string' || !name.startsWith('distributed:'));

describe('topics', () => {
  test.each<[PropertyKey, string]>([
    ['user:login', '65 73 75 73 65 72 3a 6c 6f 67 69 6e 00'],
    ['', '65 73 00'],
    ['é', '65 73 c3 a9 00'],
    ['a\0', '65 78 30 30 36 31 30 30 30 30 00'],
    ['\ud800', '65 78 64 38 30 30 00'],
    [0, '65 6e 30 00'],
    [-1.5, '65 6e 2d 31 2e 35 00'],
    [Symbol.for('s'), '65 79 73 00'],
    [Symbol.for('\0'), '65 7a 30 30 30 30 00'],
  ])('of %s are these bytes', (name, bytes) => {
    expect(encodeTopic(name)?.toString('hex')).toBe(bytes.replaceAll(' ', ''));
  });

  test('come back as the same name, of the same type', () => {
    fc.assert(
      fc.property(travels, (name) => {
        const decoded = decodeTopic(encodeTopic(name) as Buffer);
        // As a Map sees names, which is how Emittery sees them: -0 is 0, NaN is NaN.
        expect(new Set([name]).has(decoded as PropertyKey)).toBe(true);
      }),
    );
  });

  test('are no prefix of one another, so that a subscription matches one name alone', () => {
    fc.assert(
      fc.property(travels, travels, (a, b) => {
        fc.pre(!new Set([a]).has(b));
        const [x, y] = [encodeTopic(a) as Buffer, encodeTopic(b) as Buffer];
        expect(y.subarray(0, x.length).equals(x)).toBe(false);
      }),
    );
  });

  test('of all events begin alike, those of inboxes and probes do not', () => {
    fc.assert(fc.property(travels, (name) => encodeTopic(name)?.[0] === EVENTS.prefix[0]));
    expect(inboxTopic('00000000000001')[0]).not.toBe(EVENTS.prefix[0]);
    expect(probeTopic('00000000000001', 1)[0]).not.toBe(EVENTS.prefix[0]);
  });

  test.each([[Symbol('local')], ['distributed:error'], ['distributed:'], ['distributed:\ud800']])(
    'do not exist for %s, which stays local',
    (name) => {
      expect(encodeTopic(name)).toBeUndefined();
    },
  );

  test.each([
    ['nothing', ''],
    ['no end', '65 73 61'],
    ['an unknown tag', '65 71 61 00'],
    ['another kind', '66 73 61 00'],
    ['a reserved name', Buffer.from('esdistributed:error\0').toString('hex')],
    ['a reserved name in hexadecimal', Buffer.from('ex0064\0').toString('hex')],
    ['a number that is written otherwise', Buffer.from('en01\0').toString('hex')],
    ['no number', Buffer.from('en\0').toString('hex')],
    ['bytes that are no UTF-8', '65 73 ff 00'],
    ['hexadecimal digits that do not pair', Buffer.from('exd80\0').toString('hex')],
  ])('with %s stand for no name', (_, hex) => {
    expect(decodeTopic(Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toBeUndefined();
  });

  test('from random bytes never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const topic = Buffer.from([0x65, ...bytes, 0]);
        const name = decodeTopic(topic);
        if (name !== undefined) expect(encodeTopic(name)).toEqual(topic);
      }),
    );
  });
});

describe('what the topics of names begin with that begin alike', () => {
  const text = fc.array(fc.constantFrom('a', ':', '\0', '\x01', '\ud800', '\udc00', 'é'), { maxLength: 5 });
  const spaces = [EVENTS, makeSpace('event', 'n', 'c'), makeSpace('event', '', '\x01')];

  test('is what exactly those begin with', () => {
    fc.assert(
      fc.property(text, text, fc.constantFrom(...spaces), (start, rest, space) => {
        // A separator ends it.
        const begin = `${start.join('')}:`;
        const prefixes = encodeNamePrefixes(begin, space);
        const begins = (name: string) => {
          const topic = encodeTopic(name, space) as Buffer;
          return prefixes.filter((prefix) => topic.subarray(0, prefix.length).equals(prefix)).length;
        };
        expect(begins(begin + rest.join(''))).toBe(1);
        const other = rest.join('');
        expect(begins(other)).toBe(other.startsWith(begin) ? 1 : 0);
      }),
    );
  });

  test('has no form that no topic has room for', () => {
    expect(encodeNamePrefixes('x'.repeat(2000))).toHaveLength(1);
    for (const prefix of encodeNamePrefixes('x'.repeat(1000)))
      expect(prefix.length).toBeLessThan(MAX_TOPIC_BYTES);
  });
});
