import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DemitterError } from '../../src/errors.js';
import { encodeFrame, FrameDecoder, writeFrameHeader } from '../../src/transport/zmtp/frames.js';
import { frame, longHeader } from '../support/zmtp-sockets.js';

const MAX = 70_000;

/** Bodies as text, which compares much faster than buffers do. */
type Event = readonly ['message' | 'command', string] | readonly ['dropped', string, number];

function decode(chunks: Iterable<Uint8Array>, maxMessageBytes = MAX): Event[] {
  const events: Event[] = [];
  const decoder = new FrameDecoder(
    {
      onMessage: (body) => events.push(['message', body.toString('latin1')]),
      onCommand: (body) => events.push(['command', body.toString('latin1')]),
      onDropped: (reason, size) => events.push(['dropped', reason, size]),
    },
    maxMessageBytes,
  );
  for (const chunk of chunks) decoder.push(Buffer.from(chunk));
  return events;
}

function* bytewise(stream: Buffer): Generator<Buffer> {
  for (let at = 0; at < stream.length; at++) yield stream.subarray(at, at + 1);
}

function* splitAt(stream: Buffer, cuts: readonly number[]): Generator<Buffer> {
  let from = 0;
  for (const cut of [...cuts.map((each) => each % (stream.length + 1)), stream.length].sort(
    (a, b) => a - b,
  )) {
    yield stream.subarray(from, cut);
    from = cut;
  }
}

/** A frame in any legal form, and what it must come out as. */
const anyFrame = fc
  .record({
    form: fc.constantFrom('message', 'long message', 'command', 'long command', 'multipart', 'oversize'),
    size: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(0, 255, 256, 65_535, MAX)),
    fill: fc.integer({ min: 0, max: 255 }),
  })
  .map(({ form, size, fill }): { bytes: Buffer; events: Event[] } => {
    const body = Buffer.alloc(size, fill);
    const short = body.subarray(0, 255);
    const text = body.toString('latin1');
    switch (form) {
      case 'message':
        return { bytes: frame(0, short), events: [['message', text.slice(0, 255)]] };
      case 'long message':
        return { bytes: frame(2, body), events: [['message', text]] };
      case 'command':
        return { bytes: frame(4, short), events: [['command', text.slice(0, 255)]] };
      case 'long command': {
        const command = body.subarray(0, 65_536);
        return { bytes: frame(6, command), events: [['command', text.slice(0, 65_536)]] };
      }
      case 'multipart':
        return {
          bytes: Buffer.concat([frame(1, short), frame(3, body), frame(4, 'between'), frame(0, 'last')]),
          events: [
            ['dropped', 'multipart', short.length],
            ['command', 'between'],
          ],
        };
      default: {
        const oversize = Buffer.alloc(MAX + 1 + size, fill);
        return { bytes: frame(2, oversize), events: [['dropped', 'oversize message', oversize.length]] };
      }
    }
  });

