/** Links that carry nothing any more and do not break: they have to be noticed, given up, and made again. */
import { describe, expect, it } from 'vitest';
import { TransportEnd, until } from './transport-end.js';
import type { SilenceHarness } from './transport-suite.js';

/** What the contract allows. */
const NOTICED_WITHIN_MS = 3_000;

// Each test has topics of its own: the buses of tests that run side by side may be parts of one.
export function describeSilence({ ways, start }: SilenceHarness): void {
  // Side by side, since these only wait.
  describe.concurrent('a link that is silent', () => {
    it.each(ways)('%s - is reported within 3 s, and made again when it carries', async (way) => {
      await using bus = await start();
      const topic = `idle ${way};`;
      await using end = await new TransportEnd(bus.create()).subscribe(topic).open().settled();
      bus.silence(way);
      const [report] = await downWithinTheLimit(end);
      expect(report).toMatchObject({ status: 'down', cause: { code: 'DEMITTER_NETWORK' } });
      bus.heal();
      await end.statuses.first(3);
      await end.settled();
      end.send(topic);
      expect(await end.received(1)).toEqual([topic]);
      expect(end.statuses.all.map(({ status }) => status)).toEqual(['up', 'down', 'up']);
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

  describe('close() of a link that is silent', () => {
    it('takes no longer than it may, and says exactly how much was not confirmed', async () => {
      await using bus = await start();
      await using end = await new TransportEnd(bus.create()).open().settled();
      await until(() => end.transport.unconfirmedBytes === 0);
      for (const way of ways) bus.silence(way);
      end.send(Buffer.alloc(100), Buffer.alloc(20_000), Buffer.alloc(3));
      expect(end.transport.unconfirmedBytes).toBe(20_103);
      const began = performance.now();
      expect(await end.transport.close(200)).toBe(20_103);
      expect(performance.now() - began).toBeLessThan(1_500);
      expect(end.transport.unconfirmedBytes).toBe(0);
      expect(await end.transport.close(200)).toBe(20_103);
    });
  });

  describe('a link that is silent in a flood', () => {
    it.each(ways)('%s - is reported within 3 s', async (way) => {
      await using bus = await start();
      const topic = `flood ${way};`;
      await using end = await new TransportEnd(bus.create()).subscribe(topic).open().settled();
      const message = Buffer.alloc(10_000, topic);
      const flood = setInterval(() => {
        let sent = 0;
        while (sent++ < 100 && end.statuses.all.length === 1 && end.transport.send(message));
        end.transport.flush();
      }, 5);
      await end.messages.first(1_000);
      bus.silence(way);
      await downWithinTheLimit(end);
      clearInterval(flood);
    });
  });
}

/** The reports after the first. A machine that lets nobody run is no fault of the driver: see {@link RunningTime}. */
async function downWithinTheLimit(end: TransportEnd) {
  const clock = new RunningTime();
  const [, ...reports] = await end.statuses.first(2);
  expect(clock.stop()).toBeLessThan(NOTICED_WITHIN_MS);
  return reports;
}

/** Time in which this process itself ran, as the contract counts it. */
class RunningTime {
  static readonly #STEP_MS = 10;
  #elapsedMs = 0;
  #last = performance.now();
  readonly #timer = setInterval(() => this.#step(), RunningTime.#STEP_MS);

  /** A step that took much longer was one in which the event loop or the whole process stood still. */
  #step(): void {
    const now = performance.now();
    this.#elapsedMs += Math.min(now - this.#last, 2 * RunningTime.#STEP_MS);
    this.#last = now;
  }

  stop(): number {
    clearInterval(this.#timer);
    this.#step();
    return this.#elapsedMs;
  }
}
