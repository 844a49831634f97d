/** Requests and answers of one emitter: what it asks, what it answers, and the events that carry both. */
import type { Delivery } from './delivery/delivery.js';
import type { ResolvedOptions } from './options.js';
import type { ResolvedRequest } from './request-options.js';
import { type Answer, isUnanswered, Requester, type RequestHandlers } from './requester.js';
import { type RequestHandler, Responder } from './responder.js';
import type { Schemas } from './schemas.js';
import { withTrace } from './tracing.js';
import { type AnswerData, AnswerKind } from './wire/requests.js';
import { makeSpace, type Space } from './wire/space.js';

export class Requests {
  readonly #delivery: Delivery;
  readonly #namespace: string;
  readonly #schemas: Schemas | undefined;
  readonly #replies: Space;
  readonly #requester = new Requester();
  readonly #responder: Responder;
  #listening: Promise<void> | undefined;

  constructor(delivery: Delivery, { namespace, schemas }: Pick<ResolvedOptions, 'namespace' | 'schemas'>) {
    this.#delivery = delivery;
    this.#namespace = namespace;
    this.#schemas = schemas;
    this.#replies = makeSpace('reply', namespace);
    this.#responder = new Responder({
      onInterest: (name, space, interested) => {
        if (interested) delivery.listen(name, space);
        else delivery.unlisten(name, space);
      },
      answer: (requester, answer) => this.#answer(requester, answer),
    });
  }

  /** As `emitter.request`, in a channel if one is given. */
  async request(
    channel: string | undefined,
    name: PropertyKey,
    data: unknown,
    options: ResolvedRequest,
  ): Promise<unknown> {
    const schemas = this.#schemas;
    if (schemas === undefined) return this.#request(channel, name, data, options);
    const valid = await schemas.outgoing(name, 'request', data);
    return schemas.incoming(name, 'answer', await this.#request(channel, name, valid, options));
  }

  #request(
    channel: string | undefined,
    name: PropertyKey,
    data: unknown,
    options: ResolvedRequest,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#open(channel, name, data, options, {
        onAnswer: (answer) => (answer.status === 'fulfilled' ? resolve(answer.value) : reject(answer.reason)),
        onEnd: (error) => {
          if (options.hasFallback && isUnanswered(error)) resolve(options.fallback);
          else reject(error);
        },
      });
    });
  }

  /** As `emitter.requestMany`, in a channel if one is given. */
  async *requestMany(
    channel: string | undefined,
    name: PropertyKey,
    data: unknown,
    options: ResolvedRequest,
  ): AsyncGenerator<Answer<unknown>, void, undefined> {
    const schemas = this.#schemas;
    const valid = schemas === undefined ? data : await schemas.outgoing(name, 'request', data);
    const answers: Answer<unknown>[] = [];
    let ended: { readonly error: unknown } | undefined;
    let wake = (): void => {};
    const abandon = this.#open(channel, name, valid, options, {
      onAnswer: (answer) => {
        answers.push(answer);
        wake();
      },
      onEnd: (error) => {
        ended = { error };
        wake();
      },
    });
    try {
      while (true) {
        for (let answer = answers.shift(); answer !== undefined; answer = answers.shift())
          yield schemas === undefined ? answer : await validAnswer(schemas, name, answer);
        if (ended !== undefined) break;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      abandon();
    }
    // That no more came in time is how it ends; that it was never sent is not.
    if (ended.error !== undefined && !isUnanswered(ended.error)) throw ended.error;
  }

  /** Returns what takes the handler off again. */
  respond(channel: string | undefined, name: PropertyKey, handler: RequestHandler): () => void {
    const space = this.#spaceOf(channel);
    const validating = this.#validating(name, handler);
    this.#responder.add(name, space, validating);
    return () => this.#responder.delete(name, space, validating);
  }

  /** A request or an answer came from elsewhere. Returns what is wrong with it, if something is. */
  receive(space: Space, name: PropertyKey, value: unknown, publisherId: string): string | undefined {
    return space.kind === 'request'
      ? this.#responder.receive(name, space, value, publisherId)
      : this.#requester.receive(value, publisherId);
  }

  close(): void {
    this.#responder.close();
    this.#requester.close();
  }

  #open(
    channel: string | undefined,
    name: PropertyKey,
    data: unknown,
    options: ResolvedRequest,
    handlers: RequestHandlers,
  ): () => void {
    const space = this.#spaceOf(channel);
    const headers = withTrace(options.headers);
    const link = {
      listening: () => this.#listen(),
      send: (number: number) => {
        const request = [number, data];
        this.#delivery.send(name, request, space, headers === undefined ? undefined : { headers });
        // What is sent does not come back: a handler of this very emitter gets it from here.
        this.#responder.receive(name, space, request, this.#delivery.id);
      },
    };
    return this.#requester.open(name, options, link, handlers);
  }

  #validating(name: PropertyKey, handler: RequestHandler): RequestHandler {
    const schemas = this.#schemas;
    if (schemas === undefined) return handler;
    return async (data) => {
      const answer = await handler(await schemas.incoming(name, 'request', data));
      return schemas.outgoing(name, 'answer', answer);
    };
  }

  /** Answers arrive once it was proven that they do. After that, one that an outage costs is recovered. */
  #listen(): Promise<void> {
    if (this.#listening === undefined) {
      this.#delivery.listen(this.#delivery.id, this.#replies);
      this.#listening = this.#delivery.ready();
      this.#listening.catch(() => {
        // Before `connect()`, say: the next request tries again.
        this.#delivery.unlisten(this.#delivery.id, this.#replies);
        this.#listening = undefined;
      });
    }
    return this.#listening;
  }

  #answer(requester: string, answer: AnswerData): void {
    if (requester === this.#delivery.id) {
      this.#requester.receive(answer, requester);
      return;
    }
    try {
      this.#delivery.send(requester, answer, this.#replies);
    } catch (cause) {
      const error = new Error(`The answer could not be sent: ${(cause as Error).message}`);
      // If this cannot be sent either, that is told here.
      void this.#delivery.publish(requester, [answer[0], AnswerKind.error, error], this.#replies);
    }
  }

  #spaceOf(channel: string | undefined): Space {
    return makeSpace('request', this.#namespace, channel);
  }
}

/** One that is not valid is a failure like others. */
async function validAnswer(
  schemas: Schemas,
  name: PropertyKey,
  answer: Answer<unknown>,
): Promise<Answer<unknown>> {
  if (answer.status === 'rejected') return answer;
  try {
    return { ...answer, value: await schemas.incoming(name, 'answer', answer.value) };
  } catch (reason) {
    return { status: 'rejected', reason: reason as Error, publisherId: answer.publisherId };
  }
}
