/**
 * One connection that is made, and made again whenever it breaks, until it is closed.
 */
import type { Socket } from 'node:net';
import { type Endpoint, formatEndpoint } from '../../address.js';
import { DemitterError, type DemitterErrorCode, isSecurityCode } from '../../errors.js';
import { Backoff } from './backoff.js';
import { ZmtpConnection } from './connection.js';
import { dial } from './dial.js';
import type { SocketType } from './handshake.js';
import type { HeartbeatTiming } from './heartbeat.js';
import type { Mechanism } from './mechanism.js';

/** How long things may take. Milliseconds. */
export interface LinkTiming {
  /** For the network to make a connection. */
  readonly connectTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  /** The first attempt after a break comes this soon or up to `firstRetryMs`; later ones take up to `maxRetryMs`. */
  readonly minRetryMs: number;
  readonly firstRetryMs: number;
  readonly maxRetryMs: number;
  /** After a refusal, which stands until somebody changes something: this long, or up to a quarter longer. */
  readonly refusedRetryMs: number;
  /** A connection that lasted this long was good: the back-off begins anew. */
  readonly stableAfterMs: number;
  /** When a peer that has gone silent is given up. */
  readonly heartbeat: HeartbeatTiming;
}

/**
 * A forwarder that listens again is found within 300 ms, the longest pause between two attempts, and the handshake of
 * some milliseconds follows: well under half a second. A packet lost in a partition does not hold an attempt for more
 * than 2 s. A silent peer is given up after 2 to 2.5 s, so that the link is `down` within the contract's 3 s.
 */
export const DEFAULT_TIMING: LinkTiming = {
  connectTimeoutMs: 2_000,
  handshakeTimeoutMs: 5_000,
  minRetryMs: 10,
  firstRetryMs: 50,
  maxRetryMs: 300,
  refusedRetryMs: 1_000,
  stableAfterMs: 1_000,
  heartbeat: { intervalMs: 500, maxSilentTicks: 4 },
};

export interface LinkOptions {
  readonly socketType: SocketType;
  readonly endpoint: Endpoint;
  /** For one connection. */
  readonly createMechanism: () => Mechanism;
  readonly maxMessageBytes: number;
  readonly timing: LinkTiming;
  readonly random: () => number;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
}

export interface LinkHandlers {
  onUp(connection: ZmtpConnection): void;
  /** A connection broke, or could not be made: once per attempt. */
  onDown(cause: DemitterError): void;
  onMessage?(message: Buffer, yours: boolean): void;
  onDropped?(cause: DemitterError): void;
  onWritten?(): void;
  onSubscription?(prefix: Buffer, change: 'subscribe' | 'cancel'): void;
}

type State =
  | { readonly name: 'idle' | 'closed' }
  | { readonly name: 'dialling'; readonly giveUp: () => void }
  | { readonly name: 'shaking hands'; readonly connection: ZmtpConnection }
  | { readonly name: 'up'; readonly connection: ZmtpConnection; readonly since: number }
  | { readonly name: 'waiting'; readonly timer: NodeJS.Timeout };

export class ZmtpLink {
  readonly #options: LinkOptions;
  readonly #handlers: LinkHandlers;
  readonly #backoff: Backoff;
  #state: State = { name: 'idle' };
  /** Of the connection that broke last. */
  #lostBytes = 0;
  /** Handshakes in a row that CURVE ended. */
  #curveFailures = 0;

  constructor(options: LinkOptions, handlers: LinkHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    const { minRetryMs, firstRetryMs, maxRetryMs } = options.timing;
    this.#backoff = new Backoff({
      minDelayMs: minRetryMs,
      firstCeilingMs: firstRetryMs,
      maxCeilingMs: maxRetryMs,
      random: options.random,
    });
  }

  /** The connection, while there is one that has shaken hands. */
  get connection(): ZmtpConnection | undefined {
    return this.#state.name === 'up' ? this.#state.connection : undefined;
  }

  /** As {@link Transport.unconfirmedBytes}. */
  get unconfirmedBytes(): number {
    return this.connection?.unconfirmedBytes ?? this.#lostBytes;
  }

  /** Dials. Once, from the beginning, and by itself after each break. */
  dial(): void {
    const { endpoint, timing } = this.#options;
    let connection: ZmtpConnection | undefined;
    const giveUp = dial(endpoint, timing.connectTimeoutMs, {
      onConnected: (socket) => {
        connection = this.#shakeHands(socket);
      },
      readTarget: () => connection?.readTarget,
      onRead: (chunk) => connection?.receive(chunk),
      onFailed: (cause) => this.#broken(cause),
    });
    this.#state = { name: 'dialling', giveUp };
  }

  /** Ends for good. A connection that is up sends what it has, for at most `timeoutMs`. Returns the unconfirmed bytes. */
  async close(timeoutMs: number): Promise<number> {
    const state = this.#state;
    this.#lostBytes = 0;
    this.#state = { name: 'closed' };
    if (state.name === 'dialling') state.giveUp();
    else if (state.name === 'waiting') clearTimeout(state.timer);
    else if (state.name === 'shaking hands') state.connection.destroy();
    else if (state.name === 'up') return state.connection.end(timeoutMs);
    return 0;
  }

  #shakeHands(socket: Socket): ZmtpConnection {
    const { socketType, maxMessageBytes, timing, now } = this.#options;
    const handlers = this.#handlers;
    const { handshakeTimeoutMs, heartbeat } = timing;
    const mechanism = this.#options.createMechanism();
    const options = { socketType, mechanism, maxMessageBytes, handshakeTimeoutMs, heartbeat };
    const connection = new ZmtpConnection(socket, options, {
      ...handlers,
      onReady: () => {
        this.#state = { name: 'up', connection, since: now() };
        handlers.onUp(connection);
      },
      onFailed: (cause) => this.#broken(cause),
    });
    this.#state = { name: 'shaking hands', connection };
    return connection;
  }

  #broken(cause: DemitterError): void {
    const { endpoint, socketType, timing, now } = this.#options;
    const wasUp = this.#state.name === 'up';
    if (this.#state.name === 'up') this.#lostBytes = this.#state.connection.unconfirmedBytes;
    if (this.#state.name === 'up' && now() - this.#state.since >= timing.stableAfterMs) this.#backoff.reset();
    this.#curveFailures = !wasUp && cause.code === 'DEMITTER_CURVE' ? this.#curveFailures + 1 : 0;
    // One alone may be a forwarder that died in mid-handshake: that is no matter of security, and dialled again at once.
    const code = this.#curveFailures === 1 ? 'DEMITTER_NETWORK' : cause.code;
    this.#state = { name: 'waiting', timer: setTimeout(() => this.dial(), this.#pauseAfter(code)) };
    const peer = `the forwarder's ${socketType === 'PUB' ? 'XSUB' : 'XPUB'} at ${formatEndpoint(endpoint)}`;
    this.#handlers.onDown(
      new DemitterError(
        code,
        `${wasUp ? 'Lost the link to' : 'Cannot connect to'} ${peer}: ${cause.message}`,
        { cause: cause.cause ?? cause },
      ),
    );
  }

  #pauseAfter(code: DemitterErrorCode): number {
    const { timing, random } = this.#options;
    if (!isSecurityCode(code)) return this.#backoff.next();
    this.#backoff.reset();
    return timing.refusedRetryMs * (1 + random() / 4);
  }
}
