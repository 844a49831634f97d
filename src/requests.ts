/** Requests and answers of one emitter: what it asks, what it answers, and the events that carry both. */
import type { Delivery } from './delivery/delivery.js';
import { EventIterator } from './event-iterator.js';
import type { ResolvedOptions } from './options.js';
import { essenceOf, isUnanswered, unsentError } from './request-errors.js';
import type { ResolvedRequest } from './request-options.js';
import { type Answer, Requester, type RequestHandlers } from './requester.js';
import { type RequestHandler, Responder } from './responder.js';
import { notPermittedError, type Rights } from './rights.js';
import type { Schemas } from './schemas.js';
import { withTrace } from './tracing.js';
import type { Headers } from './wire/attributes.js';
import { type AnswerData, AnswerKind } from './wire/requests.js';
import { makeSpace, type Space } from './wire/space.js';

export interface RequestsOptions extends Pick<ResolvedOptions, 'namespace' | 'rights' | 'schemas'> {
  /** Calls `call` in the context of what this emitter emits itself. */
  runLocally(space: Space, name: PropertyKey, headers: Headers | undefined, call: () => void): void;
}

export class Requests {
  readonly #delivery: Delivery;
  readonly #namespace: string;
  readonly #rights: Rights;
  readonly #schemas: Schemas | undefined;
  readonly #runLocally: RequestsOptions['runLocally'];
  /** Requests that are in no channel. */
  readonly #root: Space;
  readonly #replies: Space;
  readonly #requester = new Requester();
  readonly #responder: Responder;
  /** Until it is proven that answers arrive, `true` from then on. */
  #listening: Promise<void> | true | undefined;

