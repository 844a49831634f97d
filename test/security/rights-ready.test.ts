/**
 * `ready()` of an emitter that may only subscribe: no event of its own can prove its subscriptions, and what it does
 * instead has to be good enough.
 */
import { expect, test } from 'vitest';
import { createZmtpTransport } from '../../src/transport/zmtp/zmtp.js';
import { TransportEnd } from '../conformance/transport-end.js';
import { Bus } from '../support/bus.js';
import { byForm, medianAndMax, tellFigures } from '../support/fault-form.js';
import { FaultPeer } from '../support/fault-peer.js';
import { rotation } from '../support/fault-stage.js';
import { raceForReady } from '../support/ready-race.js';

const FORMS = { short: { times: 300 }, long: { times: 10_000 } };

test('what is emitted as soon as ready() resolves arrives', async () => {
  await using bus = await Bus.start();
  const { lost, tookMs, made } = await raceForReady(bus, byForm(FORMS).times, { rights: 'subscribe' });
  tellFigures("emitted as soon as ready() resolved, rights 'subscribe'", {
    times: tookMs.length + lost.length,
    'fresh emitters': made,
    lost: lost.length,
    'delivered after, median / max': medianAndMax(tookMs),
  });
  expect(lost).toEqual([]);
});

test('the same without the emitters, which take their time, and with a forwarder in full flood', async () => {
  const { times } = byForm(FORMS);
  await using bus = await Bus.start();
  await using others = await FaultPeer.start();
  const flooder = await others.create({ ...bus.addresses, rights: 'publish' });
  await flooder.ready();
  // Names in rotation: every event is a message.
  const flood = flooder.load({ names: rotation(10), manner: { chunk: 100 } });
  const end = (rights: 'publish' | 'subscribe') =>
    new TransportEnd(createZmtpTransport({ ...bus.addresses, maxMessageBytes: 1000, rights })).open().up();
  await using sender = await end('publish');
  await using receiver = await end('subscribe');
  await sender.confirmed();
  receiver.subscribe('end');
  const lost: string[] = [];
  for (let i = 0; i < times; i += 1) {
    const name = `fresh ${i};`;
    await receiver.subscribe(name).confirmed();
    sender.send(name, `end ${i};`);
    await receiver.messages.find((message) => message.toString() === `end ${i};`);
    if (receiver.texts().at(-2) !== name) lost.push(name);
  }
  await flooder.stopLoad();
  const { emitted } = await flood;
  tellFigures('sent as soon as a subscription was confirmed, forwarder in full flood', {
    times,
    lost: lost.length,
    'messages meanwhile': emitted,
  });
  expect(lost).toEqual([]);
});
