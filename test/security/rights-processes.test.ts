/**
 * Sensors that only publish and dashboards that only subscribe, in processes of their own, with full emitters among them:
 * what they are promised less is to be asked for what they missed, or to ask. That it is told, exactly, stands.
 */
import { setTimeout as lasting } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { byForm, tellFigures } from '../support/fault-form.js';
import { type FaultEmitter, monotonicMs, proveSettled } from '../support/fault-peer.js';
import { FaultStage, rotation } from '../support/fault-stage.js';
import { summary } from '../support/oracle.js';

const NAMES = ['flow:0', 'flow:1', 'flow:2', 'flow:3'];
const FORMS = { short: { cycles: 3 }, long: { cycles: 30 } };
const EVENTS_PER_SECOND = 1000;
/** How long the forwarder is there, and away, in each cycle, in rotation. */
const UP_MS = [400, 200, 700];
const DOWN_MS = [50, 1000, 300, 5];

interface Company extends AsyncDisposable {
  readonly stage: FaultStage;
  /** Publish only. */
  readonly sensors: readonly FaultEmitter[];
  /** Subscribe only. */
  readonly dashboards: readonly FaultEmitter[];
  /** May do both: one is made to publish, and one to subscribe. */
  readonly full: readonly [publisher: FaultEmitter, subscriber: FaultEmitter];
}

async function company(): Promise<Company> {
  const stage = await FaultStage.start();
  try {
    const [sensors, full, dashboards] = await Promise.all([
      stage.emitters('sensor', 2, { perProcess: 2, options: { rights: 'publish' } }),
      Promise.all([stage.one('full publisher'), stage.one('full subscriber', { listensTo: 'all' })]),
      Promise.all([
        stage.one('dashboard of all', { listensTo: 'all', options: { rights: 'subscribe' } }),
        stage.one('dashboard of some', { listensTo: NAMES.slice(1, 3), options: { rights: 'subscribe' } }),
      ]),
    ]);
    return {
      stage,
      sensors,
      full,
      dashboards,
      [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
    };
  } catch (error) {
    await stage[Symbol.asyncDispose]();
    throw error;
  }
}

test('the forwarder is killed and restarted: what is not delivered is told, exactly, and the rest is as ever', async () => {
  const { cycles } = byForm(FORMS);
  await using there = await company();
  const { stage, sensors, dashboards, full } = there;
  const [fullPublisher, fullSubscriber] = full;
  const publishers = [...sensors, fullPublisher];
  const subscribers = [...dashboards, fullSubscriber];
  const load = { names: NAMES, manner: { rate: EVENTS_PER_SECOND / publishers.length } };
  const loads = publishers.map((publisher) => publisher.load(load));
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    await lasting(UP_MS[cycle % UP_MS.length]);
    await stage.forwarder.kill();
    await lasting(DOWN_MS[cycle % DOWN_MS.length]);
    await stage.forwarder.start();
    await Promise.all([...publishers, ...subscribers].map((emitter) => emitter.ready()));
  }
  await lasting(UP_MS[0]);
  await Promise.all(publishers.map((publisher) => publisher.stopLoad()));
  await Promise.all(loads);
  const verdict = await proveSettled(publishers, subscribers);
  tellFigures('sensors and dashboards, forwarder killed and restarted', { cycles, events: summary(verdict) });
  expect(verdict.told).toBeGreaterThan(0);
  // Those who can ask, and can be asked, miss nothing of each other.
  const { errors } = await fullSubscriber.journal();
  expect(
    errors.filter(({ type, publisherId }) => type === 'loss' && publisherId === fullPublisher.id),
  ).toEqual([]);
});

test('a loss is told at once: nobody waits for an answer that cannot come', async () => {
  await using there = await company();
  const { stage, sensors, dashboards, full } = there;
  const publishers = [...sensors, full[0]];
  const burst = { names: NAMES, count: 100, manner: 'awaited' } as const;
  const emitAll = () => Promise.all(publishers.map((publisher) => publisher.load(burst)));
  await emitAll();
  await proveSettled(publishers, dashboards);
  // It takes what is emitted, and nothing of it gets through: what was written to it by then dies with it.
  stage.forwarder.suspend();
  await emitAll();
  await stage.forwarder.kill();
  await stage.forwarder.start();
  await Promise.all([...publishers, ...dashboards].map((emitter) => emitter.ready()));
  const since = performance.now();
  await emitAll();
  const { told } = await proveSettled(publishers, dashboards);
  // Far from `recoveryTimeout`.
  expect(performance.now() - since).toBeLessThan(10_000);
  expect(told).toBeGreaterThan(0);
  expect(told).toBeLessThanOrEqual((100 + 50) * publishers.length);
});

test('what a sensor emits while the forwarder is away waits until the others are back', async () => {
  await using there = await company();
  const { stage, sensors, dashboards, full } = there;
  const subscribers = [...dashboards, full[1]];
  const burst = { names: NAMES, count: 1000, manner: 'awaited' } as const;
  const emitAll = () => Promise.all(sensors.map((sensor) => sensor.load(burst)));
  await emitAll();
  await proveSettled(sensors, subscribers, { told: 'none' });
  const since = monotonicMs();
  await stage.forwarder.kill();
  await Promise.all(sensors.map((sensor) => sensor.statusAfter('reconnecting', since, 5000)));
  await emitAll();
  await stage.forwarder.start();
  const { delivered } = await proveSettled(sensors, subscribers, { told: 'none' });
  expect(delivered).toBe(sensors.length * (2000 + 2000 + 1000));
});

test('a flood does not wait for a dashboard that stands still: it is told, exactly, what it missed', async () => {
  await using stage = await FaultStage.start();
  // Names in rotation: every event is a message, and the forwarder keeps so many and no more.
  const names = rotation(10);
  const sensor = await stage.one('sensor', { options: { rights: 'publish' } });
  const full = await stage.one('full publisher');
  const dashboard = await stage.one('dashboard', { listensTo: names, options: { rights: 'subscribe' } });
  const publishers = [sensor, full];
  const first = { names, count: 100, manner: 'awaited' } as const;
  await Promise.all(publishers.map((publisher) => publisher.load(first)));
  await proveSettled(publishers, [dashboard], { told: 'none' });
  dashboard.peer.suspend();
  const flood = { names, count: 100_000, manner: { chunk: 1000 } };
  await Promise.all(publishers.map((publisher) => publisher.load(flood)));
  // The forwarder drops the first two marks of the ends as well; the last one comes after some 11 s.
  await lasting(2000);
  dashboard.peer.resume();
  const verdict = await proveSettled(publishers, [dashboard], { quietMs: 14_000 });
  tellFigures('a dashboard that stands still in a flood', { events: summary(verdict) });
  expect(verdict.told).toBeGreaterThan(0);
}, 60_000);
