/** The types of fault-record.mjs: what its counters are, as they travel from process to process. */

export interface TestEvent {
  readonly p: string;
  readonly n: number;
  readonly k: number;
  readonly u: number;
  readonly d?: Uint8Array;
}

export interface PublishedReport {
  readonly names: Readonly<Record<string, { readonly emitted: number; readonly refused: number }>>;
  /** Refused events of which only the number is known, not the name. */
  readonly refusedUnnamed: number;
}

/** Of one publisher and name. */
export interface Counts {
  readonly delivered: number;
  readonly duplicates: number;
  /** Delivered after a later event of the same name. */
  readonly reordered: number;
  readonly told: number;
  /** How often a loss was told without its size. */
  readonly toldInexactly: number;
  /** The number within the name of the first event seen; -1 if none. */
  readonly first: number;
  readonly last: number;
  /** Numbers within the name that were skipped, from and to. */
  readonly gaps: readonly (readonly [from: number, to: number])[];
  readonly untrackedGaps: number;
}

export interface ReceivedReport {
  readonly publishers: Readonly<
    Record<
      string,
      {
        /** Events that came after a later one of the same publisher, whatever their names. */
        readonly disorder: number;
        readonly names: Readonly<Record<string, Counts>>;
      }
    >
  >;
  readonly corrupted: number;
  /** Losses told without saying whose or of which name. */
  readonly toldOfNobody: number;
}

export interface Publication extends PublishedReport {
  readonly publisher: string;
}

export class Published {
  constructor(publisher: string);
  readonly total: number;
  next(name: string, bytes?: number): TestEvent;
  refuse(name: string | undefined, missed: number): void;
  report(): PublishedReport;
}

export class Received {
  readonly progress: number;
  take(name: string, event: unknown): void;
  tell(publisher: string | undefined, name: string | undefined, missed: number | undefined): void;
  isComplete(
    emitted: readonly Publication[],
    names: ReadonlySet<string> | undefined,
    joined: boolean,
  ): boolean;
  report(): ReceivedReport;
}
