import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { FrameDecoder } from '../../src/transport/zmtp/frames.js';
import { WriteBuffer } from '../../src/transport/zmtp/write-buffer.js';
import { Mailbox } from '../conformance/mailbox.js';
import { SocketPair } from '../support/zmtp-sockets.js';

/** What arrives at the far end, as whole messages. */
function receive(pair: SocketPair): Mailbox<Buffer> {
  const messages = new Mailbox<Buffer>();
  const sink = { onMessage: (body: Buffer) => messages.push(body), onCommand() {}, onDropped() {} };
  const decoder = new FrameDecoder(sink, 1 << 24);
  pair.far.on('data', (chunk: Buffer) => decoder.push(chunk));
  return messages;
}

describe('WriteBuffer', () => {
  it('sends small and large frames in the order in which they were added', async () => {
    await using pair = await SocketPair.connect();
    const messages = receive(pair);
    const output = new WriteBuffer(pair.near, () => undefined);
    const sizes = [0, 1, 255, 256, 8_191, 8_192, 1, 65_536, 3, 200_000, 7_000, 7_000, 7_000, 0, 100];
    const bodies = sizes.map((size, index) => Buffer.alloc(size, index + 1));
    for (const body of bodies) output.addFrame('message', body);
    output.flush();
    const received = await messages.first(bodies.length);
    expect(received.every((body, index) => body.equals(bodies[index] as Buffer))).toBe(true);
  });

  it('writes once for all frames of a flush, and not before it', async () => {
    await using pair = await SocketPair.connect();
    const output = new WriteBuffer(pair.near, () => undefined);
    const writes: number[] = [];
    const write = pair.near.write.bind(pair.near) as (chunk: Uint8Array, done: () => void) => boolean;
    pair.near.write = ((chunk: Uint8Array, done: () => void) => {
      writes.push(chunk.length);
      return write(chunk, done);
    }) as typeof pair.near.write;
    for (let i = 0; i < 100; i++) output.addFrame('message', Buffer.from('12345678'));
    expect(writes).toEqual([]);
    expect(output.bytes).toBe(1_000);
    output.flush();
    output.flush();
    expect(writes).toEqual([1_000]);
  });

  it('flushes by itself when 96 KiB are full', async () => {
    await using pair = await SocketPair.connect();
    const messages = receive(pair);
    const output = new WriteBuffer(pair.near, () => undefined);
    for (let i = 0; i < 100; i++) output.addFrame('message', Buffer.alloc(1_000, i));
    await messages.first(98);
    expect(output.bytes).toBe(2 * 1_009);
  });

  it('never touches bytes again that a slow kernel still has to take', async () => {
    await using pair = await SocketPair.connect();
    pair.far.pause();
    const written = new Mailbox<true>();
    const output = new WriteBuffer(pair.near, () => written.push(true));
    const bodies: Buffer[] = [];
    // Until the kernel's buffers are full and 1 MiB waits in this process.
    while (pair.near.writableLength < 1 << 20) {
      const body = Buffer.alloc(1 + (bodies.length % 3_000), bodies.length);
      bodies.push(body);
      output.addFrame('message', body);
      if (bodies.length % 7 === 0) output.flush();
    }
    output.flush();
    expect(output.bytes).toBe(pair.near.writableLength);
    const messages = receive(pair);
    const drained = once(pair.near, 'drain');
    pair.far.resume();
    const received = await messages.first(bodies.length);
    expect(received.every((body, index) => body.equals(bodies[index] as Buffer))).toBe(true);
    await drained;
    expect(output.bytes).toBe(0);
    expect(written.all.length).toBeGreaterThan(0);
  });

  it('sends messages in place that have room before them, in one write if they follow one another', async () => {
    await using pair = await SocketPair.connect();
    const messages = receive(pair);
    const output = new WriteBuffer(pair.near, () => undefined);
    const writes: number[] = [];
    const write = pair.near.write.bind(pair.near) as (chunk: Uint8Array, done: () => void) => boolean;
    pair.near.write = ((chunk: Uint8Array, done: () => void) => {
      writes.push(chunk.length);
      return write(chunk, done);
    }) as typeof pair.near.write;
    const slab = Buffer.alloc(4_000);
    const sizes = [0, 1, 255, 256, 1_000];
    let end = 0;
    const bodies = sizes.map((size, index) => {
      const body = slab.subarray(end + 9, end + 9 + size).fill(index + 1);
      end += 9 + size;
      return body;
    });
    for (const body of bodies) output.addMessageInPlace(body);
    output.flush();
    expect(writes).toEqual([end]);
    const received = await messages.first(bodies.length);
    expect(received.map((body) => body.length)).toEqual(sizes);
    expect(received.every((body, index) => body.equals(bodies[index] as Buffer))).toBe(true);
  });

  it('keeps the order of what is sent in place, copied and by reference', async () => {
    await using pair = await SocketPair.connect();
    const messages = receive(pair);
    const output = new WriteBuffer(pair.near, () => undefined);
    const slabs = [Buffer.alloc(64_000), Buffer.alloc(64_000)];
    const ends = [0, 0];
    const bodies: Buffer[] = [];
    for (let i = 0; i < 400; i += 1) {
      const size = (i * 97) % 300;
      const which = i % 50 < 40 ? 0 : 1;
      if (i % 7 === 0) {
        const body = Buffer.alloc(i % 14 === 0 ? 5_000 : size, i);
        bodies.push(body);
        output.addFrame('message', body);
        continue;
      }
      const start = (ends[which] as number) + 9;
      const body = (slabs[which] as Buffer).subarray(start, start + size).fill(i);
      ends[which] = start + size;
      bodies.push(body);
      output.addMessageInPlace(body);
      if (i % 31 === 0) output.flush();
    }
    output.flush();
    const received = await messages.first(bodies.length);
    expect(received.every((body, index) => body.equals(bodies[index] as Buffer))).toBe(true);
  });
});
