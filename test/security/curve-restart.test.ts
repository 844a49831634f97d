/**
 * A forwarder with keys is killed and comes back, under load, with CURVE on every link: the promise holds as it does
 * without. The oracle of the fault suite judges.
 */
import { setTimeout as lasting } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { clientKeys, securityOf } from '../support/curve.js';
import { CurveForwarder } from '../support/curve-forwarder.js';
import { FaultCluster } from '../support/fault-cluster.js';
import { byForm, tellFigures } from '../support/fault-form.js';
import { summary } from '../support/oracle.js';

const CYCLES = { short: 3, long: 50 };
const EVENTS_PER_SECOND = 5_000;
/** How long the forwarder is there, and away, in each cycle, in rotation. */
const UP_MS = [700, 100, 300];
const DOWN_MS = [50, 1_000, 300, 5];

test('killed and restarted under load, with CURVE: nothing is lost, told or doubled', async () => {
  const keys = clientKeys();
  const rights = new Map([[keys, 'both']] as const);
  await using forwarder = await CurveForwarder.start(rights);
  const ways = [forwarder.addresses, forwarder.addresses];
  await using cluster = await FaultCluster.start({
    publishers: ways,
    subscribers: ways,
    options: { security: securityOf(keys) },
  });
  await cluster.ready();
  cluster.startLoad(EVENTS_PER_SECOND);
  const cycles = byForm(CYCLES);
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    await lasting(UP_MS[cycle % UP_MS.length]);
    await forwarder.kill();
    await lasting(DOWN_MS[cycle % DOWN_MS.length]);
    await forwarder.start(rights);
  }
  await cluster.stopLoad();
  const verdict = await cluster.prove({ told: 'none' });
  tellFigures('forwarder with CURVE killed and restarted', { cycles, events: summary(verdict) });
  expect(verdict.delivered).toBeGreaterThan(0);
});
