/**
 * ZeroMQ's authentication protocol (rfc.zeromq.org/spec/27): libzmq asks here, before it lets a peer in.
 *
 * There is one handler for each context, so all forwarders of this process share one; the domain tells them and their
 * sides apart. The context is our own and not the one that the zeromq package gives everybody: in that one, the
 * application may have a handler itself, and ours would be asked about the application's sockets. A context costs two
 * threads, which the binding ends with the process only; so there is one, made when it is first needed.
 *
 * Answers come from this event loop. While it is blocked, nobody gets in; who is in notices nothing. libzmq asks again
 * for nobody: without a handler, or if it has no answer, nobody gets in either (`zapEnforceDomain`).
 */
import type { Context, Reply } from 'zeromq';
import type { Side } from '../settings.js';
import { whenReleased } from '../when-released.js';

type Zeromq = typeof import('zeromq');

/** What libzmq knows of a peer that knocks. */
export interface ZapRequest {
  readonly side: Side;
  /** As the system writes it; over a Unix socket, nothing of use. */
  readonly address: string;
  readonly mechanism: string;
  /** With CURVE: the public key, 32 bytes. */
  readonly credentials: readonly Buffer[];
}

/** Whether the peer may connect. Must not throw. */
export type Judge = (request: ZapRequest) => boolean;

/** A forwarder's place at the handler. */
export interface ZapPlace {
  /** What its sockets have to be made in. */
  readonly context: Context;
  /** What a socket is to call itself, so that it is asked about here. */
  domainOf(side: Side): string;
  /** To be called when the sockets are gone. */
  leave(): Promise<void>;
}

const ADDRESS = 'inproc://zeromq.zap.01';
const VERSION = '1.0';

/** The sides of all forwarders, by domain. */
const domains = new Map<string, { readonly side: Side; readonly judge: Judge }>();
let context: Context | undefined;
let handler: Reply | undefined;
let places = 0;
let nextNumber = 1;
/** The handler begins and ends in turns: an address is bound again only when it is free. */
let turn: Promise<void> = Promise.resolve();

/** Makes `judge` be asked about every peer of the sockets that are made as the place says. */
export async function joinZap(zmq: Zeromq, judge: Judge): Promise<ZapPlace> {
  context ??= new zmq.Context();
  places += 1;
  const name = `demitter-${nextNumber++}`;
  const domainOf = (side: Side): string => `${name}.${side}`;
  for (const side of ['xsub', 'xpub'] as const) domains.set(domainOf(side), { side, judge });
  const leave = async (): Promise<void> => {
    for (const side of ['xsub', 'xpub'] as const) domains.delete(domainOf(side));
    places -= 1;
    await inTurn(closeHandler);
  };
  try {
    await inTurn(() => openHandler(zmq, context as Context));
  } catch (error) {
    await leave();
    throw error;
  }
  return { context, domainOf, leave };
}

function inTurn(step: () => void | Promise<void>): Promise<void> {
  const done = turn.then(step);
  turn = done.catch(() => undefined);
  return done;
}

function openHandler(zmq: Zeromq, own: Context): void {
  if (handler !== undefined) return;
  const socket = new zmq.Reply({ context: own });
  try {
    socket.linger = 0;
    socket.bindSync(ADDRESS);
  } catch (error) {
    socket.close();
    throw error;
  }
  handler = socket;
  void answerAll(socket);
}

/** A pending `receive` would keep the process alive. */
async function closeHandler(): Promise<void> {
  if (handler === undefined || places > 0) return;
  const released = whenReleased(handler);
  handler.close();
  handler = undefined;
  await released;
}

async function answerAll(socket: Reply): Promise<void> {
  try {
    for (;;) {
      const request = await socket.receive();
      await socket.send(answer(request));
    }
  } catch (error) {
    // Closing it ends what it waits for.
    if (!socket.closed) throw error;
  }
}

/** An answer has no metadata: nobody behind the proxy would see it. */
function answer([, id, ...request]: readonly Buffer[]): (string | Buffer)[] {
  const [code, text] = isAdmitted(request) ? (['200', 'OK'] as const) : (['400', 'refused'] as const);
  return [VERSION, id ?? '', code, text, '', ''];
}

function isAdmitted([domain, address, , mechanism, ...credentials]: readonly Buffer[]): boolean {
  const forwarder = domains.get(`${domain}`);
  if (forwarder === undefined) return false;
  const { side, judge } = forwarder;
  return judge({ side, address: `${address}`, mechanism: `${mechanism}`, credentials });
}
