/**
 * Makes one connected socket, or says in plain words why not.
 */
import { connect, type NetConnectOpts, type OnReadOpts, type Socket } from 'node:net';
import { type Endpoint, toDialable } from '../../address.js';
import type { DemitterError } from '../../errors.js';
import { deadline } from './deadline.js';
import { describeSocketError, networkError } from './protocol-error.js';

/**
 * What one read takes at most. Reading into the same memory again and again costs a tenth less of receiving than new
 * memory for each read, as Node has it by default. It is the least that a connection needs until it has much to read.
 */
const MIN_READ_BYTES = 4 * 1024;
const MAX_READ_BYTES = 64 * 1024;

export interface DialHandlers {
  onConnected(socket: Socket): void;
  /** Where to read to next, if anywhere in particular. */
  readTarget(): Buffer | undefined;
  /** Something was read, there or elsewhere. The bytes are only valid during the call. */
  onRead(chunk: Buffer): void;
  onFailed(cause: DemitterError): void;
}

/**
 * Dials `endpoint`; exactly one handler is called, later.
 *
 * @returns a function that gives up; after it, no handler is called.
 */
export function dial(endpoint: Endpoint, timeoutMs: number, handlers: DialHandlers): () => void {
  const socket = connect({ ...connectOptions(toDialable(endpoint)), onread: reader(handlers) });
  const cancelTimeout = deadline(timeoutMs, () => fail(networkError(`no answer within ${timeoutMs} ms`)));
  const onError = (error: Error): void => fail(networkError(describeSocketError(error), error));

  function settle(): void {
    cancelTimeout();
    socket.off('error', onError);
  }
  function fail(cause: DemitterError): void {
    giveUp();
    handlers.onFailed(cause);
  }
  function giveUp(): void {
    settle();
    // An attempt at another address of the same name may still fail after this.
    socket.on('error', () => undefined);
    socket.destroy();
  }

  socket.on('error', onError);
  socket.once('connect', () => {
    settle();
    handlers.onConnected(socket);
  });
  return giveUp;
}

function reader(handlers: DialHandlers): OnReadOpts {
  let memory: Buffer<ArrayBufferLike> = Buffer.allocUnsafeSlow(MIN_READ_BYTES);
  let next = memory;
  return {
    buffer() {
      next = handlers.readTarget() ?? memory;
      return next;
    },
    callback(bytes) {
      const chunk = next.subarray(0, bytes);
      if (bytes === memory.length && bytes < MAX_READ_BYTES) memory = Buffer.allocUnsafeSlow(MAX_READ_BYTES);
      handlers.onRead(chunk);
      return true;
    },
  };
}

function connectOptions(endpoint: Endpoint): NetConnectOpts {
  if (endpoint.protocol === 'ipc') return { path: endpoint.path };
  // A name may have IPv6 and IPv4 addresses, of which the forwarder listens on one: all are tried in turn.
  return { host: endpoint.host, port: endpoint.port, autoSelectFamily: true };
}
