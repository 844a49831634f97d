/**
 * Damaged bytes in both directions of all connections, while events flow: emitters and forwarder live through it, and
 * once the bytes are whole again, everything works. What is lost meanwhile is not judged: a damaged message may look
 * like a good one.
 */
import { setTimeout as lasting } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { byForm, tellFigures } from '../support/fault-form.js';
import { type FaultEmitter, FaultPeer, monotonicMs } from '../support/fault-peer.js';
import { FaultWays } from '../support/fault-way.js';
import { ForwarderProcess } from '../support/forwarder-process.js';
import { Mutator } from '../support/mutations.js';

const MUTATIONS = { short: 500, long: 10_000 };

/** Of the chunks. More, and no connection lives long enough for events to be damaged. */
const SHARE = 0.03;
const SEED = Number(process.env.PROPERTY_SEED ?? 1);

const NAMES = ['shared:0', 'shared:1', 'shared:2'];
const EMITTERS = 16;
const EVENTS_PER_SECOND = 60;
const MAX_RECOVERY_MS = 15_000;
const CHECK_MS = 50;

/** How many events of each pair of emitters have been delivered. */
async function delivered(emitters: readonly FaultEmitter[]): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { label, ...reception } of await Promise.all(emitters.map((emitter) => emitter.reception()))) {
    for (const { id, label: from } of emitters) {
      if (id === reception.subscriber) continue;
      for (const name of NAMES) {
        const count = reception.publishers[id]?.names[name]?.delivered ?? 0;
        counts.set(`${label} ← ${from}, '${name}'`, count);
      }
    }
  }
  return counts;
}

/** Resolves when more events than `before` have come through each pair; with the pairs that had none in time. */
async function deadPairs(emitters: readonly FaultEmitter[], before: Map<string, number>): Promise<string[]> {
  const end = monotonicMs() + MAX_RECOVERY_MS;
  for (;;) {
    const after = await delivered(emitters);
    const dead = [...after.keys()].filter((pair) => after.get(pair) === before.get(pair));
    if (dead.length === 0 || monotonicMs() > end) return dead;
    await lasting(CHECK_MS);
  }
}

test('emitters and forwarder outlive damaged bytes', async () => {
  const wanted = byForm(MUTATIONS);
  const mutator = new Mutator(SEED, SHARE);
  await using forwarder = await ForwarderProcess.start();
  await using ways = await FaultWays.to(forwarder.addresses, EMITTERS);
  await using peer = await FaultPeer.start();
  const emitters = await Promise.all(
    ways.all.map(({ addresses }, i) => peer.create(addresses, `emitter ${i}`)),
  );
  for (const emitter of emitters) await emitter.listen(NAMES);
  await Promise.all(emitters.map((emitter) => emitter.ready()));
  const load = { names: NAMES, manner: { rate: EVENTS_PER_SECOND } };
  const loads = emitters.map((emitter) => emitter.load(load));
  for (const running of loads) running.catch(() => {});

  const proxies = ways.all.flatMap((way) => way.proxies);
  for (const proxy of proxies) proxy.corrupt(mutator.mutate);
  while (mutator.count < wanted) await lasting(CHECK_MS);
  for (const proxy of proxies) proxy.corrupt(undefined);

  const whole = monotonicMs();
  const before = await delivered(emitters);
  await Promise.all(emitters.map((emitter) => emitter.ready({ timeout: MAX_RECOVERY_MS })));
  expect(await deadPairs(emitters, before)).toEqual([]);
  const recoveryMs = monotonicMs() - whole;

  await Promise.all(emitters.map((emitter) => emitter.stopLoad()));
  await Promise.all(loads);
  expect(forwarder.isRunning, forwarder.output).toBe(true);
  const journals = await Promise.all(emitters.map((emitter) => emitter.journal()));
  const outages = journals.map(
    ({ statuses }) => statuses.filter(({ status }) => status === 'reconnecting').length,
  );
  expect(await peer.close(), peer.process.output).toEqual({ code: 0, signal: null });
  tellFigures('bytes damaged in both directions', {
    mutations: mutator.count,
    'outages of each emitter': outages.join(' '),
    'all pairs at work again after': `${Math.round(recoveryMs)} ms`,
  });
});
