/** Does anybody listen at an address? Asked by dialling it: a busy process answers too, its kernel does it. */
import { connect } from 'node:net';
import { type Endpoint, toDialable } from '../address.js';
import { codeOf } from './bind.js';

/** Longer than any answer of this machine takes. */
const TIMEOUT_MS = 1000;

/** What says neither yes nor no: a full backlog, a socket of somebody else's. It may well be alive. */
const UNSURE: ReadonlySet<string | undefined> = new Set(['EAGAIN', 'EACCES', 'EPERM']);

export function isListening(endpoint: Endpoint): Promise<boolean> {
  const dialable = toDialable(endpoint);
  return new Promise((resolve) => {
    const socket =
      dialable.protocol === 'ipc'
        ? connect({ path: dialable.path })
        : connect({ host: dialable.host, port: dialable.port, autoSelectFamily: true });
    const settle = (answer: boolean): void => {
      clearTimeout(timer);
      // A name has several addresses: an attempt at another one may still fail after this.
      socket.on('error', () => undefined);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => settle(true), TIMEOUT_MS);
    socket.once('connect', () => settle(true));
    socket.once('error', (error) => settle(UNSURE.has(codeOf(error))));
  });
}
