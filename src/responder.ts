/** Handlers of requests in this emitter, and the requests that they are at work on. */
import { toError } from './request-errors.js';
import {
  type AnswerData,
  AnswerKind,
  isQuestionData,
  isRequestData,
  type QuestionData,
} from './wire/requests.js';
import type { Space } from './wire/space.js';

export type RequestHandler = (data: unknown) => unknown;

export interface ResponderHandlers {
  /** The first handler of a name begins to listen; the last one has gone. */
  onInterest(name: PropertyKey, space: Space, interested: boolean): void;
  /** Never throws. */
  answer(requester: string, answer: AnswerData): void;
}

/** That somebody responds to a name. */
interface Registration {
  readonly handler: RequestHandler;
}

interface Asked {
  readonly requester: string;
  readonly number: number;
}

export class Responder {
  readonly #handlers: ResponderHandlers;
  /** By the key of the space, and by name. */
  readonly #bySpace = new Map<string, Map<PropertyKey, Registration>>();
  /** Requests that a handler is at work on, by requester and number. */
  readonly #unanswered = new Map<string, Asked>();
  #isClosed = false;

  constructor(handlers: ResponderHandlers) {
    this.#handlers = handlers;
  }

  /**
   * Returns what takes the handler off again.
   *
   * @throws Error if the name has a handler already.
   */
  add(name: PropertyKey, space: Space, handler: RequestHandler): () => void {
    const names = this.#bySpace.get(space.key) ?? new Map<PropertyKey, Registration>();
    if (names.has(name))
      throw new Error(`Expected no handler of request '${String(name)}' yet, but this emitter has one`);
    const registration = { handler };
    names.set(name, registration);
    this.#bySpace.set(space.key, names);
    this.#handlers.onInterest(name, space, true);
    return () => this.#delete(name, space, registration);
  }

  /** A request came from `requester`, or a question after one. Returns what is wrong with it, if something is. */
  receive(name: PropertyKey, space: Space, value: unknown, requester: string): string | undefined {
    if (isQuestionData(value)) {
      this.#tellWhetherWorking(requester, value);
      return undefined;
    }
    if (!isRequestData(value)) return 'is a malformed request';
    const registration = this.#bySpace.get(space.key)?.get(name);
    // Nobody would hear the answer of one that is closed.
    if (registration === undefined || this.#isClosed) return undefined;
    const [number, data] = value;
    const key = keyOf(requester, number);
    if (this.#unanswered.has(key)) return 'has the number of another request';
    void this.#work(registration.handler, data, key, { requester, number });
    return undefined;
  }

  /** Tells whoever waits that no answer will come. */
  close(): void {
    this.#isClosed = true;
    for (const { requester, number } of this.#unanswered.values())
      this.#handlers.answer(requester, [number, AnswerKind.left, undefined]);
    this.#unanswered.clear();
  }

  #delete(name: PropertyKey, space: Space, registration: Registration): void {
    const names = this.#bySpace.get(space.key);
    if (names?.get(name) !== registration) return;
    names.delete(name);
    if (names.size === 0) this.#bySpace.delete(space.key);
    this.#handlers.onInterest(name, space, false);
  }

  #tellWhetherWorking(requester: string, [number]: QuestionData): void {
    if (this.#unanswered.has(keyOf(requester, number)))
      this.#handlers.answer(requester, [number, AnswerKind.working, undefined]);
  }

  async #work(handler: RequestHandler, data: unknown, key: string, asked: Asked): Promise<void> {
    this.#unanswered.set(key, asked);
    let kind: AnswerKind = AnswerKind.value;
    let answer: unknown;
    try {
      answer = await handler(data);
    } catch (thrown) {
      kind = AnswerKind.error;
      answer = toError(thrown);
    }
    // Closed meanwhile: that was said already.
    if (this.#unanswered.delete(key)) this.#handlers.answer(asked.requester, [asked.number, kind, answer]);
  }
}

function keyOf(requester: string, number: number): string {
  return `${requester}:${number}`;
}
