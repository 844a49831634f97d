/**
 * CURVE (RFC 26), the side that dials: HELLO, WELCOME, INITIATE, READY.
 *
 * Long-term keys say who is who. Pairs made for this connection alone protect what travels, so that whoever gets hold of a
 * long-term key later cannot read what was recorded.
 */
import { randomBytes } from 'node:crypto';
import type { DemitterError } from '../../errors.js';
import { type ClientKeys, formatKey, KEY_BYTES, makeKeyPair } from '../../keys.js';
import { type Command, encodeCommand, encodeMetadata, type Metadata, parseMetadata } from './commands.js';
import { CurveBox } from './curve-box.js';
import { MESSAGE_OVERHEAD_BYTES, MessageReader, MessageSealer } from './curve-messages.js';
import type { FrameSink } from './frames.js';
import type { SocketType } from './handshake.js';
import type { Mechanism } from './mechanism.js';
import { curveError, printable, refusedError } from './protocol-error.js';
import { MAC_BYTES, type Sodium } from './sodium.js';

const LONG_NONCE_BYTES = 16;
const SHORT_NONCE_BYTES = 8;
/** RFC 26: HELLO is not shorter than WELCOME, so that it does not pay to send it in somebody else's name. */
const HELLO_PADDING_BYTES = 72;
const HELLO_PROOF_BYTES = 64;
const COOKIE_BYTES = 96;
const WELCOME_BYTES = LONG_NONCE_BYTES + MAC_BYTES + KEY_BYTES + COOKIE_BYTES;

/** The short nonces of this side: one for each box. */
const HELLO_NONCE = 1;
const INITIATE_NONCE = 2;

/** What the peer has to send next. */
type State = 'WELCOME' | 'READY' | 'MESSAGE' | 'nothing';

export class CurveClient implements Mechanism {
  readonly name = 'CURVE';
  readonly overheadBytes = MESSAGE_OVERHEAD_BYTES;
  readonly #sodium: Sodium;
  readonly #keys: ClientKeys;
  readonly #socketType: SocketType;
  /** C' and c': of this connection alone. */
  readonly #ownPair = makeKeyPair();
  #state: State = 'WELCOME';
  /** Between C' and S, for the first two commands. */
  #helloBox: CurveBox | undefined;
  /** Between C' and S', for all that follows. */
  #box: CurveBox | undefined;
  #sealer: MessageSealer | undefined;
  #reader: MessageReader | undefined;

  constructor(sodium: Sodium, keys: ClientKeys, socketType: SocketType) {
    this.#sodium = sodium;
    this.#keys = keys;
    this.#socketType = socketType;
  }

  get sealer(): MessageSealer | undefined {
    return this.#sealer;
  }

  /** RFC 26, "HELLO Command": shows that we know S, without saying who we are. */
  begin(): Buffer {
    const nonce = shortNonce(HELLO_NONCE);
    const { publicKey, secretKey } = this.#ownPair;
    this.#helloBox = new CurveBox(this.#sodium, this.#keys.serverKey, secretKey);
    const proof = Buffer.alloc(HELLO_PROOF_BYTES);
    const signature = this.#helloBox.seal(longer('CurveZMQHELLO---', nonce), proof);
    const version = Buffer.of(1, 0);
    const padding = Buffer.alloc(HELLO_PADDING_BYTES);
    return encodeCommand('HELLO', Buffer.concat([version, padding, publicKey, nonce, signature]));
  }

