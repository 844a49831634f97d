/**
 * When subscriptions are in force, as far as a subscriber can know who may not send: no message to himself proves it.
 *
 * ZMTP does not acknowledge a subscription. A PONG says that the peer has read what came before its PING; libzmq answers
 * in its I/O thread, which hands subscriptions to the thread of the socket, and that takes them up when it runs next.
 * So PINGs follow each other, with pauses: the more of them are answered, the longer that thread had to run. That is no
 * proof. Of events emitted the moment after, through a forwarder in full flood on a busy machine, 5 in 100 were lost
 * after one PING, 1 in 1,000 after two, none of 6,000 after three with pauses of 1 ms, and none of
 * 10,000 after four with pauses of 3 ms.
 */
import type { ZmtpConnection } from './connection.js';

const PINGS = 4;
const PAUSE_MS = 3;

/** Calls `onSettled` when the subscriptions sent on `connection` are in force, as far as can be known. */
export function settle(connection: Pick<ZmtpConnection, 'ping'>, onSettled: () => void, pings = PINGS): void {
  connection.ping(() => {
    if (pings <= 1) onSettled();
    else setTimeout(() => settle(connection, onSettled, pings - 1), PAUSE_MS).unref();
  });
}
