/** Handlers of requests in this emitter, and the requests that they are at work on. */
import { inspect } from 'node:util';
import { type AnswerData, AnswerKind, isRequestData } from './wire/requests.js';
import type { Space } from './wire/space.js';

export type RequestHandler = (data: unknown) => unknown;

export interface ResponderHandlers {
  /** The first handler of a name begins to listen; the last one has gone. */
  onInterest(name: PropertyKey, space: Space, interested: boolean): void;
  /** Never throws. */
  answer(requester: string, answer: AnswerData): void;
}

export class Responder {
  readonly #handlers: ResponderHandlers;
  /** By the key of the space, and by name. */
  readonly #bySpace = new Map<string, Map<PropertyKey, RequestHandler>>();
  /** Requests that a handler is at work on. */
  readonly #unanswered = new Set<{ readonly requester: string; readonly number: number }>();

  constructor(handlers: ResponderHandlers) {
    this.#handlers = handlers;
  }

  /** @throws Error if the name has a handler already. */
  add(name: PropertyKey, space: Space, handler: RequestHandler): void {
    const names = this.#bySpace.get(space.key) ?? new Map<PropertyKey, RequestHandler>();
    if (names.has(name))
      throw new Error(`Expected no handler of request '${String(name)}' yet, but this emitter has one`);
    names.set(name, handler);
    this.#bySpace.set(space.key, names);
    this.#handlers.onInterest(name, space, true);
  }

  delete(name: PropertyKey, space: Space, handler: RequestHandler): void {
    const names = this.#bySpace.get(space.key);
    if (names?.get(name) !== handler) return;
    names.delete(name);
    if (names.size === 0) this.#bySpace.delete(space.key);
    this.#handlers.onInterest(name, space, false);
  }

  /** The handler of a name. */
  of(name: PropertyKey, space: Space): RequestHandler | undefined {
    return this.#bySpace.get(space.key)?.get(name);
  }

  /** A request came from `requester`. Returns what is wrong with it, if something is. */
  receive(name: PropertyKey, space: Space, value: unknown, requester: string): string | undefined {
    if (!isRequestData(value)) return 'is a malformed request';
    const handler = this.of(name, space);
    const [number, data] = value;
    if (handler !== undefined) void this.#work(handler, data, { requester, number });
    return undefined;
  }

  /** Tells whoever waits that no answer will come. */
  close(): void {
    for (const { requester, number } of this.#unanswered)
      this.#handlers.answer(requester, [number, AnswerKind.left, undefined]);
    this.#unanswered.clear();
  }

  async #work(
    handler: RequestHandler,
    data: unknown,
    request: { readonly requester: string; readonly number: number },
  ): Promise<void> {
    this.#unanswered.add(request);
    let kind: AnswerKind = AnswerKind.value;
    let answer: unknown;
    try {
      answer = await handler(data);
    } catch (thrown) {
      kind = AnswerKind.error;
      answer = toError(thrown);
    }
    // Closed meanwhile: that was said already.
    if (this.#unanswered.delete(request))
      this.#handlers.answer(request.requester, [request.number, kind, answer]);
  }
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(inspect(thrown), { cause: thrown });
}
