/** A forwarder that can be stopped and started again at the same addresses, for the conformance suite. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createForwarder, type Forwarder } from '../../src/forwarder.js';
import { createZmtpTransport } from '../../src/transport/zmtp/zmtp.js';
import { MAX_MESSAGE_BYTES, type TransportBus } from '../conformance/transport-suite.js';

export async function startForwarderBus(protocol: 'tcp' | 'ipc'): Promise<TransportBus> {
  const folder = await mkdtemp(join(tmpdir(), 'demitter-'));
  const addresses =
    protocol === 'ipc'
      ? { xsubAddress: `ipc://${folder}/xsub`, xpubAddress: `ipc://${folder}/xpub` }
      : { xsubAddress: 'tcp://127.0.0.1:0', xpubAddress: 'tcp://127.0.0.1:0' };
  let forwarder: Forwarder = await createForwarder(addresses);
  const { xsubAddress, xpubAddress } = forwarder;
  return {
    create: (options) =>
      createZmtpTransport({ xsubAddress, xpubAddress, maxMessageBytes: MAX_MESSAGE_BYTES, ...options }),
    stop: () => forwarder.close(),
    async restart() {
      forwarder = await createForwarder({ xsubAddress, xpubAddress });
    },
    async [Symbol.asyncDispose]() {
      await forwarder.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
