import { startForwarderBus } from '../support/zmtp-forwarder-bus.js';
import { describeTransport } from './transport-suite.js';

const supports = { processes: true, reconnects: true };

describeTransport('zmtp over TCP', { supports, start: () => startForwarderBus('tcp') });
describeTransport('zmtp over Unix sockets', { supports, start: () => startForwarderBus('ipc') });
