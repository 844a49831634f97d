/**
 * Requests of this emitter that wait for answers. A request is an event that responders listen to, and an answer one that
 * its requester listens to, under its own id: what is promised of events holds for both.
 */
import { closedError, leftError, timeoutError } from './request-errors.js';
import type { ResolvedRequest } from './request-options.js';
import { AnswerKind, isAnswerData } from './wire/requests.js';

/** One of the answers to a request that was made of many. */
export type Answer<Value> =
  | { readonly status: 'fulfilled'; readonly value: Value; readonly publisherId: string }
  | { readonly status: 'rejected'; readonly reason: Error; readonly publisherId: string };

/** When one who was asked has left, the others are asked who is at work on it, and have so long to say so. */
const LEFT_GRACE_MS = 1000;

/** Those who are known to be at work on one request: others would be invented ones. */
const MAX_WORKERS = 4096;

export interface RequesterLink {
  /** Resolves when answers arrive here; `undefined` if they do. */
  listening(): Promise<void> | undefined;
  /** @throws DemitterError if the request cannot be sent. */
  send(number: number): void;
  /** Asks who is at work on it. Never throws. */
  inquire(number: number): void;
}

export interface RequestHandlers {
  /** What is to be made of an answer before it counts, if anything; never rejects. The request goes on meanwhile. */
  readonly check?: ((answer: Answer<unknown>) => Promise<Answer<unknown>>) | undefined;
  onAnswer(answer: Answer<unknown>): void;
  /** No more answers come; `error` says why, unless there have been as many as were asked for. */
  onEnd(error: unknown): void;
}

interface Pending {
  readonly name: PropertyKey;
  readonly options: ResolvedRequest;
  readonly link: RequesterLink;
  readonly handlers: RequestHandlers;
  /** Who has answered, of many. */
  readonly answered: Set<string> | undefined;
  /** How many answers are being checked. */
  checking: number;
  /** Whether no more answers are waited for: it ends when those that came are checked. */
  isComplete: boolean;
  /** Who is known to be at work on it, since somebody left. */
  workers: Set<string> | undefined;
  /** Ends it in any case. */
  deadline: NodeJS.Timeout | undefined;
  /** Ends it sooner if nothing comes. */
  patience: NodeJS.Timeout | undefined;
}

export class Requester {
  readonly #pending = new Map<number, Pending>();
  /** One listener for each signal, however many requests it ends. */
  readonly #ofSignals = new Map<AbortSignal, { readonly numbers: Set<number>; readonly abort: () => void }>();
  #count = 0;
  #isClosed = false;