  constructor(delivery: Delivery, { namespace, rights, schemas, runLocally }: RequestsOptions) {
    this.#delivery = delivery;
    this.#namespace = namespace;
    this.#rights = rights;
    this.#schemas = schemas;
    this.#runLocally = runLocally;
    this.#root = makeSpace('request', namespace);
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
  request(
    channel: string | undefined,
    name: PropertyKey,
    data: unknown,
    options: ResolvedRequest,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#open(channel, name, data, options, {
        check: this.#checkOf(name),
        onAnswer: (answer) => {
          if (answer.status === 'rejected') reject(answer.reason);
          else resolve(answer.value);
        },
        onEnd: (error) => {
          if (options.hasFallback && isUnanswered(error)) resolve(options.fallback);
          else reject(error);
        },
      });
    });
  }

  /** As `emitter.requestMany`, in a channel if one is given. */
  requestMany(
    channel: string | undefined,
    name: PropertyKey,
    data: unknown,
    options: ResolvedRequest,
  ): EventIterator<Answer<unknown>> {
    let abandon = (): void => {};
    const answers = new EventIterator<Answer<unknown>>(() => abandon());
    const fail = (error: unknown): void => {
      const failure = Promise.reject(error);
      // Nobody may be waiting for it.
      failure.catch(() => {});
      answers.enqueue(failure);
      answers.finish();
    };
    abandon = this.#open(channel, name, data, options, {
      check: this.#checkOf(name),
      onAnswer: (answer) => answers.enqueue(answer),
      onEnd: (error) => {
        // That no more came in time is how it ends; that it was never sent is not.
        if (error === undefined || isUnanswered(error)) answers.finish();
        else fail(error);
      },
    });
    return answers;
  }

  /**
   * Returns what takes the handler off again.
   *
   * @throws DemitterError `DEMITTER_NOT_PERMITTED`, or Error if there is a handler already.
   */
  respond(channel: string | undefined, name: PropertyKey, handler: RequestHandler): () => void {
    if (this.#rights !== 'both')
      throw notPermittedError(`Requests '${String(name)}' cannot be heard and answered`, this.#rights);
    return this.#responder.add(name, this.#spaceOf(channel), this.#validating(name, handler));
  }

  /** A request or an answer came from elsewhere. Returns what is wrong with it, if something is. */
  receive(space: Space, name: PropertyKey, value: unknown, publisherId: string): string | undefined {
    return space.kind === 'request'
      ? this.#responder.receive(name, space, value, publisherId)
      : this.#requester.receive(value, publisherId);
  }

  close(): void {
    this.#requester.close();
    this.#responder.close();
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
    const attributes = headers === undefined ? undefined : { headers };
    const schemas = this.#schemas;
    let valid = data;
    const link = {
      listening: () => {
        if (this.#rights === 'both') {
          if (schemas === undefined || !schemas.validates(name, 'request', 'emit')) return this.#listen();
          // However long that takes, the request ends with its timeout and its signal.
          return schemas.outgoing(name, 'request', data).then((outgoing) => {
            valid = outgoing;
            return this.#listen();
          });
        }
        const what = `Request '${String(name)}' cannot be sent and answered`;
        return Promise.reject(notPermittedError(what, this.#rights));
      },
      send: (number: number) => {
        const request = [number, valid];
        try {
          this.#delivery.send(name, request, space, attributes);
        } catch (error) {
          throw unsentError(`Request '${String(name)}' was not sent`, error);
        }
        // What is sent does not come back: a handler of this very emitter gets it from here, when its caller is done.
        queueMicrotask(() =>
          this.#runLocally(space, name, headers, () => {
            this.#responder.receive(name, space, request, this.#delivery.id);
          }),
        );
      },
      inquire: (number: number) => {
        const question = [number];
        // That it cannot be sent is told there.
        void this.#delivery.publish(name, question, space);
        this.#responder.receive(name, space, question, this.#delivery.id);
      },
    };
    return this.#requester.open(name, options, link, handlers);
  }

  /** One that is not valid is a failure like others. */
  #checkOf(name: PropertyKey): RequestHandlers['check'] {
    const schemas = this.#schemas;
    if (schemas?.validates(name, 'answer', 'receive') !== true) return undefined;
    return async (answer) => {
      if (answer.status === 'rejected') return answer;
      try {
        return { ...answer, value: await schemas.incoming(name, 'answer', answer.value) };
      } catch (reason) {
        return { status: 'rejected', reason: reason as Error, publisherId: answer.publisherId };
      }
    };
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
  #listen(): Promise<void> | undefined {
    if (this.#listening === true) return undefined;
    // Rejects, and is not what the next one waits for: `connect()` may come at once.
    if (this.#delivery.status === 'idle') return this.#delivery.ready();
    if (this.#listening === undefined) {
      this.#delivery.listen(this.#delivery.id, this.#replies);
      const listening = this.#delivery.ready();
      this.#listening = listening;
      listening.then(
        () => {
          this.#listening = true;
        },
        () => {
          // Closed meanwhile.
          this.#delivery.unlisten(this.#delivery.id, this.#replies);
          this.#listening = undefined;
        },
      );
    }
    return this.#listening;
  }

  #answer(requester: string, answer: AnswerData): void {
    if (requester === this.#delivery.id) {
      this.#requester.receive(answer, requester);
      return;
    }
    const [number, kind, value] = answer;
    const unsent = this.#send(requester, answer);
    if (unsent === undefined) return;
    // Most of an error is better than that it cannot be sent.
    if (kind === AnswerKind.error) {
      const most = essenceOf(value as Error);
      if (this.#send(requester, [number, kind, most]) === undefined) return;
    }
    // If this cannot be sent either, that is told there.
    const reason = unsentError('The answer could not be sent', unsent);
    void this.#delivery.publish(requester, [number, AnswerKind.error, reason], this.#replies);
  }

  /** Returns why it was not sent, if it was not. */
  #send(requester: string, answer: AnswerData): unknown {
    try {
      this.#delivery.send(requester, answer, this.#replies);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  #spaceOf(channel: string | undefined): Space {
    return channel === undefined ? this.#root : makeSpace('request', this.#namespace, channel);
  }
}
