/** What a transport does that is used in one direction only, and how it says that this direction works. */
import { describe, expect, it } from 'vitest';
import { TransportEnd } from './transport-end.js';
import type { TransportHarness } from './transport-suite.js';

export function describeRights(harness: TransportHarness): void {
  describe('rights and confirm()', () => {
    it("'publish' - sends once it is confirmed", async () => {
      await using bus = await harness.start();
      await using receiver = await new TransportEnd(bus.create()).subscribe('m').open().settled();
      await using sender = await new TransportEnd(bus.create({ rights: 'publish' })).open().up();
      await sender.confirmed();
      sender.send('m1', 'm2');
      expect(await receiver.received(2)).toEqual(['m1', 'm2']);
      expect(await sender.transport.close(5000)).toBe(0);
    });

    it("'subscribe' - gets what is sent once it is confirmed, also by later subscriptions", async () => {
      await using bus = await harness.start();
      await using sender = await new TransportEnd(bus.create()).open().up();
      await using receiver = await new TransportEnd(bus.create({ rights: 'subscribe' }))
        .subscribe('early')
        .open()
        .up();
      await receiver.confirmed();
      sender.send('early');
      await receiver.subscribe('late').confirmed();
      sender.send('late', 'neither', 'early');
      expect(await receiver.received(3)).toEqual(['early', 'late', 'early']);
    });

    it("'both' - confirms both directions", async () => {
      await using bus = await harness.start();
      await using end = await new TransportEnd(bus.create()).subscribe('m').open().up();
      await end.confirmed();
      end.send('m');
      expect(await end.received(1)).toEqual(['m']);
    });

    it('confirm() - calls nobody within its own call, and nobody after close()', async () => {
      await using bus = await harness.start();
      await using end = await new TransportEnd(bus.create()).open().up();
      const { transport } = end;
      let calls = 0;
      transport.confirm?.(() => {
        calls += 1;
      });
      expect(calls).toBe(0);
      await transport.close(5000);
      await new Promise((resolve) => setImmediate(resolve));
      expect(calls).toBe(0);
    });
  });

  if (!harness.supports.reconnects) return;
  describe('rights and reconnection', () => {
    it.each(['publish', 'subscribe'] as const)(
      "'%s' - makes its link again, and confirms it",
      async (rights) => {
        await using bus = await harness.start();
        await using end = await new TransportEnd(bus.create({ rights })).subscribe('m').open().up();
        await end.confirmed();
        await bus.stop?.();
        await end.statuses.find(({ status }) => status === 'down');
        await bus.restart?.();
        await end.statuses.first(3);
        await end.confirmed();
        await using other = await new TransportEnd(bus.create()).subscribe('m').open().settled();
        (rights === 'publish' ? end : other).send('m');
        expect(await (rights === 'publish' ? other : end).received(1)).toEqual(['m']);
      },
    );
  });
}