  /** Makes a request; the handlers may be called at once. Returns what ends it without a word. */
  open(
    name: PropertyKey,
    options: ResolvedRequest,
    link: RequesterLink,
    handlers: RequestHandlers,
  ): () => void {
    this.#count += 1;
    const number = this.#count;
    const { timeout, signal, isMany } = options;
    const pending: Pending = {
      name,
      options,
      link,
      handlers,
      answered: isMany ? new Set() : undefined,
      checking: 0,
      isComplete: false,
      workers: undefined,
      deadline: undefined,
      patience: undefined,
    };
    this.#pending.set(number, pending);
    if (this.#isClosed) this.#end(number, closedError(name));
    else if (signal?.aborted) this.#end(number, signal.reason);
    else {
      if (signal !== undefined) this.#obey(signal, number);
      // Timers run before sockets are read: if the event loop was blocked, the answer may be here already.
      if (timeout > 0)
        pending.deadline = setTimeout(
          () => setImmediate(() => this.#end(number, timeoutError(name, timeout))),
          timeout,
        );
      this.#send(number, link);
    }
    return () => {
      if (this.#pending.has(number)) this.#forget(number, pending);
    };
  }

  /** An answer came from `publisherId`. Returns what is wrong with it, if something is. */
  receive(value: unknown, publisherId: string): string | undefined {
    if (!isAnswerData(value)) return 'is a malformed answer';
    const [number, kind, answer] = value;
    if (number > this.#count) return 'answers a request that was never made';
    const pending = this.#pending.get(number);
    // Late answers are of no interest any more.
    if (pending === undefined || pending.isComplete) return undefined;
    if (kind === AnswerKind.left) this.#left(number, pending, publisherId);
    else if (kind === AnswerKind.working) works(pending, publisherId);
    else return this.#answered(number, pending, publisherId, kind, answer);
    return undefined;
  }

  /** Gives up whatever waits, and whatever comes. */
  close(): void {
    this.#isClosed = true;
    // One error for each name: there may be very many that wait, and each has a stack.
    const errors = new Map<PropertyKey, Error>();
    for (const [number, { name }] of [...this.#pending]) {
      const error = errors.get(name) ?? closedError(name);
      errors.set(name, error);
      this.#end(number, error);
    }
  }

  #send(number: number, link: RequesterLink): void {
    const listening = link.listening();
    if (listening === undefined) this.#sendNow(number, link);
    else
      listening.then(
        () => this.#sendNow(number, link),
        (error: unknown) => this.#end(number, error),
      );
  }

  #sendNow(number: number, link: RequesterLink): void {
    if (!this.#pending.has(number)) return;
    try {
      link.send(number);
    } catch (error) {
      this.#end(number, error);
    }
  }

  #answered(
    number: number,
    pending: Pending,
    publisherId: string,
    kind: AnswerKind,
    answer: unknown,
  ): string | undefined {
    const { answered, options, handlers } = pending;
    if (answered?.has(publisherId)) return 'is a second answer of the same emitter';
    answered?.add(publisherId);
    if (answered === undefined || answered.size >= options.max) this.#complete(pending);
    else if (options.stall > 0) this.#wait(number, pending, options.stall, undefined);
    const came: Answer<unknown> =
      kind === AnswerKind.error
        ? { status: 'rejected', reason: answer as Error, publisherId }
        : { status: 'fulfilled', value: answer, publisherId };
    if (handlers.check === undefined) this.#give(number, pending, came);
    else {
      pending.checking += 1;
      void handlers.check(came).then((checked) => {
        pending.checking -= 1;
        if (this.#pending.has(number)) this.#give(number, pending, checked);
      });
    }
    return undefined;
  }

  #give(number: number, pending: Pending, answer: Answer<unknown>): void {
    const isLast = pending.isComplete && pending.checking === 0;
    if (isLast) this.#forget(number, pending);
    pending.handlers.onAnswer(answer);
    if (isLast) pending.handlers.onEnd(undefined);
  }

  #complete(pending: Pending): void {
    pending.isComplete = true;
    clearTimeout(pending.patience);
    pending.patience = undefined;
  }

  /** Who was asked is closing: the request is lost, unless somebody else is at work on it. */
  #left(number: number, pending: Pending, publisherId: string): void {
    const { workers, link, name, options } = pending;
    if (options.isMany) return;
    workers?.delete(publisherId);
    if (workers !== undefined && workers.size > 0) return;
    // One question for all that leave meanwhile.
    if (pending.patience !== undefined) return;
    this.#wait(number, pending, LEFT_GRACE_MS, leftError(name));
    link.inquire(number);
  }

  #obey(signal: AbortSignal, number: number): void {
    let entry = this.#ofSignals.get(signal);
    if (entry === undefined) {
      const numbers = new Set<number>();
      const abort = (): void => {
        for (const each of [...numbers]) this.#end(each, signal.reason);
      };
      entry = { numbers, abort };
      this.#ofSignals.set(signal, entry);
      signal.addEventListener('abort', abort, { once: true });
    }
    entry.numbers.add(number);
  }

  #disobey(signal: AbortSignal, number: number): void {
    const entry = this.#ofSignals.get(signal);
    if (entry === undefined || !entry.numbers.delete(number) || entry.numbers.size > 0) return;
    this.#ofSignals.delete(signal);
    signal.removeEventListener('abort', entry.abort);
  }

  /** Ends it if nothing comes for `ms`. */
  #wait(number: number, pending: Pending, ms: number, error: unknown): void {
    clearTimeout(pending.patience);
    const timer = setTimeout(
      () =>
        setImmediate(() => {
          if (pending.patience !== timer) return;
          if (pending.checking > 0) this.#complete(pending);
          else this.#end(number, error);
        }),
      ms,
    );
    pending.patience = timer;
  }

  #end(number: number, error: unknown): void {
    const pending = this.#pending.get(number);
    if (pending === undefined) return;
    this.#forget(number, pending);
    pending.handlers.onEnd(error);
  }

  #forget(number: number, { deadline, patience, options: { signal } }: Pending): void {
    this.#pending.delete(number);
    clearTimeout(deadline);
    clearTimeout(patience);
    if (signal !== undefined) this.#disobey(signal, number);
  }
}

function works(pending: Pending, publisherId: string): void {
  if (pending.options.isMany) return;
  pending.workers ??= new Set();
  if (pending.workers.size < MAX_WORKERS) pending.workers.add(publisherId);
  clearTimeout(pending.patience);
  pending.patience = undefined;
}
