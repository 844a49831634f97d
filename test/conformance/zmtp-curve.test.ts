import { createZmtpTransport } from '../../src/transport/zmtp/zmtp.js';
import { clientKeys } from '../support/curve.js';
import { CurveForwarder } from '../support/curve-forwarder.js';
import { describeTransport, MAX_MESSAGE_BYTES, type TransportBus } from './transport-suite.js';

const ANYBODY = new Map([['others', 'both']] as const);

async function startCurveBus(): Promise<TransportBus> {
  const forwarder = await CurveForwarder.start(ANYBODY);
  return {
    create: (limits) =>
      createZmtpTransport(
        { ...forwarder.addresses, maxMessageBytes: MAX_MESSAGE_BYTES, ...limits },
        { keys: clientKeys() },
      ),
    stop: () => forwarder.kill(),
    restart: () => forwarder.start(ANYBODY),
    [Symbol.asyncDispose]: () => forwarder.kill(),
  };
}

describeTransport('zmtp with CURVE', {
  supports: { processes: true, reconnects: true, headroom: 9 },
  start: startCurveBus,
});