describe('FrameDecoder', () => {
  it('takes every form of frame, however the stream is split', () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { maxLength: 8 }),
        fc.array(fc.nat(500_000), { maxLength: 20 }),
        (frames, cuts) => {
          const stream = Buffer.concat(frames.map((each) => each.bytes));
          expect(decode(splitAt(stream, cuts))).toEqual(frames.flatMap((each) => each.events));
        },
      ),
      { numRuns: 150 },
    );
  });

  it.each([
    ['an empty message', frame(0, '')],
    ['a short message', frame(0, 'x'.repeat(255))],
    ['a long message', frame(2, 'x'.repeat(256))],
    ['a long frame with a short body', frame(2, 'short')],
    ['an empty long frame', frame(2, '')],
    ['a command', frame(4, 'x')],
    ['a long command', frame(6, 'x'.repeat(1_000))],
  ])('takes %s one byte at a time, and one right behind it', (_name, bytes) => {
    const stream = Buffer.concat([bytes, bytes, frame(0, 'end')]);
    const expected = decode([stream]);
    expect(expected).toHaveLength(3);
    expect(decode(bytewise(stream))).toEqual(expected);
  });

  it('hands a message inside one chunk on in place, and one across chunks in a buffer of its exact size', () => {
    const chunk = Buffer.from(frame(0, 'in place'));
    const split = Buffer.from(frame(2, 'y'.repeat(400)));
    const events: Buffer[] = [];
    const sink = { onMessage: (body: Buffer) => events.push(body), onCommand() {}, onDropped() {} };
    const decoder = new FrameDecoder(sink, MAX);
    decoder.push(chunk);
    decoder.push(split.subarray(0, 100));
    decoder.push(split.subarray(100));
    expect(events[0]?.buffer).toBe(chunk.buffer);
    expect(events[1]?.buffer.byteLength).toBe(400);
  });

  it('drops a multipart message, told once, and takes the next', () => {
    const stream = Buffer.concat([frame(1, 'a'), frame(1, 'b'), frame(0, 'c'), frame(0, 'next')]);
    for (const chunks of [[stream], bytewise(stream)]) {
      expect(decode(chunks)).toEqual([
        ['dropped', 'multipart', 1],
        ['message', 'next'],
      ]);
    }
  });

  it('judges an oversize part of a multipart message as what it is a part of', () => {
    const stream = Buffer.concat([frame(1, 'a'), frame(2, 'x'.repeat(200)), frame(0, 'next')]);
    expect(decode([stream], 100)).toEqual([
      ['dropped', 'multipart', 1],
      ['message', 'next'],
    ]);
  });

  it('accepts a message of exactly the limit and skips one byte more, in short and in long frames', () => {
    expect(
      decode([frame(0, 'x'.repeat(10)), frame(0, 'x'.repeat(11)), frame(2, 'x'.repeat(11))], 10),
    ).toEqual([
      ['message', 'xxxxxxxxxx'],
      ['dropped', 'oversize message', 11],
      ['dropped', 'oversize message', 11],
    ]);
  });

  it('skips a command beyond 64 KiB', () => {
    expect(decode([frame(6, Buffer.alloc(65_537)), frame(0, 'next')])).toEqual([
      ['dropped', 'oversize command', 65_537],
      ['message', 'next'],
    ]);
  });

  it.each([2n ** 21n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n])(
    'refuses a length of %s at once, without allocating',
    (size) => {
      const before = process.memoryUsage().arrayBuffers;
      for (const flags of [0, 1, 4]) {
        expect(() => decode([longHeader(flags, size)])).toThrow(
          expect.objectContaining({ code: 'DEMITTER_ZMTP', message: expect.stringContaining('announced') }),
        );
      }
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
    },
  );

  it.each([8, 16, 32, 64, 128, 0xff])('refuses reserved flag bits: 0x%s', (flags) => {
    expect(() => decode([Buffer.of(flags)])).toThrow(/reserved flag/);
  });

  it.each([5, 7])('refuses a command with MORE: %s', (flags) => {
    expect(() => decode([Buffer.of(flags)])).toThrow(/MORE/);
  });

  it('ends random bytes in an error of its own or in frames, never in anything else', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), (chunks) => {
        try {
          decode(chunks);
        } catch (error) {
          expect(error).toBeInstanceOf(DemitterError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('readTarget - has the rest of a large body read to its place', () => {
    const body = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251));
    const stream = Buffer.concat([
      frame(0, 'a'),
      frame(2, body),
      frame(0, 'b'),
      frame(2, body),
      frame(0, 'c'),
    ]);
    const received: [Buffer, boolean][] = [];
    const sink = {
      onMessage: (message: Buffer, yours: boolean) =>
        received.push([yours ? message : Buffer.from(message), yours]),
      onCommand() {},
      onDropped() {},
    };
    const decoder = new FrameDecoder(sink, 1 << 20);
    const memory = Buffer.alloc(4_096);
    let directly = 0;
    for (let at = 0; at < stream.length; ) {
      // As a socket reads: into what it is given, over and over again, as much as is there.
      const target = decoder.readTarget ?? memory;
      const bytes = stream.copy(target, 0, at, Math.min(at + target.length, at + 30_000));
      if (target !== memory) directly += bytes;
      decoder.push(target.subarray(0, bytes));
      memory.fill(0xee);
      at += bytes;
    }
    const expected = [Buffer.from('a'), body, Buffer.from('b'), body, Buffer.from('c')];
    expect(received.map(([message]) => message)).toEqual(expected);
    expect(received.map(([, yours]) => yours)).toEqual([false, true, false, true, false]);
    expect(directly).toBeGreaterThan(150_000);
  });

  it('stop() - hands nothing more on, also not from the chunk at hand', () => {
    const seen: string[] = [];
    const decoder = new FrameDecoder(
      {
        onMessage(body) {
          seen.push(body.toString());
          if (body.toString() === 'stop') decoder.stop();
        },
        onCommand() {},
        onDropped() {},
      },
      MAX,
    );
    decoder.push(Buffer.concat([frame(0, 'a'), frame(2, 'stop'), frame(0, 'b'), frame(2, 'c')]));
    decoder.push(frame(0, 'd'));
    expect(seen).toEqual(['a', 'stop']);
  });
});

describe('encodeFrame', () => {
  it.each([0, 1, 255, 256, 70_000])('writes %i bytes as a decoder expects them', (size) => {
    const body = Buffer.alloc(size, 7);
    expect(encodeFrame('message', body).equals(frame(size > 255 ? 2 : 0, body))).toBe(true);
    expect(encodeFrame('command', body).equals(frame(size > 255 ? 6 : 4, body))).toBe(true);
  });

  it('writes sizes beyond 32 bits', () => {
    const header = Buffer.alloc(9);
    expect(writeFrameHeader(header, 0, 'message', 2 ** 40 + 3)).toBe(9);
    expect(header).toEqual(longHeader(0, 2n ** 40n + 3n));
  });
});
