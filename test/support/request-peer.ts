/** A child process with emitters of the built package that ask and answer. */
import type { DistributedEmitterOptions } from '../../src/options.js';
import type { RequestManyOptions, RequestOptions } from '../../src/request-options.js';
import { CalledProgram } from './called-program.js';
import type { PublishedReport, ReceivedReport } from './fault-record.mjs';
import { judge, prove, type Verdict } from './oracle.js';
import type { ExitStatus } from './process.js';

/** How the requests of one emitter ended. */
export interface Outcomes {
  readonly made: number;
  readonly answered: number;
  /** Answers to another request than the one that they came for. */
  readonly mixedUp: number;
  /** How many, by code. */
  readonly rejected: Readonly<Record<string, number>>;
  /** How many answers of whom came first. */
  readonly by: Readonly<Record<string, number>>;
  readonly longestMs: number;
}

interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly cause?: string;
}

export type Outcome = { readonly value?: unknown; readonly error?: PlainError };

export class RequestPeer extends CalledProgram {
  #onAsked: (() => void) | undefined;

  static async start(): Promise<RequestPeer> {
    const peer = await new RequestPeer('./request-program.mjs').listening();
    peer.process.child.on('message', (message: { readonly asked?: string }) => {
      if (message.asked !== undefined) peer.#onAsked?.();
    });
    return peer;
  }

  async create(options: DistributedEmitterOptions): Promise<RequestMember> {
    return new RequestMember(this, await this.call('create', options));
  }

  /** Resolves when one of its handlers is asked the next time that tells so. */
  asked(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAsked = resolve;
    });
  }

  block(ms: number): Promise<void> {
    return this.call('block', ms);
  }

  unhandled(): Promise<string[]> {
    return this.call('unhandled');
  }

  /** Closes every emitter and resolves with how the process ended: by itself. */
  end(): Promise<ExitStatus> {
    this.call('end').catch(() => {});
    return this.process.exit;
  }
}

/** One emitter of such a process. */
export class RequestMember {
  readonly peer: RequestPeer;
  readonly id: string;

  constructor(peer: RequestPeer, id: string) {
    this.peer = peer;
    this.id = id;
  }

  /** Answers each request with what it was, after `workMs`. */
  respond(names: readonly string[], workMs = 0): Promise<void> {
    return this.peer.call('respond', this.id, names, workMs);
  }

  respondAs(name: string, manner: 'never' | 'fail' | 'pid'): Promise<void> {
    return this.peer.call('respondAs', this.id, name, manner);
  }

  request(name: string, data: unknown, options: RequestOptions<unknown> = {}): Promise<Outcome> {
    return this.peer.call('request', this.id, name, data, options);
  }

  /** As {@link request}; then its event loop is blocked. */
  blockedRequest(
    name: string,
    data: unknown,
    options: { readonly timeout: number; readonly blockMs: number },
  ): Promise<Outcome> {
    return this.peer.call('blockedRequest', this.id, name, data, options);
  }

  requestMany(name: string, data: unknown, options: RequestManyOptions): Promise<unknown[]> {
    return this.peer.call('requestMany', this.id, name, data, options);
  }

  /** Makes so many requests at once, and resolves when all have ended. */
  flood(names: readonly string[], count: number, options: RequestOptions = {}): Promise<Outcomes> {
    return this.peer.call('flood', this.id, names, count, options);
  }

  load(names: readonly string[], perSecond: number, options: RequestOptions): Promise<void> {
    return this.peer.call('load', this.id, names, perSecond, options);
  }

  stopLoad(): Promise<Outcomes> {
    return this.peer.call('stopLoad', this.id);
  }

  /** How many `distributed:error`s it was told, by code. */
  errors(): Promise<Record<string, number>> {
    return this.peer.call('errors', this.id);
  }

  close(): Promise<void> {
    return this.peer.call('close', this.id);
  }
}

/** Whoever asks again whether all is there does so for so long. */
const SETTLING_MS = 20_000;
const POLL_MS = 50;

/**
 * Has the oracle judge requests as events: each responder was asked whatever each requester asked, once and in order; losses
 * may be told if `told` says so.
 */
export async function proveAsked(
  requesters: readonly RequestMember[],
  responders: readonly RequestMember[],
  told: 'none' | 'exact' = 'none',
): Promise<Verdict> {
  const publications = await Promise.all(
    requesters.map(async ({ peer, id }) => ({
      publisher: id,
      ...(await peer.call<PublishedReport>('published', id)),
    })),
  );
  for (const deadline = performance.now() + SETTLING_MS; ; ) {
    const receptions = await Promise.all(
      responders.map(async ({ peer, id }, i) => ({
        subscriber: id,
        label: `responder ${i}`,
        ...(await peer.call<ReceivedReport>('received', id)),
      })),
    );
    const isWhole = judge(publications, receptions, { told }).problems.length === 0;
    if (isWhole || performance.now() > deadline) return prove(publications, receptions, { told });
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Sums of several. */
export function total(outcomes: readonly Outcomes[]): Omit<Outcomes, 'by'> {
  const rejected: Record<string, number> = {};
  for (const each of outcomes)
    for (const [code, count] of Object.entries(each.rejected)) rejected[code] = (rejected[code] ?? 0) + count;
  const sum = (of: (each: Outcomes) => number): number => outcomes.reduce((all, each) => all + of(each), 0);
  return {
    made: sum(({ made }) => made),
    answered: sum(({ answered }) => answered),
    mixedUp: sum(({ mixedUp }) => mixedUp),
    rejected,
    longestMs: Math.max(...outcomes.map(({ longestMs }) => longestMs)),
  };
}
