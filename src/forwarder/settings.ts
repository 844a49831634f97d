/**
 * What a running proxy has to be told, as plain data, and what it tells back.
 *
 * Both ways to run one (in this process, in a child process) take the same settings and give the same handle, so
 * that whoever asks for a proxy does not care where it runs.
 */
import type { Endpoint } from '../address.js';
import type { DemitterError } from '../errors.js';

/** One side of the proxy: where it listens, and who said so (for messages: "option xsubPort", "default"). */
export interface Binding {
  readonly side: Side;
  readonly endpoint: Endpoint;
  readonly source: string;
}

/** `xsub` is where publishers connect, `xpub` where subscribers do. */
export type Side = 'xsub' | 'xpub';

/** Plain data: it travels to a child process as JSON. */
export interface ProxySettings {
  readonly xsub: Binding;
  readonly xpub: Binding;
  readonly highWaterMark: number;
  readonly maxMessageBytes: number;
  readonly handshakeInterval: number;
}

/** A proxy that is bound and running. */
export interface RunningProxy {
  /** `process` shares this process, `child` has one of its own. */
  readonly kind: 'process' | 'child';
  /** The process it runs in. */
  readonly pid: number | undefined;
  /** Where it really listens: port 0 is resolved. */
  readonly xsubAddress: string;
  readonly xpubAddress: string;
  /** Resolves at its end: with nothing after `stop()`, with the reason if it ended by itself. Never rejects. */
  readonly ended: Promise<DemitterError | undefined>;
  /** Ends it. Resolves when both addresses are free to be bound again. */
  stop(): Promise<void>;
}

/** Binds both sides and runs a proxy between them; rejects, with nothing left bound, if one cannot be bound. */
export type StartProxy = (settings: ProxySettings) => Promise<RunningProxy>;
