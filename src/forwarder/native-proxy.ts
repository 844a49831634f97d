/**
 * ZeroMQ's native proxy, run in this process: no JavaScript per message.
 *
 * The subscribers' side, called XPUB everywhere, is a PUB socket, which speaks the same protocol to them. An XPUB
 * would send every subscription on to every publisher, which needs none of them, as XSUB subscribes to everything:
 * with 1,000 emitters of 10 topics each that made 5.7 s of 1.6 s, 2.1 s of CPU of 0.15 s and 145 MB of 50 MB. Nor
 * does a PUB pass what a subscriber sends, other than subscriptions, on to the publishers.
 *
 * The binding has hazards that end the whole process: a handle that is garbage-collected while it runs aborts, and
 * an exit while it runs hangs for ever. This file is where they are contained; nothing else touches a socket.
 * Cost, measured: 8 MB and 20 ms for the native module; then under 1 MB, 1 ms and one thread of the libuv pool each.
 */
import type { Context, Proxy as NativeProxy, Publisher, XSubscriber } from 'zeromq';
import { formatEndpoint } from '../address.js';
import { DemitterError } from '../errors.js';
import type { SocketSecurity } from './access/gate.js';
import { bindSocket } from './bind.js';
import type { BareProxy, ProxySettings, Side } from './settings.js';
import { whenReleased } from './when-released.js';

type Zeromq = typeof import('zeromq');

/** Subscribes to everything: one byte, as every subscription on the wire, and no topic. */
const SUBSCRIBE_TO_ALL = Buffer.from([1]);

/**
 * How long messages that wait for a subscriber may hold up the end of its connection, and so that of the process.
 * The binding prints a warning when the process waits for more than 500 ms.
 */
const LINGER_MS = 250;

/** TCP keep-alive: finds peers that vanished, and is answered by their kernel however busy their event loop is. */
const KEEPALIVE = { tcpKeepalive: 1, tcpKeepaliveIdle: 30, tcpKeepaliveInterval: 10, tcpKeepaliveCount: 3 };

/**
 * The largest message that a subscriber may send. Subscriptions and commands are all that it has to: an emitter's
 * longest topic has 4,096 bytes. libzmq keeps a topic as a tree with a node of some 48 bytes for each of its bytes,
 * so that one of 10 MB cost 477 MB.
 */
const MAX_SUBSCRIPTION_BYTES = 8 * 1024;

/**
 * How many subscriptions of one connection wait for the proxy's thread. It takes all that wait before it looks at
 * anything else, and while it does, as many come again: with 64, and with libzmq's default of 1,000, a flood of
 * topics of 4,000 bytes held up all messages for as long as it lasted. With 8 they passed, with a p99 of 70 to 130
 * ms. With 1 it was 25 ms, but those who belong needed six times as long for 10,000 topics.
 */
const MAX_WAITING_SUBSCRIPTIONS = 8;

/** libzmq's number of the option, which the binding does not give to a PUB socket. */
const ZMQ_RCVHWM = 24;

/**
 * A peer whose kernel has not taken anything for so long is dropped, and what waits for it is freed. An event loop
 * may be blocked for as long; who was blocked for longer dials again and asks the history for what it missed, which
 * holds as much by default.
 */
const MAX_STALL_MS = 60_000;

/** Every running proxy: keeps its handle from the garbage collector, and ends it when the process exits. */
const running = new Set<NativeProxy>();

/** How the sockets of a guarded proxy are made. */
export interface Guard {
  readonly context: Context;
  securityOf(side: Side): SocketSecurity;
}

/** See {@link BareProxy}. The caller is to see that a thread of the libuv pool is free for it. */
export async function startNativeProxy(settings: ProxySettings, guard?: Guard): Promise<BareProxy> {
  const zmq = await import('zeromq');
  const { xsub, xpub } = openSockets(zmq, settings, guard);
  try {
    const xsubEndpoint = await bindSocket(xsub, settings.xsub);
    const xpubEndpoint = await bindSocket(xpub, settings.xpub);
    // XSUB repeats its subscriptions to every publisher that connects later.
    await xsub.send(SUBSCRIBE_TO_ALL);
    const proxy = new zmq.Proxy(xsub, xpub);
    const run = proxy.run();
    hold(proxy);
    return new NativeRunningProxy(proxy, run, formatEndpoint(xsubEndpoint), formatEndpoint(xpubEndpoint));
  } catch (error) {
    const released = [whenReleased(xsub), whenReleased(xpub)];
    xsub.close();
    xpub.close();
    await Promise.all(released);
    throw error;
  }
}

