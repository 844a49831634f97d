/** How messages travel: order, sizes, whose the bytes are, and when a sender has to wait. */
import { describe, expect, it } from 'vitest';
import { Mailbox } from './mailbox.js';
import { TransportEnd, until } from './transport-end.js';
import { sendPaced } from './transport-subscriptions.js';
import { MAX_MESSAGE_BYTES, type TransportHarness } from './transport-suite.js';

export function describeFlow(harness: TransportHarness): void {
  describe('messages', () => {
    it('of one sender arrive once and in its order, whatever their sizes', async () => {
      await using bus = await harness.start();
      await using receiver = await new TransportEnd(bus.create()).subscribe('m').open().settled();
      await using first = await new TransportEnd(bus.create()).open().up();
      await using second = await new TransportEnd(bus.create()).open().up();
      const sent = (name: string): string[] =>
        Array.from({ length: 500 }, (_, index) => `m ${name} ${index} ${'x'.repeat((index * 37) % 9_000)}`);
      await Promise.all([
        sendPaced(first, receiver, sent('first').slice(0, 250)),
        sendPaced(second, receiver, sent('second').slice(0, 250)),
      ]);
      first.send(...sent('first').slice(250));
      second.send(...sent('second').slice(250));
      const received = await receiver.received(1_000);
      expect(received.filter((text) => text.startsWith('m first'))).toEqual(sent('first'));
      expect(received.filter((text) => text.startsWith('m second'))).toEqual(sent('second'));
    });

    it.each([
      0,
      1,
      2,
      254,
      255,
      256,
      4_095,
      8_192,
      65_535,
      65_536,
      65_537,
      1_000_000,
      MAX_MESSAGE_BYTES - 1,
      MAX_MESSAGE_BYTES,
    ])('of %i bytes arrive unaltered', async (size) => {
      await using bus = await harness.start();
      await using end = await new TransportEnd(bus.create()).subscribe('').open().settled();
      const message = Buffer.alloc(size);
      for (let at = 0; at < size; at++) message[at] = (at * 7 + (at >> 8)) & 0x7f;
      end.send(Buffer.from(message), Buffer.from(message));
      const received = await end.messages.first(2);
      expect(received.every((each) => Buffer.isBuffer(each) && each.equals(message))).toBe(true);
    });

    it('over maxMessageBytes are refused at once with a RangeError', async () => {
      await using bus = await harness.start();
      await using end = await new TransportEnd(bus.create({ maxMessageBytes: 1_000 }))
        .subscribe('')
        .open()
        .settled();
      expect(() => end.transport.send(Buffer.alloc(1_001))).toThrow(RangeError);
      end.send(Buffer.alloc(1_000));
      expect((await end.messages.first(1))[0]).toHaveLength(1_000);
    });

    it('that are larger than a receiver accepts are dropped, told once, and the next arrives', async () => {
      await using bus = await harness.start();
      await using receiver = await new TransportEnd(bus.create({ maxMessageBytes: 1_000 }))
        .subscribe('')
        .open()
        .settled();
      await using sender = await new TransportEnd(bus.create()).open().up();
      sender.send(Buffer.alloc(1_001), Buffer.alloc(1_000_000), 'next');
      expect(await receiver.received(1)).toEqual(['next']);
      expect(receiver.dropped.all).toEqual([
        expect.objectContaining({ message: expect.stringContaining('1001 bytes') }),
      ]);
      expect(receiver.statuses.all.map(({ status }) => status)).toEqual(['up']);
    });

    it('come whole, whatever follows', async () => {
      await using bus = await harness.start();
      await using end = await new TransportEnd(bus.create()).subscribe('k').open().settled();
      const texts = Array.from({ length: 5_000 }, (_, index) => `k${index} `.padEnd(5 + (index % 700), 'k'));
      await sendPaced(end, end, texts);
      expect(end.texts()).toEqual(texts);
    });

    it('belong to each receiver alone', async () => {
      await using bus = await harness.start();
      await using one = await new TransportEnd(bus.create()).subscribe('m').open().settled();
      await using two = await new TransportEnd(bus.create()).subscribe('m').open().settled();
      const changed = new Mailbox<string>();
      one.onMessage = (message) => changed.push(message.fill('1', 1).toString());
      two.onMessage = (message) => changed.push(message.fill('2', 2).toString());
      const sent = Buffer.from('mmm');
      one.send(sent);
      expect([...(await changed.first(2))].sort()).toEqual(['m11', 'mm2']);
      expect(sent.toString()).toBe('mmm');
    });

    it('may be sent from inside a handler', async () => {
      await using bus = await harness.start();
      await using end = await new TransportEnd(bus.create()).subscribe('m').open().settled();
      end.onMessage = () => end.messages.all.length < 100 && end.send(`m${end.messages.all.length}`);
      end.send('m0');
      expect(await end.received(100)).toEqual(Array.from({ length: 100 }, (_, index) => `m${index}`));
    });
  });

  describe('back-pressure', () => {
    it('send() - asks to wait, onDrain follows, and unconfirmedBytes falls to 0', async () => {
      await using bus = await harness.start();
      await using receiver = await new TransportEnd(bus.create()).subscribe('').open().settled();
      await using sender = await new TransportEnd(bus.create()).open().up();
      const { transport } = sender;
      expect(transport.unconfirmedBytes).toBe(0);
      let sent = 0;
      // So large that the other side cannot take one while the next one is made ready.
      while (sent++ < 50 && transport.send(Buffer.alloc(MAX_MESSAGE_BYTES)));
      expect(sent).toBeLessThan(50);
      expect(transport.unconfirmedBytes).toBeGreaterThan(0);
      await sender.drains.first(1);
      expect(transport.unconfirmedBytes).toBeLessThanOrEqual(sent * MAX_MESSAGE_BYTES);
      await until(() => transport.unconfirmedBytes === 0);
      await receiver.messages.first(sent);
      expect(receiver.messages.all).toHaveLength(sent);
      expect(sender.drains.all).toHaveLength(1);
    });

    it('unconfirmedBytes - counts what was sent and not flushed', async () => {
      await using bus = await harness.start();
      await using end = await new TransportEnd(bus.create()).open().up();
      end.transport.send(Buffer.alloc(100));
      end.transport.send(Buffer.alloc(100));
      expect(end.transport.unconfirmedBytes).toBeGreaterThanOrEqual(200);
      end.transport.flush();
      await until(() => end.transport.unconfirmedBytes === 0);
    });

    it('onDrain - does not come unasked', async () => {
      await using bus = await harness.start();
      await using end = await new TransportEnd(bus.create()).subscribe('m').open().settled();
      for (let i = 0; i < 100; i++) {
        expect(end.transport.send(Buffer.from(`m${i}`))).toBe(true);
        end.transport.flush();
      }
      await end.received(100);
      expect(end.drains.all).toEqual([]);
    });
  });
}
