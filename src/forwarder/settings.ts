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
  readonly access: AccessSettings;
}

/** Who may connect. */
export interface AccessSettings {
  /** From where, besides this machine: networks (`10.0.0.0/8`), or anywhere. */
  readonly from: 'anywhere' | readonly string[];
  /** With keys, only who has one of those that are authorized. */
  readonly keys: KeyFiles | undefined;
}

/** Paths, not what is in them: a secret key stays in the process that needs it. */
export interface KeyFiles {
  readonly secretKey: NamedFile;
  readonly authorizedKeys: NamedFile;
}

/** A file, and who named it (for messages). */
export interface NamedFile {
  readonly path: string;
  readonly source: string;
}

/** What whoever runs the forwarder ought to know: a line for its log, as plain data. */
export interface Notice {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
}

export type Report = (notice: Notice) => void;

/** A proxy that is bound and running, whoever may connect. */
export interface BareProxy {
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

/** One that keeps to its access settings. */
export interface RunningProxy extends BareProxy {
  /** Reads the authorized keys again, without waiting until their file is seen to have changed. */
  reloadKeys(): void;
}

/** Binds both sides and runs a proxy between them; rejects, with nothing left bound, if one cannot be bound. */
export type StartProxy = (settings: ProxySettings, report: Report) => Promise<RunningProxy>;
