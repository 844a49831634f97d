/** A forwarder that would need too much memory drops its peers instead: those who belong come back and miss nothing. */
import { expect, test } from 'vitest';
import { Attacker } from '../support/attacker.js';
import { isLong, tellFigures } from '../support/fault-form.js';
import { proveSettled } from '../support/fault-peer.js';
import { FaultStage } from '../support/fault-stage.js';
import { ForwarderProcess } from '../support/forwarder-process.js';
import { MIB, ResidentWatch, residentBytesOfAll, toMib } from '../support/process-memory.js';

const LIMIT = 128 * MIB;
const NAMES = ['honest'];
const DROPPED = /dropping all connections: \d+ MiB are needed, over the limit of 128 MiB/;

test('over its limit, a forwarder drops all peers, again and again, and those who belong miss nothing', async () => {
  await using stage = new FaultStage(await ForwarderProcess.start('--max-memory-bytes', `${LIMIT}`));
  const { forwarder } = stage;
  const publisher = await stage.one('publisher');
  const receiver = await stage.one('receiver', { listensTo: NAMES });
  const load = publisher.load({ names: NAMES, manner: { rate: 500 } });
  load.catch(() => {});
  await using attacker = await Attacker.start(forwarder.addresses);
  const topics = { side: 'xpub', connections: 2, topics: 2_000_000, bytes: 40 } as const;
  await attacker.begin({ name: 'topics', parameters: topics });
  // The second one is of the process that took over from the first, the third of the next.
  for (let times = 0; times < 3; times += 1) await forwarder.line(DROPPED);
  await attacker.end();
  await receiver.ready();
  await publisher.stopLoad();
  await load;
  await proveSettled([publisher], [receiver], { told: 'none' });
  expect(await residentBytesOfAll(forwarder.pid)).toBeLessThan(6 * LIMIT);
  expect(await forwarder.stop(), forwarder.output).toEqual({ code: 0, signal: null });
});

test.runIf(isLong)('a forwarder that cannot even drop its peers ends, to be started again', async () => {
  await using stage = new FaultStage(await ForwarderProcess.start('--max-memory-bytes', `${LIMIT}`));
  const { forwarder } = stage;
  const publisher = await stage.one('publisher');
  const receiver = await stage.one('receiver', { listensTo: NAMES });
  const load = publisher.load({ names: NAMES, manner: { rate: 500 } });
  load.catch(() => {});
  await using attacker = await Attacker.start(forwarder.addresses);
  const watch = new ResidentWatch([forwarder.pid], 50, (pid) => residentBytesOfAll(pid).catch(() => 0));
  await attacker.begin(
    { name: 'topics', parameters: { side: 'xpub', connections: 1, topics: 100_000, bytes: 20 } },
    { name: 'churn', parameters: { side: 'xpub', connections: 10 } },
  );
  expect(await forwarder.exit).toEqual({ code: null, signal: 'SIGKILL' });
  await watch.stop();
  const tally = await attacker.end();
  tellFigures('100,000 topics, and subscribers that come and go', {
    'most memory': `${toMib(watch.of(forwarder.pid).max)} MiB`,
    made: tally.made,
  });
  expect(forwarder.output).toContain('the proxy does not end');
  await forwarder.start();
  await receiver.ready();
  await publisher.stopLoad();
  await load;
  await proveSettled([publisher], [receiver], { told: 'none' });
});
