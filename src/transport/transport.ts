/**
 * The contract between delivery and whatever moves its bytes.
 *
 * A transport carries opaque messages on a publish/subscribe bus and knows nothing of events: a message reaches
 * every transport on the bus that subscribed to a prefix of it, including the sender's own. It may lose messages
 * while its link is down; delivery finds that out. It must not reorder, alter, merge, split or duplicate those of
 * one sender. `test/conformance/` is the executable form of this page: a driver that passes it can be used.
 */
import type { DemitterError } from '../errors.js';
import type { Rights } from '../rights.js';

/** One end of a bus. Its methods never throw for what the network does; that is told through the handlers. */
export interface Transport {
  readonly supports: TransportSupport;
  /**
   * Bytes taken by {@link send} that may not have reached the other side of the link: the last ones that were sent. It
   * falls to 0 by itself some time after the last `send`. While the link is down, it says how many there were when it
   * broke: they will not be confirmed any more. A transport whose other side confirms nothing says what has not left
   * this process; none may say less.
   */
  readonly unconfirmedBytes: number;

  /**
   * Starts to make the link and to keep it: a link that breaks is made again, with back-off, until {@link close}.
   * Called once. Returns at once; progress is told by {@link TransportHandlers.onStatus}.
   */
  open(handlers: TransportHandlers): void;

  /**
   * From when this is in force, messages that begin with the bytes of `prefix` arrive. Idempotent, and allowed in
   * any state before `close`: a transport makes its subscriptions again on every new link, before it reports `up`.
   * Subscriptions take force in the order in which they are made.
   */
  subscribe(prefix: Uint8Array): void;

  /** Undoes {@link subscribe} of the same bytes; otherwise no effect. Messages on their way may still arrive. */
  unsubscribe(prefix: Uint8Array): void;

  /**
   * Takes one message for sending. The bytes belong to the transport, and do not change, for as long as
   * {@link unconfirmedBytes} counts them.
   * Only while the link is `up`: a message sent in any other state is discarded.
   *
   * @param headroom how many bytes before the message, in the buffer that it lies in, belong to the transport as well:
   *   with {@link TransportSupport.headroom} of them it may put its framing there and send the message without a copy.
   *   Default: 0.
   * @returns whether more is welcome; after `false`, wait for {@link TransportHandlers.onDrain}.
   */
  send(message: Uint8Array, headroom?: number): boolean;

  /** Lets all that was sent go out now. Sends between two flushes may be combined into one write. */
  flush(): void;

  /**
   * Calls `onConfirmed`, later, when the link works as far as this end alone can tell: the other side has read what was
   * sent until now and takes what follows, and every subscription made until now is in force. Whoever may send and
   * receive has a better proof, a message to himself; with other {@link TransportContext.rights | rights} this is all
   * there is. Only while the link is `up`; if it breaks before, `onConfirmed` is not called. Left out: that the link is
   * `up` says as much.
   */
  confirm?(onConfirmed: () => void): void;

  /**
   * Sends what is buffered and waits until all is confirmed, for at most `timeoutMs`, then releases every socket and
   * timer. No handler is called after it resolves. Idempotent; never rejects.
   *
   * @returns how many bytes are not confirmed, counted as in {@link unconfirmedBytes}; 0 if the link is not `up`. They
   *   are given up, but what the network holds of them may still arrive.
   */
  close(timeoutMs: number): Promise<number>;
}

export interface TransportHandlers {
  /**
   * One whole message. The bytes are the handler's during the call, and what it keeps of them it copies; or they are
   * `yours`, the handler's for good. Default: `false`.
   */
  onMessage(message: Buffer, yours?: boolean): void;
  /** The link changed. Every report differs from the one before; the first is `up` or `down`. */
  onStatus(status: LinkStatus, cause?: Error): void;
  /**
   * The link cannot be made, or was cut, for a reason of security: this side was refused, or the other one is not who it
   * should be. The transport goes on trying. Told once for each such state, and not once for each attempt; before the
   * report that the link is `down`, if there is one.
   */
  onSecurityFailure?(cause: DemitterError): void;
  /** After `send` returned `false`: more is welcome again. If the link breaks meanwhile, it comes after the next `up`. */
  onDrain(): void;
  /**
   * Something arrived that is no message of this bus (too large, or in a form that the bus does not use). It was
   * dropped, and the link goes on. Told once per link and reason.
   */
  onDropped?(cause: Error): void;
}

/**
 * `up`: both directions are made and every subscription was sent. `down`: they are not; the transport tries.
 *
 * A link may die without a word: a network that carries nothing any more in one direction or both, a peer that is
 * frozen. A transport whose {@link TransportSupport.reconnects | supports.reconnects} is true reports `down` within 3 s
 * of that, and counts only time in which this process itself ran: a blocked event loop is no silence of the peer.
 */
export type LinkStatus = 'up' | 'down';

/** What a transport can do: users and the conformance suite read it, no code branches on a driver's name. */
export interface TransportSupport {
  /** Reaches other processes. */
  readonly processes: boolean;
  /** Can lose its link and make it again. */
  readonly reconnects: boolean;
  /** Bytes before a message in its buffer with which it need not be copied to be sent. Default: 0, they are of no use. */
  readonly headroom?: number;
}

/** What an emitter hands to a transport it creates. */
export interface TransportContext {
  /** Where messages are sent to (`tcp://…` or `ipc://…`): the forwarder's XSUB. */
  readonly xsubAddress: string;
  /** Where messages come from (`tcp://…` or `ipc://…`): the forwarder's XPUB. */
  readonly xpubAddress: string;
  /** The largest message that is sent and that is accepted, in bytes. */
  readonly maxMessageBytes: number;
  /**
   * With `publish`, nothing is ever subscribed to, with `subscribe` nothing sent: a link for that direction is not to be
   * made, as it may be refused. Default: `both`.
   */
  readonly rights?: Rights;
}

export type TransportFactory = (context: TransportContext) => Transport;
