/** What the events of a scenario carry: everyday objects, or so many bytes. Either holds its number. */
import { type BenchEvent, makeEvent } from './event.js';

export type Payload = BenchEvent | Uint8Array;

export interface PayloadKind {
  make(seq: number): Payload;
  seqOf(payload: Payload): number;
}

const OBJECTS: PayloadKind = {
  make: makeEvent,
  seqOf: (payload) => (payload as BenchEvent).seq,
};

/** `bytes` of each event, at least four; `undefined` for objects. */
export function payloadKind(bytes: number | undefined): PayloadKind {
  if (bytes === undefined) return OBJECTS;
  return {
    // Memory of its own for each, as if it had just been read from somewhere.
    make(seq) {
      const buffer = Buffer.allocUnsafe(bytes);
      buffer.writeUInt32BE(seq);
      return buffer;
    },
    seqOf(payload) {
      const [a = 0, b = 0, c = 0, d = 0] = payload as Uint8Array;
      return ((a * 256 + b) * 256 + c) * 256 + d;
    },
  };
}
