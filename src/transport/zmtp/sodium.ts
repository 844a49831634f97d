/**
 * libsodium's WebAssembly module, loaded when it is first needed: its memory, and the three functions that CURVE takes.
 *
 * They are called on that memory without the package libsodium-wrappers in between, which allocates and copies more
 * than once for each box: that took 2.3 µs for 150 bytes and 16 µs for 4 KiB, and this takes 0.8 and 11.
 */
import type { LibsodiumModule } from 'libsodium';
import { KEY_BYTES } from '../../keys.js';

export const NONCE_BYTES = 24;
/** What a box is longer than what it holds. */
export const MAC_BYTES = 16;

/** What nearly every message fits in; memory for a larger one is allocated for it. */
const SCRATCH_BYTES = 64 * 1024;

/** Of the whole thread, as a module that was imported is: it costs 20 ms and 9 MB. */
let loaded: Promise<Sodium> | undefined;

export function loadSodium(): Promise<Sodium> {
  loaded ??= import('libsodium').then(async ({ default: instantiate }) => new Sodium(await instantiate()));
  return loaded;
}

export class Sodium {
  readonly #module: LibsodiumModule;
  readonly #scratch: number;
  /** Scratch for what is too large; 0 for none. The module's memory never shrinks: keeping it costs nothing. */
  #largeScratch = 0;
  #largeBytes = 0;

  constructor(module: LibsodiumModule) {
    this.#module = module;
    this.#scratch = module._malloc(SCRATCH_BYTES);
  }

  /** The memory that all addresses are in; not valid any more after {@link allocate} or {@link scratch}. */
  get memory(): Uint8Array {
    return this.#module.HEAPU8;
  }

  /** @throws RangeError if there is not so much memory. */
  allocate(bytes: number): number {
    const address = this.#module._malloc(bytes);
    if (address === 0) throw new RangeError(`No memory for ${bytes} bytes`);
    return address;
  }

  /** Leaves nothing of what was there. */
  release(address: number, bytes: number): void {
    this.memory.fill(0, address, address + bytes);
    this.#module._free(address);
  }

  /**
   * So many bytes for use until the next call.
   *
   * @throws RangeError if there is not so much memory.
   */
  scratch(bytes: number): number {
    if (bytes <= SCRATCH_BYTES) return this.#scratch;
    if (bytes > this.#largeBytes) {
      if (this.#largeScratch !== 0) this.#module._free(this.#largeScratch);
      this.#largeBytes = 0;
      this.#largeScratch = this.allocate(bytes);
      this.#largeBytes = bytes;
    }
    return this.#largeScratch;
  }

  /**
   * Puts into `target` the key that two pairs share. Uses the scratch.
   *
   * @returns whether it is one: there are public keys with which it would be known to everybody.
   */
  shareKey(target: number, publicKey: Uint8Array, secretKey: Uint8Array): boolean {
    const scratch = this.#scratch;
    this.memory.set(publicKey, scratch);
    this.memory.set(secretKey, scratch + KEY_BYTES);
    const isGood = this.#module._crypto_box_beforenm(target, scratch, scratch + KEY_BYTES) === 0;
    this.memory.fill(0, scratch + KEY_BYTES, scratch + 2 * KEY_BYTES);
    return isGood;
  }

  /** Boxes `bytes` bytes that lie {@link MAC_BYTES} behind `box`, where they are. */
  seal(box: number, bytes: number, nonce: number, key: number): void {
    this.#module._crypto_box_easy_afternm(box, box + MAC_BYTES, bytes, 0, nonce, key);
  }

  /**
   * Opens a box of `bytes` bytes: what it holds lies {@link MAC_BYTES} behind `box` then.
   *
   * @returns whether it was made with this nonce and key, and not changed since.
   */
  open(box: number, bytes: number, nonce: number, key: number): boolean {
    return this.#module._crypto_box_open_easy_afternm(box + MAC_BYTES, box, bytes, 0, nonce, key) === 0;
  }
}
