import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DemitterError } from '../../src/errors.js';
import {
  encodeError,
  encodeMetadata,
  encodePong,
  parseCommand,
  parseErrorReason,
  parseMetadata,
} from '../../src/transport/zmtp/commands.js';
import {
  checkSocketType,
  encodeGreeting,
  encodeReady,
  readGreeting,
  takesCommands,
} from '../../src/transport/zmtp/handshake.js';
import { greeting, readyFrame } from '../support/zmtp-sockets.js';

describe('the greeting', () => {
  it('is the 64 bytes of RFC 37', () => {
    expect(encodeGreeting('NULL').toString('hex')).toBe(
      `ff${'00'.repeat(8)}7f0301${Buffer.from('NULL').toString('hex')}${'00'.repeat(16 + 1 + 31)}`,
    );
  });

  it.each([
    { major: 3, minor: 0 },
    { major: 3, minor: 1 },
    { major: 3, minor: 9 },
    { major: 4, minor: 0 },
    { major: 255, minor: 255 },
  ])('of version $major.$minor is accepted', (version) => {
    const bytes = greeting(version);
    expect(readGreeting(bytes, 'NULL')).toEqual(version);
    for (let length = 0; length < 64; length++)
      expect(readGreeting(bytes.subarray(0, length), 'NULL')).toBeUndefined();
  });

  it('may have anything as padding, as-server and filler', () => {
    const bytes = greeting();
    bytes.fill(0xaa, 1, 9);
    bytes[32] = 1;
    bytes.fill(0xbb, 33);
    expect(readGreeting(bytes, 'NULL')).toEqual({ major: 3, minor: 0 });
  });

  it.each([
    ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request'), 1],
    ['ZMTP 1.0 (an anonymous peer)', Buffer.of(1, 0), 1],
    ['ZMTP 1.0 with a long identity', Buffer.of(0xff, 0, 0, 0, 0, 0, 0, 1, 0, 0), 10],
  ])('of %s is refused as no ZMTP 3', (_name, bytes, needed) => {
    expect(() => readGreeting(bytes.subarray(0, needed), 'NULL')).toThrow(/does not speak ZMTP 3/);
  });

  it.each([
    [0, '1.0'],
    [1, '2.0'],
    [2, '2.0'],
  ])('of revision %i is refused as ZMTP %s when its 11th byte is there', (major, name) => {
    const bytes = greeting({ major });
    expect(readGreeting(bytes.subarray(0, 10), 'NULL')).toBeUndefined();
    expect(() => readGreeting(bytes.subarray(0, 11), 'NULL')).toThrow(`speaks ZMTP ${name}`);
  });

  it.each(['PLAIN', 'CURVE', 'NULLX', 'null', ''])('with the mechanism "%s" is refused', (mechanism) => {
    expect(() => readGreeting(greeting({ mechanism }), 'NULL')).toThrow(/security mechanism/);
  });

  it('with bytes behind the mechanism name is refused', () => {
    const bytes = greeting();
    bytes[20] = 0x41;
    expect(() => readGreeting(bytes, 'NULL')).toThrow(/security mechanism NULL\?+A;/);
  });

  it('decides the form of subscriptions', () => {
    expect(takesCommands({ major: 3, minor: 0 })).toBe(false);
    expect(takesCommands({ major: 3, minor: 1 })).toBe(true);
    expect(takesCommands({ major: 4, minor: 0 })).toBe(true);
  });
});

describe('READY', () => {
  it('names the socket type', () => {
    expect(encodeReady('PUB')).toEqual(readyFrame('PUB').subarray(2));
  });

  it.each([
    ['PUB', 'SUB'],
    ['PUB', 'XSUB'],
    ['SUB', 'PUB'],
    ['SUB', 'XPUB'],
  ] as const)('lets %s talk to %s', (own, peer) => {
    expect(checkSocketType(own, parseMetadata(encodeMetadata({ 'sOCKET-tYPE': peer })))).toBe(peer);
  });

  it.each([
    ['PUB', 'XPUB', /addresses swapped/],
    ['SUB', 'XSUB', /addresses swapped/],
    ['PUB', 'PUB', /SUB or XSUB/],
    ['SUB', 'DEALER', /PUB or XPUB/],
    ['SUB', '\n\0', /The peer is a \?\? socket/],
  ] as const)('does not let %s talk to %j', (own, peer, message) => {
    const metadata = parseMetadata(encodeMetadata({ 'Socket-Type': peer }));
    expect(() => checkSocketType(own, metadata)).toThrow(message);
  });

  it('without a socket type is refused', () => {
    expect(() => checkSocketType('SUB', parseMetadata(Buffer.alloc(0)))).toThrow(
      /did not name its socket type/,
    );
  });
});

describe('metadata', () => {
  it('comes out as it went in', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9\-_.+]{1,40}$/);
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(name, fc.string()), { selector: ([key]) => key.toLowerCase() }),
        (pairs) => {
          const latin = pairs.map(([key, value]) => [key, Buffer.from(value, 'latin1')] as const);
          const metadata = parseMetadata(
            encodeMetadata(Object.fromEntries(latin.map(([key, value]) => [key, value.toString('latin1')]))),
          );
          expect([...metadata.entries()].sort()).toEqual(
            latin.map(([key, value]) => [key.toLowerCase(), value]).sort(),
          );
        },
      ),
    );
  });

  it.each([
    ['a name without end', '05 41'],
    ['an empty name', '00 00000000'],
    ['no value size', '01 41 0000'],
    ['a value longer than the command', '01 41 00000005 4141'],
    ['a value size of 4 GiB', '01 41 ffffffff'],
    ['a control character in a name', '01 0a 00000000'],
  ])('with %s is refused', (_name, hex) => {
    expect(() => parseMetadata(Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toThrow(DemitterError);
  });

  it('of random bytes ends in an error of its own or in properties', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        for (const parse of [parseCommand, parseMetadata, parseErrorReason, encodePong]) {
          try {
            parse(Buffer.from(bytes));
          } catch (error) {
            expect(error).toBeInstanceOf(DemitterError);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('ERROR', () => {
  it('carries its reason', () => {
    const command = parseCommand(encodeError('Because\n!'));
    expect(command.name).toBe('ERROR');
    expect(parseErrorReason(command.data)).toBe('Because?!');
    expect(parseErrorReason(Buffer.of(0))).toBe('no reason given');
  });

  it('cuts a reason that does not fit', () => {
    expect(parseErrorReason(parseCommand(encodeError('x'.repeat(1_000))).data)).toBe('x'.repeat(255));
  });
});

describe('PONG', () => {
  it('echoes the context of the PING, without its TTL', () => {
    const pong = parseCommand(encodePong(Buffer.from('\0\x64context', 'latin1')));
    expect([pong.name, pong.data.toString()]).toEqual(['PONG', 'context']);
    expect(parseCommand(encodePong(Buffer.of(0, 0))).data).toHaveLength(0);
  });

  it.each([0, 1, 19])('refuses a PING with %i bytes', (size) => {
    expect(() => encodePong(Buffer.alloc(size))).toThrow(/impossible size/);
  });
});
