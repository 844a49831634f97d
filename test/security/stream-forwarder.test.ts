/**
 * Thousands of connections that speak ZMTP, but wrongly: the forwarder lives, serves those who belong all the while,
 * and keeps nothing of it. `PROPERTY_SEED` draws others.
 */
import { connect } from 'node:net';
import { setTimeout as lasting, setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { parseEndpoint } from '../../src/address.js';
import { byForm, tellFigures } from '../support/fault-form.js';
import { proveSettled } from '../support/fault-peer.js';
import { FaultStage } from '../support/fault-stage.js';
import { summary } from '../support/oracle.js';
import { MIB, residentBytes, toMib } from '../support/process-memory.js';
import { drawStream } from '../support/zmtp-streams.js';

const SEED = Number(process.env.PROPERTY_SEED ?? 1);
const CONNECTIONS = { short: 500, long: 20_000 };
const AT_ONCE = 20;
const READY_MS = 100;
const SOCKET_TYPES = ['PUB', 'SUB', 'XPUB', 'XSUB', 'ROUTER'];
const NAMES = ['honest'];
const MAX_GROWTH = 64 * MIB;

test('streams that are wrong somewhere', async () => {
  const count = byForm(CONNECTIONS);
  await using stage = await FaultStage.start();
  const { forwarder } = stage;
  const publisher = await stage.one('publisher');
  const receiver = await stage.one('receiver', { listensTo: NAMES });
  const load = publisher.load({ names: NAMES, manner: { rate: 500 } });
  load.catch(() => {});
  const ports = [forwarder.addresses.xsubAddress, forwarder.addresses.xpubAddress].map(portOf);
  const residentBefore = await residentBytes(forwarder.pid);
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const seed = SEED * 1_000_000 + next++;
      await converse(ports[seed % 2] as number, seed);
      expect(forwarder.isRunning, `the forwarder ended near seed ${seed}: ${forwarder.output}`).toBe(true);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  await publisher.stopLoad();
  await load;
  const verdict = await proveSettled([publisher], [receiver], { told: 'none' });
  const growth = (await residentBytes(forwarder.pid)) - residentBefore;
  tellFigures(`${count} streams that are wrong somewhere, to the forwarder`, {
    honest: summary(verdict),
    growth: `${toMib(growth)} MiB`,
  });
  expect(growth).toBeLessThan(MAX_GROWTH);
  expect((await receiver.journal()).errors).toEqual([]);
});

/** Sends the stream of `seed` and reads what comes. Ends it in turn at once, or in order. */
async function converse(port: number, seed: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  // A reset is an answer, too.
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const ready = new Promise<void>((resolve) => {
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      if (received.includes('READY')) resolve();
    });
  });
  const { introduction, rest } = drawStream(seed, SOCKET_TYPES);
  for (const piece of introduction) {
    socket.write(piece);
    await turn();
  }
  // libzmq hangs up on who does not wait for its READY, which is one of the cases. It waits itself for the rest of a
  // damaged one.
  if (seed % 4 !== 0) await Promise.race([ready, closed, lasting(READY_MS)]);
  for (const piece of rest) {
    socket.write(piece);
    await turn();
  }
  if (seed % 3 === 0) socket.resetAndDestroy();
  else socket.end();
  await closed;
}

function portOf(address: string): number {
  const endpoint = parseEndpoint(address);
  if (typeof endpoint === 'string' || endpoint.protocol !== 'tcp') throw new Error(`${address} has no port`);
  return endpoint.port;
}
