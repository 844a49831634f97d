/** When an address can be bound again that a native socket had. */
import type { Socket } from 'zeromq';

/**
 * Resolves when libzmq has given up the socket's listener. It does so some time after the socket is closed, on its
 * I/O thread: whoever binds the address again at once without waiting fails about once in fifteen times.
 *
 * A monitor is opened only for this last moment: one that is left unread for long would block the I/O thread.
 */
export function whenReleased(socket: Socket): Promise<void> {
  const { events } = socket;
  return new Promise((resolve) => {
    // What libzmq kept of a million topics takes it seconds to free after this.
    events.on('close', () => resolve());
    // Comes last, also for a socket that was never bound.
    events.on('end', () => resolve());
  });
}
