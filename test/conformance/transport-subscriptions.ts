/** What arrives where: prefixes, their coming and going, and the order in which they take force. */
import { describe, expect, it } from 'vitest';
import { TransportEnd } from './transport-end.js';
import type { TransportHarness } from './transport-suite.js';

export function describeSubscriptions(harness: TransportHarness): void {
  describe('subscriptions', () => {
    it('let messages in that begin with their bytes, and no others', async () => {
      await using bus = await harness.start();
      await using receiver = new TransportEnd(bus.create()).subscribe('user', '\xff\x00', 'end').open();
      await using sender = await new TransportEnd(bus.create()).open().up();
      await receiver.settled();
      sender.send(
        'use',
        'User',
        'xuser',
        'user',
        'user:login',
        'username',
        '\xff',
        '\xff\x01',
        '\xff\x00\x00',
        'end',
      );
      await receiver.messages.find((message) => message.toString() === 'end');
      expect(receiver.texts()).toEqual(['user', 'user:login', 'username', '\xff\x00\x00', 'end']);
    });

    it('with an empty prefix let everything in, also a message of no bytes', async () => {
      await using bus = await harness.start();
      await using receiver = new TransportEnd(bus.create()).subscribe('').open();
      await using sender = await new TransportEnd(bus.create()).open().up();
      await receiver.settled();
      sender.send('a', '', '\x00', 'b');
      expect(await receiver.received(4)).toEqual(['a', '', '\x00', 'b']);
    });

    it('let the own messages of a transport return to it', async () => {
      await using bus = await harness.start();
      await using end = await new TransportEnd(bus.create()).subscribe('mine').open().settled();
      end.send('other', 'mine');
      expect(await end.received(1)).toEqual(['mine']);
    });

    it('that overlap do not double a message', async () => {
      await using bus = await harness.start();
      await using end = await new TransportEnd(bus.create()).subscribe('', 'a', 'ab', 'ab').open().settled();
      end.send('ab', 'end');
      expect(await end.received(2)).toEqual(['ab', 'end']);
    });

    it('end with unsubscribe(), however often they were made', async () => {
      await using bus = await harness.start();
      await using end = new TransportEnd(bus.create()).subscribe('a', 'a', 'end').open();
      await end.settled();
      await end.subscribe('a').unsubscribe('a').settled();
      end.send('a', 'end');
      expect(await end.received(1)).toEqual(['end']);
    });

    it('are taken away only by the same bytes', async () => {
      await using bus = await harness.start();
      await using end = new TransportEnd(bus.create()).subscribe('a', 'ab', 'end').open();
      await end.unsubscribe('ab', 'abc', '').settled();
      end.send('ab', 'b', 'end');
      expect(await end.received(2)).toEqual(['ab', 'end']);
    });

    it('come back after they were taken away', async () => {
      await using bus = await harness.start();
      await using end = await new TransportEnd(bus.create()).subscribe('a').open().settled();
      await end.unsubscribe('a').subscribe('a').settled();
      end.send('a');
      expect(await end.received(1)).toEqual(['a']);
    });

    it('do not depend on what the caller does with the bytes afterwards', async () => {
      await using bus = await harness.start();
      const prefix = Buffer.from('abc');
      await using end = new TransportEnd(bus.create()).subscribe(prefix);
      prefix.fill('x');
      await end.open().settled();
      end.send('xxx', 'abc');
      expect(await end.received(1)).toEqual(['abc']);
    });

    it('made before open() are in force when those made later are', async () => {
      await using bus = await harness.start();
      await using receiver = new TransportEnd(bus.create()).subscribe('early').open();
      await using sender = await new TransportEnd(bus.create()).open().up();
      await receiver.settled();
      sender.send('early');
      expect(await receiver.received(1)).toEqual(['early']);
    });

    it.each(['before', 'after'])('may be 10,000, made %s the link, all of them in force', async (when) => {
      await using bus = await harness.start();
      const topics = Array.from({ length: 10_000 }, (_, index) => `topic ${index};`);
      await using receiver = new TransportEnd(bus.create());
      if (when === 'before') receiver.subscribe(...topics).open();
      else (await receiver.open().up()).subscribe(...topics);
      await using sender = await new TransportEnd(bus.create()).open().up();
      await receiver.settled();
      await sendPaced(sender, receiver, topics);
      expect(receiver.texts()).toEqual(topics);
      receiver.unsubscribe(...topics.slice(1));
      await receiver.settled();
      sender.send(topics[1] as string, topics[9_999] as string, topics[0] as string);
      expect((await receiver.received(10_001)).at(-1)).toBe(topics[0]);
    });
  });
}

/** Sends no more ahead of the receiver than the least of buses holds. */
export async function sendPaced(
  sender: TransportEnd,
  receiver: TransportEnd,
  messages: readonly string[],
): Promise<void> {
  const before = receiver.messages.all.length;
  for (let at = 0; at < messages.length; at += 250) {
    sender.send(...messages.slice(at, at + 250));
    await receiver.messages.first(before + Math.min(at + 250, messages.length));
  }
}
