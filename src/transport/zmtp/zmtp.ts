/**
 * The default transport: a publisher's and a subscriber's connection to a forwarder, spoken in ZMTP over `node:net`.
 *
 * The link is up while both connections are. One that breaks is made again by itself and the other is kept: a
 * forwarder that died takes both with it anyway, while a connection that only lost its neighbour still carries
 * messages, and dropping it would lose those that are on their way.
 */
import { ENDPOINT_FORM, type Endpoint, parseEndpoint } from '../../address.js';
import { type DemitterError, type DemitterErrorCode, isSecurityError } from '../../errors.js';
import type { ClientKeys } from '../../keys.js';
import { mayReceive, maySend, type Rights } from '../../rights.js';
import type {
  LinkStatus,
  Transport,
  TransportContext,
  TransportHandlers,
  TransportSupport,
} from '../transport.js';
import type { ZmtpConnection } from './connection.js';
import { LONG_HEADER_BYTES } from './frames.js';
import type { SocketType } from './handshake.js';
import { DEFAULT_TIMING, type LinkTiming, ZmtpLink } from './link.js';
import type { Mechanism } from './mechanism.js';
import { NullMechanism } from './null-mechanism.js';
import { curveError } from './protocol-error.js';
import { settle } from './settling.js';

/** Bytes waiting at which `send` asks for a pause, and at which it is over. */
const HIGH_WATER_MARK = 256 * 1024;
const LOW_WATER_MARK = HIGH_WATER_MARK / 2;

const SUPPORTS: TransportSupport = { processes: true, reconnects: true, headroom: LONG_HEADER_BYTES };

/** What a test may want to decide, and keys. */
export interface ZmtpDependencies {
  /** With them, CURVE and nothing else; without them, NULL and nothing else. */
  readonly keys: ClientKeys | undefined;
  readonly random: () => number;
  readonly now: () => number;
  readonly timing: LinkTiming;
}

/** @throws TypeError if an address of `context` is none. */
export function createZmtpTransport(
  context: TransportContext,
  dependencies: Partial<ZmtpDependencies> = {},
): Transport {
  return new ZmtpTransport(context, {
    keys: undefined,
    random: Math.random,
    now: () => performance.now(),
    timing: DEFAULT_TIMING,
    ...dependencies,
  });
}

/** `opening`: no report was made yet. */
type State = 'idle' | 'opening' | LinkStatus | 'closed';

type MechanismFactory = (socketType: SocketType) => Mechanism;

class ZmtpTransport implements Transport {
  readonly supports = SUPPORTS;
  readonly #maxMessageBytes: number;
  readonly #keys: ClientKeys | undefined;
  /** With keys, only when libsodium is loaded: there is no connection before. */
  #mechanismFor: MechanismFactory | undefined;
  readonly #rights: Rights;
  readonly #publisher: ZmtpLink;
  readonly #subscriber: ZmtpLink;
  /** In the order in which they were made; the keys are the same bytes as text. */
  readonly #subscriptions = new Map<string, Uint8Array>();
  #state: State = 'idle';
  #handlers: TransportHandlers | undefined;
  /** Where to send; only while the link is up. */
  #output: ZmtpConnection | undefined;
  /** `waiting`: `send` returned `false` and owes an `onDrain`. */
  #flow: 'free' | 'waiting' = 'free';
  /** What was told of each side, while it stands. */
  readonly #securityFailures = new Map<SocketType, DemitterErrorCode>();
  #subscriptionFlush: 'none' | 'scheduled' = 'none';
  /** Subscriptions made so far, on whatever connection; and how many of them are known to be in force on the present one. */
  #subscribed = 0;
  #settled = 0;
  /** Whether the forwarder has subscribed to everything, and who waits for that. */
  #isHeard = false;
  #waitingToBeHeard: (() => void)[] = [];
  #closing: Promise<number> | undefined;