  proceed({ name, data }: Command): { readonly answer: Buffer } | { readonly metadata: Metadata } {
    if (name !== this.#state) throw curveError(`The peer sent ${printable(name)} instead of ${this.#state}`);
    return this.#state === 'WELCOME' ? { answer: this.#initiate(data) } : { metadata: this.#finish(data) };
  }

  /** RFC 26, "WELCOME Command": the peer has s. "INITIATE Command": says, to it alone, that we have c. */
  #initiate(welcome: Buffer): Buffer {
    const nonce = welcome.subarray(0, LONG_NONCE_BYTES);
    const content =
      welcome.length === WELCOME_BYTES
        ? this.#helloBox?.open(longer('WELCOME-', nonce), welcome.subarray(LONG_NONCE_BYTES))
        : undefined;
    if (content === undefined)
      throw curveError("The peer's WELCOME was not made with the secret key that belongs to `serverKey`");
    const { secretKey } = this.#ownPair;
    const serverPublicKey = content.subarray(0, KEY_BYTES);
    const cookie = content.subarray(KEY_BYTES);
    const box = new CurveBox(this.#sodium, serverPublicKey, secretKey);
    this.#box = box;
    const vouch = this.#vouch(serverPublicKey);
    const metadata = encodeMetadata({ 'Socket-Type': this.#socketType });
    const initiateNonce = shortNonce(INITIATE_NONCE);
    const sealed = box.seal(
      longer('CurveZMQINITIATE', initiateNonce),
      Buffer.concat([this.#keys.publicKey, vouch, metadata]),
    );
    // All that it was for is in the box now.
    secretKey.bytes.fill(0);
    this.#helloBox?.destroy();
    this.#state = 'READY';
    return encodeCommand('INITIATE', Buffer.concat([cookie, initiateNonce, sealed]));
  }

  /** With C, for S': that C' is ours. */
  #vouch(serverPublicKey: Buffer): Buffer {
    const nonce = randomBytes(LONG_NONCE_BYTES);
    const box = new CurveBox(this.#sodium, serverPublicKey, this.#keys.secretKey);
    const vouched = Buffer.concat([this.#ownPair.publicKey, this.#keys.serverKey]);
    const sealed = box.seal(longer('VOUCH---', nonce), vouched);
    box.destroy();
    return Buffer.concat([nonce, sealed]);
  }

  /** RFC 26, "READY Command". */
  #finish(ready: Buffer): Metadata {
    const box = this.#box as CurveBox;
    const nonce = ready.subarray(0, SHORT_NONCE_BYTES);
    const content = box.open(longer('CurveZMQREADY---', nonce), ready.subarray(SHORT_NONCE_BYTES));
    if (content === undefined)
      throw curveError("The peer's READY was not made with the keys of this connection");
    this.#sealer = new MessageSealer(box, 'client', INITIATE_NONCE);
    this.#reader?.start(box, nonce);
    this.#state = 'MESSAGE';
    return parseMetadata(content);
  }

  /** Until READY, commands travel as they are. */
  reader(sink: FrameSink): FrameSink {
    this.#reader = new MessageReader(sink, 'server');
    return this.#reader;
  }

  refused(status: string): DemitterError {
    const [right, other] = this.#socketType === 'PUB' ? ['publish', 'subscribe'] : ['subscribe', 'publish'];
    return refusedError(
      `It refuses the key ${formatKey(this.#keys.publicKey)} (status ${status}). Is that public key in the ` +
        `forwarder's file of authorized keys, with the right \`${right}\` or \`both\`? If it is not to ${right}, give this emitter \`rights: '${other}'\``,
    );
  }

  endedEarly(how: string, cause?: Error): DemitterError {
    const hint =
      this.#state === 'WELCOME'
        ? "is `serverKey` the forwarder's public key?"
        : 'are the XSUB and XPUB addresses swapped, or does the forwarder have no time for new connections?';
    return curveError(`${how} during the CURVE handshake (${hint})`, cause);
  }

  destroy(): void {
    this.#state = 'nothing';
    this.#ownPair.secretKey.bytes.fill(0);
    this.#helloBox?.destroy();
    this.#box?.destroy();
  }
}

function shortNonce(value: number): Buffer {
  const nonce = Buffer.alloc(SHORT_NONCE_BYTES);
  nonce.writeUInt32BE(value, 4);
  return nonce;
}

/** The nonce of a box: what the box is for, then what makes it the only one. */
function longer(prefix: string, nonce: Buffer): Buffer {
  return Buffer.concat([Buffer.from(prefix, 'latin1'), nonce]);
}
