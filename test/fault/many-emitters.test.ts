/** Very many emitters, and a forwarder that is killed and comes back: they return within seconds and lose nothing. */
import { setTimeout as lasting } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { byForm, medianAndMax, tellFigures } from '../support/fault-form.js';
import { type FaultEmitter, monotonicMs, proveSettled } from '../support/fault-peer.js';
import { FaultStage } from '../support/fault-stage.js';
import { summary, type Verdict } from '../support/oracle.js';
import { peakResidentBytes, toMib } from '../support/process-memory.js';

const FORMS = {
  short: { emitters: 200, processes: 2, flowMs: 1000, awayMs: 300 },
  long: { emitters: 1000, processes: 4, flowMs: 10_000, awayMs: 2000 },
};

/** A group emits under a name of its own, and is listened to by the next one, which has members in other processes. */
const GROUP = 5;
const MAX_RETURN_MS = 5000;
const TIMEOUT_MS = 30_000;

test('all are ready again within 5 s of the return of the forwarder', async () => {
  const { emitters: count, processes, flowMs, awayMs } = byForm(FORMS);
  await using stage = await FaultStage.start();
  const peers = await Promise.all(Array.from({ length: processes }, () => stage.peer()));
  const groups: FaultEmitter[][] = Array.from({ length: count / GROUP }, () => []);
  const began = monotonicMs();
  await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const number = i % groups.length;
      const names = [`group:${(number + groups.length - 1) % groups.length}`];
      const peer = peers[Math.floor(i / groups.length) % processes] as (typeof peers)[number];
      groups[number]?.push(await stage.emitter(peer, `emitter ${i}`, { listensTo: names }));
    }),
  );
  const readyAfter = monotonicMs() - began;
  const all = groups.flat();
  const loads = groups.flatMap((group, number) =>
    group.map((emitter) => emitter.load({ names: [`group:${number}`], manner: { rate: 1 } })),
  );
  await lasting(flowMs);
  const killed = monotonicMs();
  await stage.forwarder.kill();
  await lasting(awayMs);
  await stage.forwarder.start();
  const since = stage.forwarder.listeningSince;
  const returns = await Promise.all(all.map((emitter) => emitter.statusAfter('ready', killed, TIMEOUT_MS)));
  await lasting(flowMs);
  await Promise.all(all.map((emitter) => emitter.stopLoad()));
  await Promise.all(loads);
  const times = returns.map(({ at }) => at - since);
  const peaks = await Promise.all(peers.map((peer) => peakResidentBytes(peer.process.pid)));
  const title = `${count} emitters in ${processes} processes, forwarder killed and restarted`;
  tellFigures(title, {
    'ready at first after': `${Math.round(readyAfter)} ms`,
    'ready again after, median / max': medianAndMax(times),
    'largest process': `${toMib(Math.max(...peaks))} MiB`,
  });
  const verdicts = await Promise.all(
    groups.map((group, number) =>
      proveSettled(group, groups[(number + 1) % groups.length] as FaultEmitter[], { told: 'none' }),
    ),
  );
  tellFigures(title, { events: summary(sum(verdicts)) });
  expect(Math.max(...times)).toBeLessThan(MAX_RETURN_MS);
});

function sum(verdicts: readonly Verdict[]): Verdict {
  const total = { emitted: 0, refused: 0, delivered: 0, told: 0, toldInexactly: 0 };
  for (const verdict of verdicts) {
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += verdict[key];
  }
  return { ...total, problems: [] };
}
