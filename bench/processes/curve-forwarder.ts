/** A forwarder with keys that lets everybody in: the same sockets and proxy, with libzmq's CURVE. */
import { curveKeyPair, Proxy as NativeProxy, Publisher, XSubscriber } from 'zeromq';
import { serve } from './commands.js';

/** As `createForwarder()` has it by default. */
const HIGH_WATER_MARK = 10_000;

const { publicKey: serverKey, secretKey: curveSecretKey } = curveKeyPair();
const keys = { curveServer: true, curveSecretKey, linger: 0 };
const xsub = new XSubscriber({ ...keys, receiveHighWaterMark: HIGH_WATER_MARK });
const xpub = new Publisher({ ...keys, sendHighWaterMark: HIGH_WATER_MARK });
await xsub.bind('tcp://127.0.0.1:*');
await xpub.bind('tcp://127.0.0.1:*');
await xsub.send(Buffer.of(1));
const proxy = new NativeProxy(xsub, xpub);
const running = proxy.run();

const commands = {
  addresses: (_: undefined) => ({
    xsubAddress: String(xsub.lastEndpoint),
    xpubAddress: String(xpub.lastEndpoint),
    serverKey,
  }),
};

export type CurveForwarderCommands = typeof commands;

serve(commands, async () => {
  proxy.terminate();
  await running;
  xsub.close();
  xpub.close();
});
