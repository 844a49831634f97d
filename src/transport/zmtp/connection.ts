/**
 * One ZMTP connection over one connected socket: greeting, handshake, then frames in both directions, until either
 * side ends it or breaks the rules. It does not care who dialled. What comes after its end is the link's business.
 */
import type { Socket } from 'node:net';
import { DemitterError, isSecurityError } from '../../errors.js';
import {
  type Command,
  encodeCommand,
  encodeError,
  encodePing,
  encodePong,
  parseCommand,
  parseErrorReason,
} from './commands.js';
import { Confirmations } from './confirmations.js';
import { deadline } from './deadline.js';
import { type DropReason, encodeFrame, FrameDecoder, type FrameSink, LONG_HEADER_BYTES } from './frames.js';
import {
  checkSocketType,
  encodeGreeting,
  GREETING_BYTES,
  type PeerVersion,
  readGreeting,
  type SocketType,
  takesCommands,
  VERSION_BYTES,
} from './handshake.js';
import { Heartbeat, type HeartbeatTiming, MAX_BYTES_ON_THE_WAY } from './heartbeat.js';
import type { Mechanism } from './mechanism.js';
import { describeSocketError, networkError, ZAP_STATUS, zmtpError } from './protocol-error.js';
import { WriteBuffer } from './write-buffer.js';

/** TCP keep-alive finds a peer that vanished from an idle connection: 10 s of silence, then ten probes, one a second. */
const KEEP_ALIVE_DELAY_MS = 10_000;

/** A PONG is left out while this much waits to be sent: any frame tells the peer that we live. */
const MAX_BYTES_BEFORE_PONG = 256 * 1024;

/**
 * A PING goes along with so many bytes. A slow link may need long for all that the kernel holds, but not for so much:
 * answers come in while it works off the rest, and say how far it has come.
 */
const BYTES_PER_PING = 256 * 1024;

export interface ConnectionOptions {
  readonly socketType: SocketType;
  /** Of this connection alone. */
  readonly mechanism: Mechanism;
  readonly maxMessageBytes: number;
  /** How long the peer may take from the first byte to its READY. */
  readonly handshakeTimeoutMs: number;
  /** When a peer that falls silent later is given up; left out, it is left to TCP. ZMTP 3.0 has no PING. */
  readonly heartbeat?: HeartbeatTiming;
}

export interface ConnectionHandlers {
  /** The handshake succeeded. */
  onReady(): void;
  /** SUB: a message. Its bytes are only valid during the call, unless they are `yours`. */
  onMessage?(message: Buffer, yours: boolean): void;
  /** PUB: the peer subscribed to a prefix or gave it up. */
  onSubscription?(prefix: Buffer, change: 'subscribe' | 'cancel'): void;
  /** SUB: a message of a form or size that is not accepted was dropped. Once per reason. */
  onDropped?(cause: DemitterError): void;
  /** The kernel took what was flushed. */
  onWritten?(): void;
  /** The end, once, and not after {@link ZmtpConnection.end} or {@link ZmtpConnection.destroy}. */
  onFailed(cause: DemitterError): void;
}

/** `version` is the first half of the greeting, sent ahead of the rest. */
type State = 'version' | 'greeting' | 'handshake' | 'ready' | 'ending' | 'closed';

export class ZmtpConnection implements FrameSink {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #decoder: FrameDecoder;
  readonly #output: WriteBuffer;
  readonly #cancelHandshakeTimeout: () => void;
  readonly #dropsTold = new Set<DropReason>();
  #state: State = 'version';
  #heartbeat: Heartbeat | undefined;
  /** Of a peer that answers PINGs. */
  #confirmations: Confirmations | undefined;
  /** Called in the state `ending` when the peer has read everything. */
  #onRead: (() => void) | undefined;
  #bytesSincePing = 0;
  readonly #ownGreeting: Buffer;
  #greeting: Buffer = Buffer.alloc(0);
  #peer: PeerVersion = { major: 3, minor: 0 };