/** Options are set after construction: a bad one then throws, where in a constructor it would crash at exit. */
function openSockets(
  zmq: Zeromq,
  settings: ProxySettings,
  guard: Guard | undefined,
): { xsub: XSubscriber; xpub: Publisher } {
  // Without one in the global context, as the binding never ends another one's threads before the process ends.
  // An object for each: the constructor takes the context out of it.
  const options = () => guard && { context: guard.context };
  const xsub = new zmq.XSubscriber(options());
  const xpub = createPublisher(zmq, options());
  for (const socket of [xsub, xpub]) {
    Object.assign(socket, KEEPALIVE, {
      linger: LINGER_MS,
      tcpMaxRetransmitTimeout: MAX_STALL_MS,
      handshakeInterval: settings.handshakeInterval,
      backlog: 1024,
    });
  }
  xsub.maxMessageSize = settings.maxMessageBytes;
  xpub.maxMessageSize = MAX_SUBSCRIPTION_BYTES;
  Object.assign(xsub, guard?.securityOf('xsub'));
  Object.assign(xpub, guard?.securityOf('xpub'));
  xsub.receiveHighWaterMark = settings.highWaterMark;
  xpub.sendHighWaterMark = settings.highWaterMark;
  return { xsub, xpub };
}

function createPublisher(zmq: Zeromq, options: { readonly context: Context } | undefined): Publisher {
  class SubscribersSide extends zmq.Publisher {
    constructor() {
      super(options);
      this.setInt32Option(ZMQ_RCVHWM, MAX_WAITING_SUBSCRIPTIONS);
    }
  }
  return new SubscribersSide();
}

class NativeRunningProxy implements BareProxy {
  readonly kind = 'process';
  readonly pid = process.pid;
  readonly xsubAddress: string;
  readonly xpubAddress: string;
  readonly ended: Promise<DemitterError | undefined>;
  readonly #proxy: NativeProxy;
  #stopping: Promise<void> | undefined;

  constructor(proxy: NativeProxy, run: Promise<void>, xsubAddress: string, xpubAddress: string) {
    this.#proxy = proxy;
    this.xsubAddress = xsubAddress;
    this.xpubAddress = xpubAddress;
    this.ended = this.#watch(run);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    if (!running.has(this.#proxy)) return;
    const released = [whenReleased(this.#proxy.frontEnd), whenReleased(this.#proxy.backEnd)];
    // The proxy's own thread may have ended in this very moment, which is what we want.
    terminate(this.#proxy);
    await this.ended;
    await Promise.all(released);
  }

  async #watch(run: Promise<void>): Promise<DemitterError | undefined> {
    let cause: unknown;
    try {
      await run;
    } catch (error) {
      cause = error;
    }
    release(this.#proxy);
    if (this.#stopping !== undefined) return undefined;
    return new DemitterError('DEMITTER_FORWARDER_FAILED', 'the proxy ended although nobody closed it', {
      cause,
    });
  }
}

/** An exit with a running proxy would hang: libzmq waits for sockets that the proxy's thread holds. */
function terminateAll(): void {
  for (const proxy of running) terminate(proxy);
}

function terminate(proxy: NativeProxy): void {
  try {
    proxy.terminate();
  } catch (error) {
    if (running.has(proxy)) throw error;
  }
}

function hold(proxy: NativeProxy): void {
  if (running.size === 0) process.on('exit', terminateAll);
  running.add(proxy);
}

function release(proxy: NativeProxy): void {
  running.delete(proxy);
  if (running.size === 0) process.off('exit', terminateAll);
}
