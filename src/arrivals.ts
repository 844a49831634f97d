/** Takes what delivery brings to the listeners, or to who handles requests: valid, in order, and in its context. */
import type { Contexts } from './context.js';
import type { DeliveryHandlers, RetainedValue } from './delivery/delivery.js';
import { foreignMessageError } from './delivery/failures.js';
import type { ErrorReporter } from './error-reporter.js';
import { DistributedError } from './errors.js';
import { InOrder } from './in-order.js';
import type { Listeners, Surroundings } from './listeners.js';
import { toError } from './request-errors.js';
import type { Requests } from './requests.js';
import type { Schemas, Verdict } from './schemas.js';
import { isThenable } from './thenable.js';
import { inTrace, isTracing } from './tracing.js';
import type { Attributes } from './wire/attributes.js';
import { formatPublisherId, type Header } from './wire/batch.js';
import type { Space } from './wire/space.js';

const NO_HEADERS = Object.freeze({});
const DONE: Promise<void> = Promise.resolve();

export interface ArrivalsOptions {
  readonly schemas: Schemas | undefined;
  readonly contexts: Contexts | undefined;
  readonly requests: Requests;
  readonly reporter: ErrorReporter;
  listenersOf(space: Space): Listeners | undefined;
  /** Told of events before they are looked at. */
  onReceived(name: PropertyKey, values: readonly unknown[]): void;
}

/** Where a batch comes from: what is left of its header. */
type Source = Pick<Header, 'publisher' | 'sequence' | 'time'>;

export class Arrivals {
  readonly #options: ArrivalsOptions;
  /** Batches wait for those before them if a schema takes its time. */
  readonly #inOrder = new InOrder();

  constructor(options: ArrivalsOptions) {
    this.#options = options;
  }

  readonly receive: DeliveryHandlers['onEvents'] = ({ name, space }, values, header, attributes) => {
    const { requests, reporter, schemas } = this.#options;
    if (space.kind === 'event') {
      this.#options.onReceived(name, values);
      if (schemas === undefined) this.#dispatch(space, name, values, header, attributes);
      else this.#validate(schemas, space, name, values, header, attributes);
      return;
    }
    const publisherId = formatPublisherId(header.publisher);
    const surroundings = this.#surroundings(space, name, header, attributes);
    for (const [i, value] of values.entries()) {
      const receive = (): void => {
        const fault = requests.receive(space, name, value, publisherId);
        if (fault !== undefined) reporter.tell(foreignMessageError(fault, name));
      };
      if (surroundings === undefined) receive();
      else surroundings(i, receive);
    }
  };

  /** The search for a retained value of `name` has ended: those who wait for it get it, or no more wait. */
  async receiveRetained(space: Space, name: PropertyKey, found: RetainedValue | undefined): Promise<void> {
    const { schemas, reporter } = this.#options;
    const listeners = this.#options.listenersOf(space);
    // Who comes while a schema takes its time may have missed a newer event by then: another search is theirs.
    const seekers = listeners?.retainedSeekers(name);
    const give = (value: { readonly data: unknown } | undefined): void =>
      listeners?.giveRetained(name, value, seekers);
    if (found === undefined) {
      give(undefined);
      return;
    }
    const { header, attributes } = found;
    let data = found.value;
    if (schemas !== undefined) {
      try {
        data = await schemas.incoming(name, 'event', data);
      } catch (cause) {
        give(undefined);
        reporter.tell(validationError(name, formatPublisherId(header.publisher), cause));
        return;
      }
    }
    const given = attributes === undefined ? undefined : [attributes];
    const surroundings = this.#surroundings(space, name, header, given, true);
    if (surroundings === undefined) give({ data });
    else surroundings(0, () => give({ data }));
  }

  /** What is not valid is told, and its listeners are not called. */
  #validate(
    schemas: Schemas,
    space: Space,
    name: PropertyKey,
    values: readonly unknown[],
    { publisher, sequence, time }: Readonly<Header>,
    attributes: readonly Attributes[] | undefined,
  ): void {
    const source = { publisher, sequence, time };
    const isValidated = schemas.validates(name, 'event', 'receive');
    const verdicts = values.map((value) => (isValidated ? schemas.judge(name, 'event', value) : { value }));
    const ready = verdicts.some(isThenable) ? Promise.all(verdicts) : (verdicts as Verdict[]);
    void this.#inOrder.run(ready, (known) => {
      const valid = known.flatMap((verdict, i) => ('value' in verdict ? [i] : []));
      for (const verdict of known)
        if ('error' in verdict)
          this.#options.reporter.tell(validationError(name, formatPublisherId(publisher), verdict.error));
      this.#dispatch(
        space,
        name,
        valid.map((i) => (known[i] as { readonly value: unknown }).value),
        source,
        attributes === undefined ? undefined : valid.map((i) => attributes[i] as Attributes),
      );
      return DONE;
    });
  }

  #dispatch(
    space: Space,
    name: PropertyKey,
    values: readonly unknown[],
    source: Readonly<Source>,
    attributes: readonly Attributes[] | undefined,
  ): void {
    const surroundings = this.#surroundings(space, name, source, attributes);
    this.#options.listenersOf(space)?.dispatch(name, values, surroundings);
  }

  /** What each event's listeners are called in, if that is anything. */
  #surroundings(
    { channel }: Space,
    eventName: PropertyKey,
    { publisher, sequence, time }: Readonly<Source>,
    attributes: readonly Attributes[] | undefined,
    retained = false,
  ): Surroundings | undefined {
    const { contexts } = this.#options;
    if (contexts === undefined && attributes === undefined && !isTracing()) return undefined;
    return (index, deliver) => {
      const headers = attributes?.[index]?.headers;
      const traced = (): void => inTrace(headers, deliver);
      if (contexts === undefined) {
        traced();
        return;
      }
      const context = {
        eventName,
        channel,
        publisherId: formatPublisherId(publisher),
        sequence: sequence === 0 ? undefined : sequence,
        sentAt: time / 1000,
        retained,
        headers: headers ?? NO_HEADERS,
      };
      contexts.run(context, traced);
    };
  }
}

/** An event of `publisherId` came to a listener's emitter, and is not valid. */
export function validationError(name: PropertyKey, publisherId: string, cause: unknown): DistributedError {
  const message = `An event of ${publisherId} was not given to its listeners: ${toError(cause).message}`;
  return new DistributedError('validation', 'DEMITTER_VALIDATION', message, {
    eventName: name,
    publisherId,
    missed: 1,
    cause,
  });
}
