/**
 * Requests of this emitter that wait for answers. A request is an event that responders listen to, and an answer one that
 * its requester listens to, under its own id: what is promised of events holds for both.
 */
import { DemitterError, type DemitterErrorCode } from './errors.js';
import type { ResolvedRequest } from './request-options.js';
import { AnswerKind, isAnswerData } from './wire/requests.js';

/** One of the answers to a request that was made of many. */
export type Answer<Value> =
  | { readonly status: 'fulfilled'; readonly value: Value; readonly publisherId: string }
  | { readonly status: 'rejected'; readonly reason: Error; readonly publisherId: string };

/** When one who was asked has left, others are waited for no longer than this. */
const LEFT_GRACE_MS = 1000;

export interface RequesterLink {
  /** Resolves when answers arrive here. */
  listening(): Promise<void>;
  /** @throws DemitterError if the request cannot be sent. */
  send(number: number): void;
}

export interface RequestHandlers {
  onAnswer(answer: Answer<unknown>): void;
  /** No more answers come; `error` says why, unless there have been as many as were asked for. */
  onEnd(error: unknown): void;
}

interface Pending extends RequestHandlers {
  readonly name: PropertyKey;
  readonly max: number;
  readonly stall: number;
  answers: number;
  /** Ends it in any case. */
  deadline: NodeJS.Timeout | undefined;
  /** Ends it sooner if nothing comes. */
  patience: NodeJS.Timeout | undefined;
  ignoreSignal: () => void;
}

export class Requester {
  readonly #pending = new Map<number, Pending>();
  #count = 0;
  #isClosed = false;

  /** Makes a request. Returns what ends it without a word. */
  open(
    name: PropertyKey,
    options: ResolvedRequest,
    link: RequesterLink,
    handlers: RequestHandlers,
  ): () => void {
    this.#count += 1;
    const number = this.#count;
    const { max, stall, timeout, signal } = options;
    const pending: Pending = {
      onAnswer: (answer) => handlers.onAnswer(answer),
      onEnd: (error) => handlers.onEnd(error),
      name,
      max,
      stall,
      answers: 0,
      deadline: undefined,
      patience: undefined,
      ignoreSignal: () => {},
    };
    this.#pending.set(number, pending);
    if (timeout > 0)
      pending.deadline = setTimeout(() => this.#end(number, timeoutError(name, timeout)), timeout);
    if (signal !== undefined) this.#obey(signal, number, pending);
    if (this.#isClosed) this.#end(number, closedError(name));
    void this.#send(number, link);
    return () => {
      if (this.#pending.has(number)) this.#forget(number, pending);
    };
  }

  /** An answer came from `publisherId`. Returns what is wrong with it, if something is. */
  receive(value: unknown, publisherId: string): string | undefined {
    if (!isAnswerData(value)) return 'is a malformed answer';
    const [number, kind, answer] = value;
    const pending = this.#pending.get(number);
    // Late answers are of no interest any more.
    if (pending === undefined) return undefined;
    if (kind === AnswerKind.left) {
      if (pending.max === 1) this.#wait(number, pending, LEFT_GRACE_MS, leftError(pending.name));
      return undefined;
    }
    pending.answers += 1;
    const isLast = pending.answers >= pending.max;
    if (isLast) this.#forget(number, pending);
    else if (pending.stall > 0) this.#wait(number, pending, pending.stall, undefined);
    pending.onAnswer(
      kind === AnswerKind.error
        ? { status: 'rejected', reason: answer as Error, publisherId }
        : { status: 'fulfilled', value: answer, publisherId },
    );
    if (isLast) pending.onEnd(undefined);
    return undefined;
  }

  /** Gives up whatever waits, and whatever comes. */
  close(): void {
    this.#isClosed = true;
    for (const [number, { name }] of [...this.#pending]) this.#end(number, closedError(name));
  }

  async #send(number: number, link: RequesterLink): Promise<void> {
    try {
      if (this.#pending.has(number)) await link.listening();
      if (this.#pending.has(number)) link.send(number);
    } catch (error) {
      this.#end(number, error);
    }
  }

  #obey(signal: AbortSignal, number: number, pending: Pending): void {
    const abort = (): void => this.#end(number, signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    pending.ignoreSignal = () => signal.removeEventListener('abort', abort);
    if (signal.aborted) abort();
  }

  /** Ends it if nothing comes for `ms`. */
  #wait(number: number, pending: Pending, ms: number, error: unknown): void {
    clearTimeout(pending.patience);
    pending.patience = setTimeout(() => this.#end(number, error), ms);
  }

  #end(number: number, error: unknown): void {
    const pending = this.#pending.get(number);
    if (pending === undefined) return;
    this.#forget(number, pending);
    pending.onEnd(error);
  }

  #forget(number: number, pending: Pending): void {
    this.#pending.delete(number);
    clearTimeout(pending.deadline);
    clearTimeout(pending.patience);
    pending.ignoreSignal();
  }
}

/** Whether `error` says that nobody answered, and nothing else. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof DemitterError && UNANSWERED.includes(error.code);
}

const UNANSWERED: readonly DemitterErrorCode[] = ['DEMITTER_TIMEOUT', 'DEMITTER_RESPONDER_LEFT'];

function timeoutError(name: PropertyKey, timeoutMs: number): DemitterError {
  return new DemitterError(
    'DEMITTER_TIMEOUT',
    `Nobody answered request '${String(name)}' within ${timeoutMs} ms`,
  );
}

function leftError(name: PropertyKey): DemitterError {
  return new DemitterError(
    'DEMITTER_RESPONDER_LEFT',
    `Who was asked '${String(name)}' was closed before it answered, and nobody else did`,
  );
}

function closedError(name: PropertyKey): DemitterError {
  return new DemitterError(
    'DEMITTER_CLOSED',
    `The emitter was closed while request '${String(name)}' waited`,
  );
}
