/** The part of the package that we use: functions of the WebAssembly module, with addresses in its memory. */
declare module 'libsodium' {
  export interface LibsodiumModule {
    /** The whole memory: another array after it has grown. */
    readonly HEAPU8: Uint8Array;
    /** 0 if there is no more memory. */
    _malloc(bytes: number): number;
    _free(address: number): void;
    /** Each of these returns 0 if all is well. The bytes of a size of 64 bits are two arguments. */
    _crypto_box_beforenm(key: number, publicKey: number, secretKey: number): number;
    _crypto_box_easy_afternm(
      box: number,
      plain: number,
      plainBytes: number,
      plainBytesHigh: number,
      nonce: number,
      key: number,
    ): number;
    _crypto_box_open_easy_afternm(
      plain: number,
      box: number,
      boxBytes: number,
      boxBytesHigh: number,
      nonce: number,
      key: number,
    ): number;
  }

  export default function instantiate(): Promise<LibsodiumModule>;
}
