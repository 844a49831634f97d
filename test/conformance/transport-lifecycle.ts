/** Every method in every state, and the end: what was sent leaves, nothing is called or left behind. */
import { describe, expect, it } from 'vitest';
import type { Transport } from '../../src/transport/transport.js';
import { TransportEnd, until } from './transport-end.js';
import type { TransportBus, TransportHarness } from './transport-suite.js';

type StateName = 'idle' | 'opening' | 'up' | 'down' | 'closing' | 'closed';

/** A transport brought to `state`. */
async function endIn(state: StateName, bus: TransportBus): Promise<TransportEnd> {
  const end = new TransportEnd(bus.create());
  if (state === 'idle') return end;
  end.open();
  if (state === 'opening') return end;
  await end.up();
  if (state === 'down') {
    await bus.stop?.();
    await end.statuses.find(({ status }) => status === 'down');
  }
  if (state === 'closing') void end.transport.close(1_000);
  if (state === 'closed') await end.transport.close(1_000);
  return end;
}

const USES: Readonly<Record<string, (transport: Transport) => void>> = {
  subscribe: (transport) => transport.subscribe(Buffer.from('a')),
  unsubscribe: (transport) => transport.unsubscribe(Buffer.from('a')),
  flush: (transport) => transport.flush(),
  unconfirmedBytes: (transport) => expect(transport.unconfirmedBytes).toBe(0),
  send: (transport) => expect(transport.send(Buffer.from('a'))).toBe(true),
};

export function describeLifecycle(harness: TransportHarness): void {
  const states: StateName[] = ['idle', 'opening', 'up', 'closing', 'closed'];
  if (harness.supports.reconnects) states.push('down');

  describe.each(states)('in the state "%s"', (state) => {
    it.each(Object.entries(USES))('%s - is allowed', async (_name, use) => {
      await using bus = await harness.start();
      await using end = await endIn(state, bus);
      use(end.transport);
      use(end.transport);
    });

    it('open() - is allowed once', async () => {
      await using bus = await harness.start();
      await using end = await endIn(state, bus);
      if (state === 'idle') end.open();
      if (state === 'closing' || state === 'closed') {
        const reports = end.statuses.all.length;
        end.open();
        await end.transport.close(0);
        expect(end.statuses.all).toHaveLength(reports);
      } else {
        expect(() => end.open()).toThrow(/opened only once/);
      }
    });

    it('close() - ends it, and says nothing', async () => {
      await using bus = await harness.start();
      await using end = await endIn(state, bus);
      const reports = [...end.statuses.all];
      await Promise.all([end.transport.close(1_000), end.transport.close(0)]);
      await end.transport.close(1_000);
      expect(end.statuses.all).toEqual(reports);
      expect(end.transport.unconfirmedBytes).toBe(0);
    });

    if (state !== 'up') {
      it('send() - discards', async () => {
        await using bus = await harness.start();
        await using receiver = await new TransportEnd(bus.create()).subscribe('m').open().settled();
        await using end = await endIn(state, bus);
        end.send('m discarded');
        if (state === 'down') {
          await bus.restart?.();
          await receiver.settled();
        }
        await using other = await new TransportEnd(bus.create()).open().up();
        other.send('m kept');
        expect(await receiver.received(1)).toEqual(['m kept']);
      });
    }
  });

  describe('status', () => {
    it('is reported later than open(), as `up`, once', async () => {
      await using bus = await harness.start();
      await using end = new TransportEnd(bus.create()).open();
      expect(end.statuses.all).toEqual([]);
      await end.settled();
      expect(end.statuses.all).toEqual([{ status: 'up', cause: undefined }]);
    });
  });

  describe('close()', () => {
    it('lets everything out that was sent, flushed or not', async () => {
      await using bus = await harness.start();
      await using receiver = await new TransportEnd(bus.create()).subscribe('m').open().settled();
      await using sender = await new TransportEnd(bus.create()).open().up();
      for (let i = 0; i < 200; i++)
        sender.transport.send(Buffer.from(`m ${i} ${'x'.repeat(i % 50 === 0 ? 900_000 : i)}`));
      expect(await sender.transport.close(10_000)).toBe(0);
      const received = await receiver.received(200);
      expect(received.map((text) => Number(text.split(' ', 2)[1]))).toEqual(
        Array.from({ length: 200 }, (_, i) => i),
      );
    });

    it('calls no handler after it resolves, in the midst of traffic', async () => {
      await using bus = await harness.start();
      await using closing = await new TransportEnd(bus.create()).subscribe('m').open().settled();
      await using staying = await new TransportEnd(bus.create()).subscribe('m').open().settled();
      staying.send(...Array.from({ length: 200 }, () => 'm'));
      await closing.messages.first(1);
      await closing.transport.close(1_000);
      const seen = closing.messages.all.length;
      staying.send('m last');
      await staying.messages.find((message) => message.toString() === 'm last');
      expect(closing.messages.all).toHaveLength(seen);
      expect(closing.statuses.all).toHaveLength(1);
    });

    it('from inside onMessage() ends deliveries there', async () => {
      await using bus = await harness.start();
      await using end = await new TransportEnd(bus.create()).subscribe('m').open().settled();
      let closed: Promise<number> | undefined;
      end.onMessage = () => {
        closed ??= end.transport.close(1_000);
      };
      end.send('m1', 'm2', 'm3');
      await end.received(1);
      await closed;
      expect(end.texts()).toEqual(['m1']);
    });

    it('leaves no handle behind', async () => {
      await using bus = await harness.start();
      const before = handles();
      const ends = await Promise.all(
        Array.from({ length: 5 }, () => new TransportEnd(bus.create()).subscribe('m').open().settled()),
      );
      ends.push(new TransportEnd(bus.create()).open());
      for (const end of ends) end.send('m');
      await Promise.all(ends.map((end) => end.transport.close(1_000)));
      await until(() => handles() <= before);
    });
  });
}

/** Sockets and pipes that this process holds. Timers are left out: the runner has its own. */
function handles(): number {
  return process.getActiveResourcesInfo().filter((name) => /Wrap/.test(name)).length;
}
