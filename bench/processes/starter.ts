/** A fresh process that makes one link to a forwarder and says how long that took. */
import { DistributedEmitter } from 'demitter';
import { RawLink } from '../peers/raw-link.js';
import { serve } from './commands.js';

export type StarterKind = 'demitter' | 'raw TCP';

const kind = process.argv[2] as StarterKind;
const { xsubAddress, xpubAddress } = JSON.parse(process.argv[3] ?? '{}');
let link: { close(): unknown } | undefined;

const commands = {
  /** Milliseconds until the link works in both directions. */
  async start(_: undefined): Promise<number> {
    const begun = performance.now();
    link = kind === 'demitter' ? await startEmitter() : await RawLink.open({ xsubAddress, xpubAddress });
    return performance.now() - begun;
  },
};

export type StarterCommands = typeof commands;

serve(commands, async () => {
  await link?.close();
});

/** As `createDistributedEmitter` does it; but a link that did not come about in time is an error here. */
async function startEmitter(): Promise<DistributedEmitter> {
  const emitter = new DistributedEmitter({ xsubAddress, xpubAddress });
  await emitter.connect();
  if (emitter.status !== 'ready') throw new Error(`Expected a working link, but it is ${emitter.status}`);
  return emitter;
}
