/** A subscriber that takes nothing for a minute is dropped, so that what waits for it is not kept for ever. */
import { setTimeout as lasting } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { parseEndpoint } from '../../src/address.js';
import { countConnections } from '../../src/forwarder/connections.js';
import { Attacker } from '../support/attacker.js';
import { isLong, tellFigures } from '../support/fault-form.js';
import { monotonicMs } from '../support/fault-peer.js';
import { ForwarderProcess } from '../support/forwarder-process.js';

const STALLED = 10;
/** Small, so that what waits for them does not take the forwarder to its memory limit. */
const FLOOD_BYTES = 1000;
const MAX_STALL_MS = 60_000;
/** The kernel asks a peer that takes nothing ever more seldom. */
const SLACK_MS = 60_000;

test.runIf(isLong)('subscribers that read nothing for a minute are dropped', async () => {
  await using forwarder = await ForwarderProcess.start();
  await using attacker = await Attacker.start(forwarder.addresses);
  await attacker.begin(
    { name: 'stalled', parameters: { connections: STALLED } },
    { name: 'flood', parameters: { connections: 1, bytes: FLOOD_BYTES } },
  );
  const since = monotonicMs();
  expect(connectionsOf(forwarder)).toBe(STALLED);
  while (connectionsOf(forwarder) > 0 && monotonicMs() - since < MAX_STALL_MS + SLACK_MS) await lasting(100);
  const seconds = (monotonicMs() - since) / 1000;
  tellFigures('subscribers that read nothing', { 'dropped after': `${seconds.toFixed(1)} s` });
  expect(connectionsOf(forwarder)).toBe(0);
  expect(seconds * 1000).toBeGreaterThan(MAX_STALL_MS);
});

function connectionsOf({ addresses }: ForwarderProcess): number {
  const endpoint = parseEndpoint(addresses.xpubAddress);
  if (typeof endpoint === 'string') throw new Error(endpoint);
  return countConnections(endpoint) ?? Number.NaN;
}
