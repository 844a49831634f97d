/**
 * The promise of `ready()`: from its resolution on, whatever is emitted anywhere arrives. So the other side emits in
 * the very turn in which it resolves, under a name that nobody has used before, through a forwarder that is busy, and to
 * subscribers whose subscriptions take their time: on one machine they would be in force as soon as they are made.
 */
import { expect, test } from 'vitest';
import type { DistributedEmitter } from '../../src/emitter.js';
import { Bus } from '../support/bus.js';
import { byForm, medianAndMax, tellFigures } from '../support/fault-form.js';
import { FaultPeer } from '../support/fault-peer.js';
import { FaultProxy } from '../support/fault-proxy.js';

const FORMS = { short: { times: 300 }, long: { times: 10_000 } };

/** How much later than on this machine the forwarder takes a subscription: a subscriber for each, side by side. */
const DELAYS_MS = [0, 1, 3, 10];

/** Every so many times the subscriber is a new emitter. */
const FRESH_EVERY = 50;
const OTHERS_EVENTS_PER_SECOND = 3000;
const LOST_AFTER_MS = 10_000;

/** Resolves with how long the event took after `ready()`, or undefined if it did not come. */
async function race(
  publisher: DistributedEmitter,
  subscriber: DistributedEmitter,
  name: string,
): Promise<number | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const lost = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, LOST_AFTER_MS, undefined);
  });
  const delivered = subscriber.once(name).then(() => performance.now());
  await subscriber.ready();
  const readyAt = performance.now();
  void publisher.emit(name, name);
  const at = await Promise.race([delivered, lost]);
  clearTimeout(timer);
  return at === undefined ? undefined : at - readyAt;
}

test('what is emitted as soon as ready() resolves arrives', async () => {
  const { times } = byForm(FORMS);
  await using bus = await Bus.start();
  await using others = await FaultPeer.start();
  const other = await others.create(bus.addresses);
  const load = other.load({
    names: ['other:0', 'other:1'],
    manner: { rate: OTHERS_EVENTS_PER_SECOND },
  });
  const publisher = await bus.emitter();
  const lost: string[] = [];
  const tookMs: number[] = [];
  let made = 0;
  const lane = async (delayMs: number): Promise<void> => {
    await using way = await FaultProxy.start(bus.addresses.xpubAddress);
    way.delay(delayMs);
    let subscriber: DistributedEmitter | undefined;
    for (let i = 0; i < times / DELAYS_MS.length; i += 1) {
      if (i % FRESH_EVERY === 0) {
        await subscriber?.close();
        subscriber = undefined;
        made += 1;
      }
      subscriber ??= await bus.emitter({ xpubAddress: way.address });
      const name = `fresh:${delayMs}:${i}`;
      const ms = await race(publisher, subscriber, name);
      if (ms === undefined) lost.push(name);
      else tookMs.push(ms);
    }
    await subscriber?.close();
  };
  await Promise.all(DELAYS_MS.map(lane));
  await other.stopLoad();
  await load;
  tellFigures('emitted as soon as ready() resolved', {
    times: tookMs.length + lost.length,
    'fresh emitters': made,
    lost: lost.length,
    'delivered after, median / max': medianAndMax(tookMs),
  });
  expect(lost).toEqual([]);
});