  /** Begins the handshake at once. */
  constructor(socket: Socket, options: ConnectionOptions, handlers: ConnectionHandlers) {
    this.#socket = socket;
    this.#options = options;
    this.#handlers = handlers;
    const { mechanism, maxMessageBytes } = options;
    this.#decoder = new FrameDecoder(mechanism.reader(this), maxMessageBytes + mechanism.overheadBytes);
    this.#output = new WriteBuffer(socket, () => this.#state === 'ready' && handlers.onWritten?.());
    const { handshakeTimeoutMs } = options;
    const silence = (): void =>
      this.#fail(zmtpError(`The peer did not finish the handshake within ${handshakeTimeoutMs} ms`));
    this.#cancelHandshakeTimeout = deadline(handshakeTimeoutMs, silence);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
    socket.on('error', (error) => this.#broken(`The connection broke: ${describeSocketError(error)}`, error));
    socket.on('end', () => this.#broken('The peer closed the connection'));
    socket.on('close', () => this.#broken('The connection was closed'));
    this.#ownGreeting = encodeGreeting(mechanism.name);
    socket.write(this.#ownGreeting.subarray(0, VERSION_BYTES));
  }

  /** Where to read to next, if it matters: see {@link FrameDecoder.readTarget}. */
  get readTarget(): Buffer | undefined {
    return this.#decoder.readTarget;
  }

  /** Takes what was read from the socket. The bytes are only valid during the call. */
  receive(chunk: Buffer): void {
    this.#heartbeat?.read(chunk.length);
    try {
      if (this.#state === 'version' || this.#state === 'greeting') this.#greet(chunk);
      else this.#decoder.push(chunk);
    } catch (error) {
      if (isSecurityError(error) || (error instanceof DemitterError && error.code === 'DEMITTER_ZMTP')) {
        this.#fail(error);
        return;
      }
      // A handler threw: its mistake must not be hidden, but the stream is out of step now.
      this.#fail(networkError('A message handler threw', error));
      throw error;
    }
  }

  /** Bytes taken for sending that the kernel has not. */
  get bufferedBytes(): number {
    return this.#output.bytes;
  }

  /** Bytes of messages, the last ones, that the peer may not have read; of a peer without PING, {@link bufferedBytes}. */
  get unconfirmedBytes(): number {
    return this.#confirmations?.unconfirmedBytes ?? this.#output.bytes;
  }

  /**
   * Only when ready. The bytes must not change while {@link unconfirmedBytes} counts them, nor the `headroom` bytes before
   * them in their buffer.
   */
  send(message: Uint8Array, headroom = 0): void {
    if (headroom >= LONG_HEADER_BYTES) this.#output.addMessageInPlace(message);
    else this.#output.addFrame('message', message);
    this.#confirmations?.sent(message.length);
    this.#countTowardsPing(message.length);
  }

  /** Only when ready. RFC 37 makes a subscription a command; RFC 23 made it a message that begins with 1 or 0. */
  changeSubscription(prefix: Uint8Array, change: 'subscribe' | 'cancel'): void {
    if (takesCommands(this.#peer)) {
      this.#output.addFrame(
        'command',
        encodeCommand(change === 'subscribe' ? 'SUBSCRIBE' : 'CANCEL', prefix),
      );
    } else {
      const message = Buffer.allocUnsafeSlow(1 + prefix.length);
      message[0] = change === 'subscribe' ? 1 : 0;
      message.set(prefix, 1);
      this.#output.addFrame('message', message);
    }
    this.#countTowardsPing(prefix.length);
  }

  flush(): void {
    if (this.#state === 'ready') this.#output.flush();
  }

  /** Calls `onAnswered`, later, when the peer has read everything sent until now; of a peer without PING that is not known. */
  ping(onAnswered: () => void): void {
    if (this.#state !== 'ready') return;
    if (this.#confirmations === undefined) setImmediate(onAnswered);
    else this.#addPing(onAnswered);
    this.#output.flush();
  }

  /**
   * Sends what is buffered, waits until the peer has read it, and then until it closes its side too: closing both at
   * once could make the kernel reset the connection and throw away what is on its way. Nothing is handed on any more.
   *
   * @returns how many bytes are unconfirmed when the time is up or the connection breaks.
   */
  async end(timeoutMs: number): Promise<number> {
    if (this.#state !== 'ready') {
      this.destroy();
      return 0;
    }
    const isConfirmed = this.unconfirmedBytes === 0;
    if (!isConfirmed) this.#addPing();
    this.#output.flush();
    this.#leave('ending');
    const unread =
      isConfirmed || this.#confirmations === undefined
        ? await this.#endWhenTaken(timeoutMs)
        : await this.#endWhenRead(this.#confirmations, timeoutMs);
    this.#state = 'closed';
    this.#stop();
    return unread;
  }

  /** For a peer that cannot say what it has read: what the kernel took counts as sent. */
  async #endWhenTaken(timeoutMs: number): Promise<number> {
    const socket = this.#socket;
    this.#decoder.stop();
    // Stands if the connection breaks from here on: the kernel does not tell how far it came.
    let unsentBytes = this.#output.bytes;
    const giveUp = (): void => {
      if (!socket.writableFinished) unsentBytes = this.#output.bytes;
      socket.destroy();
    };
    socket.once('finish', () => {
      unsentBytes = 0;
    });
    socket.end();
    await this.#closed(timeoutMs, giveUp);
    return unsentBytes;
  }

  async #endWhenRead(confirmations: Confirmations, timeoutMs: number): Promise<number> {
    const socket = this.#socket;
    this.#onRead = () => {
      this.#onRead = undefined;
      socket.end();
    };
    // What was not read in time is told as lost: it must not arrive much later.
    await this.#closed(timeoutMs, () =>
      confirmations.unconfirmedBytes > 0 ? this.#reset() : socket.destroy(),
    );
    return confirmations.unconfirmedBytes;
  }

  /** Resolves when the socket is closed. `giveUp` is called after `timeoutMs`, to close it. */
  #closed(timeoutMs: number, giveUp: () => void): Promise<void> {
    return new Promise((resolve) => {
      const cancelTimeout = deadline(Math.min(timeoutMs, MAX_TIMER_MS), giveUp);
      this.#socket.once('close', () => {
        cancelTimeout();
        resolve();
      });
    });
  }

  /** Ends it now; what is buffered is lost. */
  destroy(): void {
    this.#leave('closed');
    this.#socket.destroy();
  }

  /** @internal */
  onMessage(body: Buffer, yours: boolean): void {
    if (this.#state === 'ending') return;
    if (this.#state !== 'ready') throw zmtpError('The peer sent a message before its READY');
    if (this.#options.socketType === 'SUB') {
      this.#handlers.onMessage?.(body, yours);
      return;
    }
    // Anything else is a message from subscriber to publisher, which PUB sockets do not read (RFC 29).
    const first = body[0];
    if (first === 0 || first === 1)
      this.#handlers.onSubscription?.(body.subarray(1), first === 1 ? 'subscribe' : 'cancel');
  }

  /** @internal */
  onCommand(body: Buffer): void {
    const command = parseCommand(body);
    // RFC 37, "Error Handling": fatal, whenever it comes.
    if (command.name === 'ERROR') throw this.#refusal(parseErrorReason(command.data));
    if (this.#state === 'handshake') this.#shakeHands(command);
    else this.#obey(command);
  }

  /** @internal */
  onDropped(reason: DropReason, size: number): void {
    if (this.#state === 'ending') return;
    if (this.#state !== 'ready')
      throw zmtpError(`The peer sent a ${reason} of ${size} bytes before its READY`);
    // Nothing that a subscriber sends to a publisher is of use to us, and no command of that size is.
    if (this.#options.socketType === 'PUB' || reason === 'oversize command' || this.#dropsTold.has(reason))
      return;
    this.#dropsTold.add(reason);
    const what =
      reason === 'multipart'
        ? 'A multipart message was dropped: this bus has none'
        : `A message of ${size} bytes was dropped: the limit is ${this.#options.maxMessageBytes}`;
    this.#handlers.onDropped?.(new DemitterError('DEMITTER_PROTOCOL', what));
  }

  /**
   * RFC 37, "Version Negotiation": the version goes first, the mechanism when the peer's version is known. With all of
   * it at once, libzmq would hang up on a mechanism it does not like before it has told its own.
   */
  #greet(chunk: Buffer): void {
    const received = Buffer.concat([this.#greeting, chunk]);
    const { mechanism } = this.#options;
    const peer = readGreeting(received, mechanism.name);
    if (this.#state === 'version' && received.length >= VERSION_BYTES) {
      this.#state = 'greeting';
      this.#socket.write(this.#ownGreeting.subarray(VERSION_BYTES));
    }
    if (peer === undefined) {
      this.#greeting = received;
      return;
    }
    this.#greeting = Buffer.alloc(0);
    this.#peer = peer;
    this.#state = 'handshake';
    this.#socket.write(encodeFrame('command', mechanism.begin()));
    this.#decoder.push(received.subarray(GREETING_BYTES));
  }

  #shakeHands(command: Command): void {
    const { mechanism, socketType, heartbeat } = this.#options;
    const step = mechanism.proceed(command);
    if ('answer' in step) {
      this.#socket.write(encodeFrame('command', step.answer));
      return;
    }
    checkSocketType(socketType, step.metadata);
    this.#cancelHandshakeTimeout();
    this.#output.protect(mechanism.sealer);
    this.#state = 'ready';
    if (heartbeat !== undefined && takesCommands(this.#peer)) {
      this.#confirmations = new Confirmations();
      this.#watch(heartbeat);
    }
    this.#handlers.onReady();
  }

  #watch(timing: HeartbeatTiming): void {
    this.#heartbeat = new Heartbeat(timing, {
      ping: () => {
        // So much has a PING in it.
        if (this.#output.bytes >= BYTES_PER_PING) return;
        this.#addPing();
        this.#output.flush();
      },
      writeProgress: () => this.#output.progress,
      onDead: (reason) => this.#fail(networkError(reason), 'reset'),
    });
  }

  #countTowardsPing(bytes: number): void {
    this.#bytesSincePing += bytes;
    if (this.#bytesSincePing >= BYTES_PER_PING) this.#addPing();
  }

  #addPing(onAnswered?: () => void): void {
    this.#bytesSincePing = 0;
    const confirmations = this.#confirmations;
    if (confirmations === undefined) return;
    this.#output.addFrame('command', encodePing(confirmations.ping(onAnswered)));
    // Or a peer that answers no PING would seem to have read nothing ever.
    confirmations.expectAtMost(this.#output.bytes + MAX_BYTES_ON_THE_WAY);
  }

  /** Commands that are not known are ignored: a newer peer may have them. */
  #obey(command: Command): void {
    if (command.name === 'PING') {
      const pong = encodePong(command.data);
      if (this.#output.bytes >= MAX_BYTES_BEFORE_PONG || !this.#socket.writable) return;
      this.#output.addFrame('command', pong);
      this.#output.flush();
    } else if (command.name === 'PONG') {
      this.#heartbeat?.answered();
      this.#confirmations?.pong(command.data);
      if (this.unconfirmedBytes === 0) this.#onRead?.();
    } else if (this.#state === 'ending') {
      return;
    } else if (this.#options.socketType === 'PUB') {
      if (command.name === 'SUBSCRIBE') this.#handlers.onSubscription?.(command.data, 'subscribe');
      else if (command.name === 'CANCEL') this.#handlers.onSubscription?.(command.data, 'cancel');
    }
  }

  #refusal(reason: string): DemitterError {
    if (ZAP_STATUS.test(reason)) return this.#options.mechanism.refused(reason);
    return zmtpError(`The peer refused the connection: ${reason}`);
  }

  /** The socket ended: `how` is the sentence that says so. */
  #broken(how: string, cause?: Error): void {
    if (this.#state === 'handshake') this.#fail(this.#options.mechanism.endedEarly(how, cause));
    // libzmq closes without a word what it does not like.
    else if (this.#state === 'version' || this.#state === 'greeting')
      this.#fail(
        networkError(
          `${how} during the greeting (does it speak another protocol, or ask for a security mechanism?)`,
          cause,
        ),
      );
    else this.#fail(networkError(how, cause));
  }

  /** `reset`: what the kernel still holds must not reach a peer that comes to itself after we have dialled again. */
  #fail(cause: DemitterError, how: 'close' | 'reset' = 'close'): void {
    const state = this.#state;
    // Nothing more will be confirmed.
    if (this.#onRead !== undefined) this.#socket.destroy();
    if (state === 'closed' || state === 'ending') return;
    this.#leave('closed');
    if (state === 'handshake' && cause.code === 'DEMITTER_ZMTP' && this.#socket.writable) {
      // The peer learns why. Nothing else is in this socket's way, so the kernel takes it at once.
      this.#socket.write(encodeFrame('command', encodeError(cause.message)));
      this.#socket.destroySoon();
    } else if (how === 'reset') {
      this.#reset();
    } else {
      this.#socket.destroy();
    }
    this.#handlers.onFailed(cause);
  }

  #reset(): void {
    // Only TCP has resets; a Unix socket has no address either.
    if (this.#socket.remoteAddress === undefined) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  #leave(state: 'ending' | 'closed'): void {
    this.#state = state;
    this.#cancelHandshakeTimeout();
    this.#heartbeat?.stop();
    if (state === 'closed') this.#stop();
  }

  /** Nothing that comes is handed on any more, and nothing can be sent. */
  #stop(): void {
    this.#decoder.stop();
    this.#options.mechanism.destroy();
  }
}

/** `setTimeout` takes no longer delay. */
const MAX_TIMER_MS = 2 ** 31 - 1;
