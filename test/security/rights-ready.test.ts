/**
 * `ready()` of an emitter that may only subscribe: no event of its own can prove its subscriptions, and what it does
 * instead has to be good enough, with a forwarder that is in full flood as well.
 */
import { expect, test } from 'vitest';
import { Bus } from '../support/bus.js';
import { byForm, medianAndMax, tellFigures } from '../support/fault-form.js';
import { FaultPeer } from '../support/fault-peer.js';
import { raceForReady } from '../support/ready-race.js';

const FORMS = { short: { times: 300 }, long: { times: 10_000 } };

test.each(['idle', 'in full flood'])(
  'what is emitted as soon as ready() resolves arrives - forwarder %s',
  async (state) => {
    await using bus = await Bus.start();
    await using others = await FaultPeer.start();
    const other = await others.create({ ...bus.addresses, rights: 'publish' });
    await other.ready();
    const flood = { names: ['other:0', 'other:1'], manner: { chunk: 100 } };
    const load = state === 'idle' ? undefined : other.load(flood);
    const { lost, tookMs, made } = await raceForReady(bus, byForm(FORMS).times, { rights: 'subscribe' });
    if (load !== undefined) await other.stopLoad();
    await load;
    tellFigures(`emitted as soon as ready() resolved, rights 'subscribe', forwarder ${state}`, {
      times: tookMs.length + lost.length,
      'fresh emitters': made,
      lost: lost.length,
      'delivered after, median / max': medianAndMax(tookMs),
    });
    expect(lost).toEqual([]);
  },
);
