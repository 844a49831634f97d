/**
 * Boxes between two pairs of keys: sealed by one for the other, and opened only if nobody else made or changed them.
 * Key and nonce lie in libsodium's memory until {@link CurveBox.destroy}.
 */
import { KEY_BYTES, type SecretKey } from '../../keys.js';
import { curveError } from './protocol-error.js';
import { MAC_BYTES, NONCE_BYTES, type Sodium } from './sodium.js';

export class CurveBox {
  readonly sodium: Sodium;
  /** Addresses in libsodium's memory: of the shared key and, right behind it, of the nonce. 0 when it is destroyed. */
  #key: number;

  /** @throws DemitterError `DEMITTER_CURVE` if `publicKey` is none that can keep a secret. */
  constructor(sodium: Sodium, publicKey: Uint8Array, secretKey: SecretKey) {
    this.sodium = sodium;
    this.#key = sodium.allocate(KEY_BYTES + NONCE_BYTES);
    if (sodium.shareKey(this.#key, publicKey, secretKey.bytes)) return;
    this.destroy();
    throw curveError('The public key of the other side is one that keeps no secret');
  }

  get key(): number {
    if (this.#key === 0) throw new Error('This box is destroyed');
    return this.#key;
  }

  get nonce(): number {
    return this.key + KEY_BYTES;
  }

  /** A box with `plain`; `nonce` must never be used again with these keys. */
  seal(nonce: Uint8Array, plain: Uint8Array): Buffer {
    const { sodium } = this;
    const box = sodium.scratch(MAC_BYTES + plain.length);
    sodium.memory.set(nonce, this.nonce);
    sodium.memory.set(plain, box + MAC_BYTES);
    sodium.seal(box, plain.length, this.nonce, this.key);
    return Buffer.from(sodium.memory.subarray(box, box + MAC_BYTES + plain.length));
  }

  /** What is in `box`, or `undefined` if it was not made with this nonce and these keys. */
  open(nonce: Uint8Array, box: Uint8Array): Buffer | undefined {
    if (box.length < MAC_BYTES) return undefined;
    const { sodium } = this;
    const at = sodium.scratch(box.length);
    sodium.memory.set(nonce, this.nonce);
    sodium.memory.set(box, at);
    if (!sodium.open(at, box.length, this.nonce, this.key)) return undefined;
    return Buffer.from(sodium.memory.subarray(at + MAC_BYTES, at + box.length));
  }

  /** Wipes the key. Idempotent. */
  destroy(): void {
    if (this.#key === 0) return;
    this.sodium.release(this.#key, KEY_BYTES + NONCE_BYTES);
    this.#key = 0;
  }
}
