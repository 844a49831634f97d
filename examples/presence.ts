/**
 * Presence: a dashboard that knows which services are there, and notices when one is killed.
 *
 * Run it with `npm run example:presence`. The services are processes of their own: one is closed as it should be, the
 * other one is killed, as by a crash or a lost machine.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createDistributedEmitter, createForwarder, type Peer } from 'demitter';

const [, , name, xsubAddress, xpubAddress] = process.argv;
if (name === undefined) await showDashboard();
else await runService(name);

/** A service needs no more for it than a name. `meta` is whatever others should know. */
async function runService(name: string): Promise<void> {
  const emitter = await createDistributedEmitter({
    xsubAddress,
    xpubAddress,
    name,
    meta: { version: '1.4.2', started: new Date() },
    // After three of these without a word, it counts as gone. The default is 1000 ms.
    heartbeatInterval: 500,
  });
  process.once('message', () => void emitter.close().then(() => process.disconnect()));
}

async function showDashboard(): Promise<void> {
  await using forwarder = await createForwarder({ xsubPort: 0, xpubPort: 0 });
  const { xsubAddress, xpubAddress } = forwarder;
  const start = (name: string): ChildProcess =>
    fork(fileURLToPath(import.meta.url), [name, xsubAddress, xpubAddress]);

  // This one is there before the dashboard is.
  const billing = start('billing');
  await using dashboard = await createDistributedEmitter({ xsubAddress, xpubAddress });
  const joins = dashboard.events('distributed:join');
  dashboard.on('distributed:join', (peer) => console.log(`join   ${describe(peer)}`));
  dashboard.on('distributed:leave', (peer) => console.log(`leave  ${describe(peer)}: ${peer.reason}`));
  await joins.next();

  const search = start('search');
  await joins.next();
  console.log('peers()');
  for (const peer of await dashboard.peers()) console.log(`       ${describe(peer)}, meta`, peer.meta);

  let left = dashboard.once('distributed:leave');
  billing.send('close');
  await left;

  left = dashboard.once('distributed:leave');
  search.kill('SIGKILL');
  const killed = performance.now();
  await Promise.all([left, once(search, 'exit')]);
  const heartbeats = (performance.now() - killed) / 500;
  console.log(`noticed ${heartbeats.toFixed(1)} heartbeats after it was killed`);
  console.log('peers()', await dashboard.peers());
}

function describe({ name, host, pid, id }: Peer): string {
  return `${name ?? id} on ${host}, process ${pid}`;
}
