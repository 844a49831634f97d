/**
 * Which driver an emitter gets: the built-in ones by name, or one of the user's own. Only the one that speaks CURVE is
 * given keys: they are no part of the contract, so that no other code ever has them.
 */
import type { ClientKeys } from '../keys.js';
import { createMemoryTransport } from './memory.js';
import type { TransportFactory } from './transport.js';
import { createZmtpTransport } from './zmtp/zmtp.js';

export function selectTransport(
  choice: 'zmtp' | 'memory' | TransportFactory,
  keys: ClientKeys | undefined,
): TransportFactory {
  switch (choice) {
    case 'zmtp':
      return (context) => createZmtpTransport(context, { keys });
    case 'memory':
      return createMemoryTransport();
    default:
      return choice;
  }
}
