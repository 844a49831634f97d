/** What launcher and parts say to each other, over Node's own line between parent and child; the sale itself never goes there. */
import type { Result } from '../knowledge.js';

/** What a process believes at the end, and what it cost. */
export interface Belief {
  readonly sale: string;
  /** From the beginning of the first auction to the end of the last one. */
  readonly spanMs: number;
  readonly results: readonly Result[];
  /** Accepted and refused bids, by the auctions' own counts. */
  readonly bids: number;
  readonly refused: Readonly<Record<string, number>>;
  /** From emit to listener, in buckets. */
  readonly latencies: { readonly counts: readonly number[]; readonly maxMs: number };
  readonly losses: number;
  readonly errors: number;
  readonly rssBytes: number;
}

export type ToLauncher =
  | { readonly type: 'ready' }
  | { readonly type: 'belief'; readonly belief: Belief }
  /** From the controller: how many auctions are open, and how many bids were decided. */
  | {
      readonly type: 'progress';
      readonly open: number;
      readonly decided: number;
      readonly resumed: boolean;
    }
  /** From the dashboard: somebody wants to see what happens then. */
  | { readonly type: 'kill'; readonly part: 'forwarder' | 'bidder' | 'controller' }
  /** From the dashboard: somebody wants to go. */
  | { readonly type: 'quit' };

/** To the controller: nothing more is to hold up the end of the auctions. */
export type ToPart = { readonly type: 'release' };
