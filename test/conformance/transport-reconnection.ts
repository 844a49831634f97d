/** A bus that goes away and comes back: what is reported, and what is in force again. */
import { describe, expect, it } from 'vitest';
import type { Transport } from '../../src/transport/transport.js';
import { TransportEnd, until } from './transport-end.js';
import { MAX_MESSAGE_BYTES, type TransportHarness } from './transport-suite.js';

export function describeReconnection(harness: TransportHarness): void {
  describe('a bus that goes away', () => {
    it('is reported once, with the cause, and made again with all subscriptions', async () => {
      await using bus = await harness.start();
      await using end = await new TransportEnd(bus.create()).subscribe('kept', 'cancelled').open().settled();
      for (const round of [1, 2]) {
        await bus.stop?.();
        await end.statuses.first(2 * round);
        expect(end.transport.send(Buffer.from('kept, but discarded'))).toBe(true);
        end.subscribe(`new ${round}`).unsubscribe('cancelled');
        await bus.restart?.();
        await end.statuses.first(2 * round + 1);
        await end.settled();
        end.send('cancelled', `kept ${round}`, `new ${round}`);
        expect((await end.received(2 * round)).slice(-2)).toEqual([`kept ${round}`, `new ${round}`]);
      }
      expect(end.statuses.all.map(({ status }) => status)).toEqual(['up', 'down', 'up', 'down', 'up']);
      for (const { status, cause } of end.statuses.all) {
        if (status === 'up') expect(cause).toBeUndefined();
        else expect(cause).toMatchObject({ code: 'DEMITTER_NETWORK', cause: expect.any(Error) });
      }
    });

    it('from the beginning is reported as `down`, and as `up` when it comes', async () => {
      await using bus = await harness.start();
      await bus.stop?.();
      await using end = new TransportEnd(bus.create()).subscribe('m').open();
      expect((await end.statuses.first(1))[0]).toMatchObject({
        status: 'down',
        cause: { code: 'DEMITTER_NETWORK' },
      });
      await bus.restart?.();
      await end.up();
      await end.settled();
      end.send('m');
      expect(await end.received(1)).toEqual(['m']);
      expect(end.statuses.all.map(({ status }) => status)).toEqual(['down', 'up']);
    });

    it('has 10,000 subscriptions in force again when it comes back', async () => {
      await using bus = await harness.start();
      const topics = Array.from({ length: 10_000 }, (_, index) => `topic ${index};`);
      await using end = await new TransportEnd(bus.create())
        .subscribe(...topics)
        .open()
        .settled();
      await bus.stop?.();
      await end.statuses.first(2);
      await bus.restart?.();
      await end.statuses.first(3);
      await end.settled();
      const sample = topics.filter((_, index) => index % 100 === 99);
      end.send(...sample);
      expect(await end.received(sample.length)).toEqual(sample);
    });

    it('owes a sender that waits no onDrain but after the next `up`', async () => {
      await using bus = await harness.start();
      await using end = await new TransportEnd(bus.create()).open().up();
      fill(end.transport);
      await bus.stop?.();
      await end.statuses.first(2);
      await bus.restart?.();
      await end.drains.first(1);
    });

    it('leaves what was not confirmed when it went, until it comes back', async () => {
      await using bus = await harness.start();
      await using end = await new TransportEnd(bus.create()).open().up();
      fill(end.transport);
      await bus.stop?.();
      await end.statuses.first(2);
      const lost = end.transport.unconfirmedBytes;
      expect(lost).toBeLessThanOrEqual(100_000_000);
      end.send(Buffer.alloc(1_000));
      expect(end.transport.unconfirmedBytes).toBe(lost);
      await bus.restart?.();
      await end.statuses.first(3);
      await until(() => end.transport.unconfirmedBytes === 0);
      expect(end.statuses.all).toHaveLength(3);
    });

    it('can be closed while it is away', async () => {
      await using bus = await harness.start();
      await using end = await new TransportEnd(bus.create()).open().up();
      await bus.stop?.();
      await end.statuses.first(2);
      expect(await end.transport.close(10_000)).toBe(0);
      await bus.restart?.();
      await using other = await new TransportEnd(bus.create()).open().up();
      await other.settled();
      expect(end.statuses.all).toHaveLength(2);
    });
  });
}

/** Nobody takes a message of that size while the next one is made ready. */
function fill(transport: Transport): void {
  let sent = 0;
  while (transport.send(Buffer.alloc(MAX_MESSAGE_BYTES))) {
    sent += 1;
    if (sent === 25) throw new Error('the transport always takes more');
  }
}
