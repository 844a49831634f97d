/** Two free ports, for a forwarder that may be killed and started again there. */
import { createServer } from 'node:net';

/**
 * Below what systems give to outgoing connections: while the forwarder is away, a port of its may otherwise become the
 * local end of somebody's connection, and is then in use when it comes back.
 */
const FIRST = 10_000;
const LAST = 30_000;

export interface Addresses extends Readonly<Record<string, string>> {
  readonly XSUB_ADDRESS: string;
  readonly XPUB_ADDRESS: string;
}

export async function chooseAddresses(): Promise<Addresses> {
  const xsub = await freePort();
  let xpub = await freePort();
  while (xpub === xsub) xpub = await freePort();
  return { XSUB_ADDRESS: `tcp://127.0.0.1:${xsub}`, XPUB_ADDRESS: `tcp://127.0.0.1:${xpub}` };
}

async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
