/** Keys for tests, and both ends that have them: our client, and zeromq.js sockets as servers. */
import type * as zmq from 'zeromq';
import { type ClientKeys, formatKey, type KeyPair, makeKeyPair } from '../../src/keys.js';
import { CurveClient } from '../../src/transport/zmtp/curve-client.js';
import type { SocketType } from '../../src/transport/zmtp/handshake.js';
import { loadSodium } from '../../src/transport/zmtp/sodium.js';

export const SERVER = makeKeyPair();

/** Of a client that knows `server`. */
export function clientKeys(server: KeyPair = SERVER): ClientKeys {
  return { ...makeKeyPair(), serverKey: server.publicKey };
}

/** The option `security` of an emitter with `keys`. */
export function securityOf({ serverKey, secretKey }: ClientKeys): { serverKey: string; secretKey: string } {
  return { serverKey: formatKey(serverKey), secretKey: formatKey(secretKey.bytes) };
}

/** Options that make a zeromq.js socket a CURVE server. */
export function curveServer(server: KeyPair = SERVER): Partial<zmq.Publisher> {
  return { curveServer: true, curveSecretKey: formatKey(server.secretKey.bytes) };
}

export async function curveClient(socketType: SocketType, keys = clientKeys()): Promise<CurveClient> {
  return new CurveClient(await loadSodium(), keys, socketType);
}
