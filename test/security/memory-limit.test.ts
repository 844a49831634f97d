/** A forwarder that would need too much memory drops its peers instead: those who belong come back and miss nothing. */
import { expect, test } from 'vitest';
import { Attacker } from '../support/attacker.js';
import { proveSettled } from '../support/fault-peer.js';
import { FaultStage } from '../support/fault-stage.js';
import { ForwarderProcess } from '../support/forwarder-process.js';
import { MIB, residentBytesOfAll } from '../support/process-memory.js';

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
