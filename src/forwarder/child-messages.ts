/** What parent and child say to each other about a proxy that runs in a child process: plain data over Node's IPC. */
import type { DemitterErrorCode } from '../errors.js';
import type { Notice, ProxySettings } from './settings.js';

export type ToChild =
  | { readonly type: 'start'; readonly settings: ProxySettings }
  | { readonly type: 'reload keys' }
  | { readonly type: 'stop' };

export type FromChild =
  | { readonly type: 'started'; readonly xsubAddress: string; readonly xpubAddress: string }
  | { readonly type: 'notice'; readonly notice: Notice }
  | { readonly type: 'failed'; readonly error: SentError };

/** An error as it crosses the process boundary. */
export interface SentError {
  readonly message: string;
  readonly code?: DemitterErrorCode | undefined;
  readonly cause?: { readonly message: string; readonly code?: string | undefined } | undefined;
}