  constructor(context: TransportContext, dependencies: ZmtpDependencies) {
    const { maxMessageBytes, rights = 'both' } = context;
    this.#maxMessageBytes = maxMessageBytes;
    this.#rights = rights;
    this.#keys = dependencies.keys;
    const createMechanism = (socketType: SocketType) => (): Mechanism =>
      (this.#mechanismFor as MechanismFactory)(socketType);
    this.#publisher = new ZmtpLink(
      {
        ...dependencies,
        maxMessageBytes,
        socketType: 'PUB',
        createMechanism: createMechanism('PUB'),
        endpoint: endpointOf('xsubAddress', context.xsubAddress),
      },
      {
        onUp: () => {
          this.#isHeard = false;
          this.#waitingToBeHeard = [];
          this.#linkUp('PUB');
        },
        onDown: (cause) => this.#linkDown('PUB', cause),
        onWritten: () => this.#written(),
        onSubscription: (prefix, change) => {
          if (prefix.length === 0 && change === 'subscribe') this.#heard();
        },
      },
    );
    this.#subscriber = new ZmtpLink(
      {
        ...dependencies,
        maxMessageBytes,
        socketType: 'SUB',
        createMechanism: createMechanism('SUB'),
        endpoint: endpointOf('xpubAddress', context.xpubAddress),
      },
      {
        onUp: (connection) => this.#subscribeAgain(connection),
        onDown: (cause) => this.#linkDown('SUB', cause),
        onMessage: (message, yours) => this.#handlers?.onMessage(message, yours),
        onDropped: (cause) => this.#handlers?.onDropped?.(cause),
      },
    );
  }

  get unconfirmedBytes(): number {
    return this.#publisher.unconfirmedBytes;
  }

  open(handlers: TransportHandlers): void {
    if (this.#state === 'closed') return;
    if (this.#state !== 'idle') throw new Error('A transport can be opened only once');
    this.#state = 'opening';
    this.#handlers = handlers;
    if (this.#keys !== undefined) {
      void this.#dialWithKeys(this.#keys);
      return;
    }
    this.#mechanismFor = (socketType) => new NullMechanism(socketType);
    this.#dial();
  }

  async #dialWithKeys(keys: ClientKeys): Promise<void> {
    try {
      // Who has no keys pays nothing for them.
      const [{ CurveClient }, { loadSodium }] = await Promise.all([
        import('./curve-client.js'),
        import('./sodium.js'),
      ]);
      const sodium = await loadSodium();
      this.#mechanismFor = (socketType) => new CurveClient(sodium, keys, socketType);
    } catch (cause) {
      this.#linkDown('PUB', curveError('libsodium, which CURVE needs, cannot be loaded', cause));
      return;
    }
    // It may have been closed meanwhile.
    if (this.#state === 'opening') this.#dial();
  }

  #dial(): void {
    if (this.#sends) this.#publisher.dial();
    if (this.#receives) this.#subscriber.dial();
  }

  subscribe(prefix: Uint8Array): void {
    const key = keyOf(prefix);
    if (this.#state === 'closed' || this.#subscriptions.has(key)) return;
    // A copy: it is needed again on every new link, and the caller's bytes stay the caller's.
    const bytes = Buffer.from(prefix);
    this.#subscriptions.set(key, bytes);
    this.#subscribed += 1;
    this.#tell(bytes, 'subscribe');
  }

  unsubscribe(prefix: Uint8Array): void {
    if (this.#subscriptions.delete(keyOf(prefix))) this.#tell(prefix, 'cancel');
  }

  send(message: Uint8Array, headroom = 0): boolean {
    if (message.length > this.#maxMessageBytes) {
      throw new RangeError(
        `A message of ${message.length} bytes is over the limit of ${this.#maxMessageBytes}`,
      );
    }
    const output = this.#output;
    if (output === undefined) return true;
    output.send(message, headroom);
    if (output.bufferedBytes < HIGH_WATER_MARK) return true;
    output.flush();
    this.#flow = 'waiting';
    return false;
  }

  flush(): void {
    // First, so that what is sent does not arrive before what it is to meet.
    if (this.#subscriptionFlush === 'scheduled') this.#subscriber.connection?.flush();
    this.#output?.flush();
  }

  confirm(onConfirmed: () => void): void {
    this.#confirmSubscriptions(() => this.#confirmSending(onConfirmed));
  }

  close(timeoutMs: number): Promise<number> {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  async #close(timeoutMs: number): Promise<number> {
    this.#state = 'closed';
    this.#handlers = undefined;
    this.#output = undefined;
    this.#subscriptions.clear();
    const [unconfirmedBytes] = await Promise.all([
      this.#publisher.close(timeoutMs),
      this.#subscriber.close(0),
    ]);
    return unconfirmedBytes;
  }

  get #sends(): boolean {
    return maySend(this.#rights);
  }

  get #receives(): boolean {
    return mayReceive(this.#rights);
  }

  #linkUp(side: SocketType): void {
    this.#securityFailures.delete(side);
    const output = this.#publisher.connection;
    if (this.#sends && output === undefined) return;
    if (this.#receives && this.#subscriber.connection === undefined) return;
    this.#output = output;
    this.#report('up');
    if (this.#flow === 'waiting') this.#drained();
  }

  #linkDown(side: SocketType, cause: DemitterError): void {
    this.#output = undefined;
    if (!isSecurityError(cause)) {
      this.#securityFailures.delete(side);
    } else if (this.#securityFailures.get(side) !== cause.code) {
      this.#securityFailures.set(side, cause.code);
      this.#handlers?.onSecurityFailure?.(cause);
    }
    if (this.#state !== 'down') this.#report('down', cause);
  }

  #report(status: LinkStatus, cause?: Error): void {
    this.#state = status;
    this.#handlers?.onStatus(status, cause);
  }

  #confirmSubscriptions(then: () => void): void {
    const { connection } = this.#subscriber;
    if (connection === undefined) {
      if (!this.#receives) then();
      return;
    }
    const made = this.#subscribed;
    const isSettled = this.#settled >= made;
    const onAnswered = (): void => {
      if (this.#subscriber.connection !== connection) return;
      this.#settled = Math.max(this.#settled, made);
      then();
    };
    if (isSettled) connection.ping(onAnswered);
    else settle(connection, onAnswered);
  }

  #confirmSending(then: () => void): void {
    const { connection } = this.#publisher;
    if (connection === undefined) {
      if (!this.#sends) then();
      return;
    }
    connection.ping(() => {
      if (this.#publisher.connection !== connection) return;
      if (this.#isHeard) then();
      else this.#waitingToBeHeard.push(then);
    });
  }

  #heard(): void {
    const waiting = this.#waitingToBeHeard;
    this.#isHeard = true;
    this.#waitingToBeHeard = [];
    for (const then of waiting) then();
  }

  #subscribeAgain(connection: ZmtpConnection): void {
    this.#settled = 0;
    for (const prefix of this.#subscriptions.values()) connection.changeSubscription(prefix, 'subscribe');
    connection.flush();
    this.#linkUp('SUB');
  }

  /** Many subscriptions in one turn leave in one write. */
  #tell(prefix: Uint8Array, change: 'subscribe' | 'cancel'): void {
    const connection = this.#subscriber.connection;
    if (connection === undefined) return;
    connection.changeSubscription(prefix, change);
    if (this.#subscriptionFlush === 'scheduled') return;
    this.#subscriptionFlush = 'scheduled';
    process.nextTick(() => {
      this.#subscriptionFlush = 'none';
      this.#subscriber.connection?.flush();
    });
  }

  #written(): void {
    const output = this.#output;
    if (this.#flow === 'waiting' && output !== undefined && output.bufferedBytes <= LOW_WATER_MARK)
      this.#drained();
  }

  #drained(): void {
    this.#flow = 'free';
    this.#handlers?.onDrain();
  }
}

function endpointOf(option: string, address: string): Endpoint {
  const endpoint = parseEndpoint(address);
  if (typeof endpoint !== 'string') return endpoint;
  throw new TypeError(
    `Expected \`${option}\` to be of the form ${ENDPOINT_FORM}, but ${address} ${endpoint}`,
  );
}

/** `latin1` maps every byte to one character, so equal keys mean equal bytes. */
function keyOf(prefix: Uint8Array): string {
  return Buffer.from(prefix.buffer, prefix.byteOffset, prefix.length).toString('latin1');
}
