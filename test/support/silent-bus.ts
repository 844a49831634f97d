/** A forwarder behind a fault proxy on each side, so that each direction of each connection can fall silent. */
import { createForwarder, type Forwarder } from '../../src/forwarder.js';
import { createZmtpTransport } from '../../src/transport/zmtp/zmtp.js';
import { MAX_MESSAGE_BYTES, type SilentBus } from '../conformance/transport-suite.js';
import type { Direction } from './fault-pipe.js';
import { FaultProxy } from './fault-proxy.js';

type Side = 'xsub' | 'xpub';

/** What may fall silent, by a name for test titles: of publishers' connections (XSUB) and subscribers' (XPUB). */
export const SILENCES: Readonly<Record<string, readonly [Side, readonly Direction[]]>> = {
  'to the XSUB': ['xsub', ['toTarget']],
  'from the XSUB': ['xsub', ['toClient']],
  'to and from the XSUB': ['xsub', ['toTarget', 'toClient']],
  'to the XPUB': ['xpub', ['toTarget']],
  'from the XPUB': ['xpub', ['toClient']],
  'to and from the XPUB': ['xpub', ['toTarget', 'toClient']],
};

/** One forwarder for all that are open at a time: a process has threads for a few only. */
let shared: { readonly forwarder: Promise<Forwarder>; users: number } | undefined;

export async function startSilentBus(): Promise<SilentBus & { readonly proxies: Record<Side, FaultProxy> }> {
  shared ??= { forwarder: createForwarder({ xsubPort: 0, xpubPort: 0 }), users: 0 };
  shared.users += 1;
  const forwarder = await shared.forwarder;
  const proxies = {
    xsub: await FaultProxy.start(forwarder.xsubAddress),
    xpub: await FaultProxy.start(forwarder.xpubAddress),
  };
  const { xsub, xpub } = proxies;
  return {
    proxies,
    create: (options) =>
      createZmtpTransport({
        xsubAddress: xsub.address,
        xpubAddress: xpub.address,
        maxMessageBytes: MAX_MESSAGE_BYTES,
        ...options,
      }),
    silence(way) {
      const [side, directions] = SILENCES[way] as (typeof SILENCES)[string];
      for (const direction of directions) proxies[side].silence(direction);
    },
    heal() {
      xsub.heal();
      xpub.heal();
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([xsub[Symbol.asyncDispose](), xpub[Symbol.asyncDispose]()]);
      if (shared === undefined || --shared.users > 0) return;
      shared = undefined;
      await forwarder.close();
    },
  };
}
