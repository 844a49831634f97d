/** The promise of `ready()`: from its resolution on, whatever is emitted anywhere arrives, also through a busy forwarder. */
import { expect, test } from 'vitest';
import { Bus } from '../support/bus.js';
import { byForm, medianAndMax, tellFigures } from '../support/fault-form.js';
import { FaultPeer } from '../support/fault-peer.js';
import { raceForReady } from '../support/ready-race.js';

const FORMS = { short: { times: 300 }, long: { times: 10_000 } };
const OTHERS_EVENTS_PER_SECOND = 3000;

test('what is emitted as soon as ready() resolves arrives', async () => {
  await using bus = await Bus.start();
  await using others = await FaultPeer.start();
  const other = await others.create(bus.addresses);
  const load = other.load({
    names: ['other:0', 'other:1'],
    manner: { rate: OTHERS_EVENTS_PER_SECOND },
  });
  const { lost, tookMs, made } = await raceForReady(bus, byForm(FORMS).times);
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
