/** Links that carry nothing any more and do not break: they have to be noticed, given up, and made again. */
import { describe, expect, it } from 'vitest';
import { TransportEnd } from './transport-end.js';
import type { SilenceHarness } from './transport-suite.js';

/** What the contract allows. */
const NOTICED_WITHIN_MS = 3_000;

// The tests run side by side, since most of them wait, and each has topics of its own: their buses may be parts of one.
export function describeSilence({ ways, start }: SilenceHarness): void {
  describe.concurrent('a link that is silent', () => {
    it.each(ways)('%s - is reported within 3 s, and made again when it carries', async (way) => {
      await using bus = await start();
      const topic = `idle ${way};`;
      await using end = await new TransportEnd(bus.create()).subscribe(topic).open().settled();
      bus.silence(way);
      const silentSince = performance.now();
      const [, report] = await end.statuses.first(2);
      expect(performance.now() - silentSince).toBeLessThan(NOTICED_WITHIN_MS);
      expect(report).toMatchObject({ status: 'down', cause: { code: 'DEMITTER_NETWORK' } });
      bus.heal();
      await end.statuses.first(3);
      await end.settled();
      end.send(topic);
      expect(await end.received(1)).toEqual([topic]);
      expect(end.statuses.all.map(({ status }) => status)).toEqual(['up', 'down', 'up']);
    });

    it.each(ways)('%s - is reported within 3 s also in a flood', async (way) => {
      await using bus = await start();
      const message = Buffer.alloc(10_000, `flood ${way};`);
      await using end = await new TransportEnd(bus.create())
        .subscribe(message.subarray(0, 30))
        .open()
        .settled();
      const flood = setInterval(() => {
        while (end.transport.bufferedBytes < 200_000 && end.statuses.all.length === 1) end.send(message);
      }, 1);
      await end.messages.first(1_000);
      bus.silence(way);
      const silentSince = performance.now();
      await end.statuses.first(2);
      clearInterval(flood);
      expect(performance.now() - silentSince).toBeLessThan(NOTICED_WITHIN_MS);
    });

    it('for a moment - is not reported', async () => {
      await using bus = await start();
      await using end = await new TransportEnd(bus.create()).subscribe('moment').open().settled();
      for (const way of ways) bus.silence(way);
      end.send('moment');
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      bus.heal();
      expect(await end.received(1)).toEqual(['moment']);
      expect(end.statuses.all).toHaveLength(1);
    });
  });
}
