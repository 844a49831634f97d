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

/** Nothing if it gets ready in time; otherwise what it last said of itself. */
async function whyNotReady(emitter: FaultEmitter): Promise<string | undefined> {
  try {
    await emitter.ready({ timeout: MAX_RECOVERY_MS });
    return undefined;
  } catch {
    const { statuses, errors } = await emitter.journal();
    const said = [...statuses.slice(-4), ...errors.slice(-4)].sort((a, b) => a.at - b.at);
    const lines = said.map((entry) => {
      const ago = `${Math.round(monotonicMs() - entry.at)} ms ago`;
      return 'status' in entry ? `${ago} ${entry.status}, ${entry.cause}` : `${ago} ${entry.message}`;
    });
    return [`${emitter.label} is not ready:`, ...lines].join('\n  ');
  }
}

interface Flow {
  readonly from: string;
  readonly to: string;
  readonly name: string;
  readonly delivered: number;
}

/** What has been delivered from each emitter to each other one. */
async function flows(emitters: readonly FaultEmitter[]): Promise<Flow[]> {
  const receptions = await Promise.all(emitters.map((emitter) => emitter.reception()));
  return receptions.flatMap(({ subscriber, label: to, publishers }) =>
    emitters
      .filter(({ id }) => id !== subscriber)
      .flatMap(({ id, label: from }) =>
        NAMES.map((name) => ({ from, to, name, delivered: publishers[id]?.names[name]?.delivered ?? 0 })),
      ),
  );
}

/** Waits until nothing is wrong with the flows that are alive, for as long as an emitter may take; returns what is. */
async function wrongAfterAll(
  emitters: readonly FaultEmitter[],
  wrong: (alive: readonly Flow[], all: readonly Flow[]) => readonly string[],
): Promise<readonly string[]> {
  const end = monotonicMs() + MAX_RECOVERY_MS;
  const before = await flows(emitters);
  for (;;) {
    const now = await flows(emitters);
    const alive = now.filter(({ delivered }, i) => delivered > (before[i]?.delivered ?? 0));
    const found = wrong(alive, now);
    if (found.length === 0 || monotonicMs() > end) return found;
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
  expect((await Promise.all(emitters.map(whyNotReady))).filter((why) => why !== undefined)).toEqual([]);
  const deafOrDumb = (alive: readonly Flow[]) =>
    emitters.flatMap(({ label }) => [
      ...(alive.some(({ to }) => to === label) ? [] : [`nothing arrives at ${label}`]),
      ...(alive.some(({ from }) => from === label) ? [] : [`nothing of ${label} arrives`]),
    ]);
  expect(await wrongAfterAll(emitters, deafOrDumb)).toEqual([]);
  const recoveryMs = monotonicMs() - whole;

  // A subscription that was damaged into one to another name is as good as any, until it is made again.
  for (const proxy of proxies) proxy.cut();
  const dead = (alive: readonly Flow[], all: readonly Flow[]) =>
    all.filter((flow) => !alive.includes(flow)).map(({ from, to, name }) => `${to} ← ${from}, '${name}'`);
  expect(await wrongAfterAll(emitters, dead)).toEqual([]);

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
    'all emitters at work again after': `${Math.round(recoveryMs)} ms`,
  });
});
