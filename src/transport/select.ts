/** Which driver an emitter gets: the built-in ones by name, or one of the user's own. */
import { createMemoryTransport } from './memory.js';
import type { TransportFactory } from './transport.js';
import { createZmtpTransport } from './zmtp/zmtp.js';

export function selectTransport(choice: 'zmtp' | 'memory' | TransportFactory): TransportFactory {
  switch (choice) {
    case 'zmtp':
      return createZmtpTransport;
    case 'memory':
      return createMemoryTransport();
    default:
      return choice;
  }
}
