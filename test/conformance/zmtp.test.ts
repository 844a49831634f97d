import { SILENCES, startSilentBus } from '../support/silent-bus.js';
import { startForwarderBus } from '../support/zmtp-forwarder-bus.js';
import { describeTransport } from './transport-suite.js';

const supports = { processes: true, reconnects: true, headroom: 9 };

describeTransport('zmtp over TCP', {
  supports,
  start: () => startForwarderBus('tcp'),
  silence: { ways: Object.keys(SILENCES), start: startSilentBus },
});
describeTransport('zmtp over Unix sockets', { supports, start: () => startForwarderBus('ipc') });
