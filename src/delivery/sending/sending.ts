/**
 * The sending half of delivery: what was emitted is sent, remembered, and sent again to whoever missed it.
 *
 * Outbox, history, tail marker and replayer share one link and one idea of whether it works; here they are told of it
 * together.
 */
import type { ResolvedOptions } from '../../options.js';
import { mayReceive } from '../../rights.js';
import type { Transport } from '../../transport/transport.js';
import type { PublisherId } from '../../wire/batch.js';
import type { Request } from '../../wire/recovery.js';
import type { Space } from '../../wire/space.js';
import { settledBefore } from '../deadline.js';
import { Aftermath } from './aftermath.js';
import { History } from './history.js';
import { Outbox } from './outbox.js';
import { hasSentAll, Publications } from './publications.js';
import { type Answer, Replayer } from './replayer.js';
import { TailMarker } from './tail-marker.js';
import { WallClock } from './wall-clock.js';

/** How long what was sent may have been on its way when the link was last proven. */
const FLIGHT_MS = 1000;

/**
 * How often a publisher that closes after an outage says how far its names have come. By themselves, receivers ask those
 * that they do not know much later: they may come back after the first word of it.
 */
const REMIND_MS = 150;

/**
 * After an outage, receivers dial again within 300 ms, and have made their subscriptions soon after. Nobody can ask a
 * publisher that does not hear for what comes too early: so what waits to be sent waits for them.
 */
const RETURN_MS = 500;

export interface SendingContext {
  /** A clock in milliseconds that only goes forward. */
  readonly now: () => number;
  /** The last round trip, in milliseconds; 0 if it is not known. */
  latencyMs(): number;
  /** How long ago the link was last proven. */
  unprovenMs(): number;
}

export class Sending {
  readonly outbox: Outbox;
  readonly #context: SendingContext;
  readonly #transport: Transport;
  readonly #clock = new WallClock();
  readonly #publications: Publications;
  readonly #history: History;
  readonly #tailMarker: TailMarker;
  readonly #replayer: Replayer;
  readonly #aftermath: Aftermath;
  /** Whether receivers can ask for what they missed. */
  readonly #answers: boolean;
  /** Whether there was a link before. */
  #hadLink = false;
  /** Until when the outbox waits for receivers to return. */
  #returning: NodeJS.Timeout | undefined;

  constructor(
    publisher: PublisherId,
    options: ResolvedOptions,
    transport: Transport,
    context: SendingContext,
  ) {
    const { now } = context;
    this.#context = context;
    this.#transport = transport;
    const publications = new Publications();
    this.#publications = publications;
    const answers = mayReceive(options.rights);
    this.#answers = answers;
    this.#history = new History(answers ? options : { ...options, historyBytes: 0 }, now);
    this.#tailMarker = new TailMarker(publisher, publications, this, now, answers);
    const { processes: canBrake, headroom } = transport.supports;
    const timeAt = (time: number): number => this.#clock.at(time);
    this.outbox = new Outbox({ ...options, publisher, now, timeAt, answers, canBrake, headroom }, transport, {
      publications,
      history: this.#history,
      tailMarker: this.#tailMarker,
    });
    this.#replayer = new Replayer(publisher, this.#history, publications, this, now);
    this.#aftermath = new Aftermath(context.latencyMs, () => this.outbox.trust());
  }

  /** What tells whether all events of a name have been sent. */
  sentAllOf(name: PropertyKey, space: Space): () => boolean {
    const publication = this.#publications.of(name, space);
    return () => publication === undefined || hasSentAll(publication);
  }

  /** Microseconds since 1970. */
  get time(): number {
    return this.#clock.at(this.#context.now());
  }

  /** Sends a message that is no batch of events, past what waits in the outbox. As {@link Transport.send}. */
  send(message: Buffer): boolean {
    return this.outbox.sendBeside(message);
  }

  flush(): void {
    this.#transport.flush();
  }

  /** Answers `requester`, who missed something. */
  replay(requester: PublisherId, number: number, request: Request): void {
    this.#aftermath.asked();
    this.outbox.heard(requester);
    this.#replayer.request(requester, number, request);
  }

  /** Tells `inquirer` how far the names among `topics` (none: all) have come that were sent in the last `withinMs`. */
  tellTails(inquirer: PublisherId, topics: readonly Buffer[], withinMs: number): void {
    // Not counted as asking: who inquires may miss nothing, and a publisher that closes reminds everybody anyway.
    this.#replayer.inquiry(inquirer, topics, withinMs);
  }

  /** Sends the messages of `answer` to `asker`, in its turn and as the link takes them. `question` is the asker's number. */
  answer(asker: PublisherId, question: number, topics: number, answer: () => Answer): void {
    this.#replayer.answer(`retained ${asker} ${question}`, { requester: asker, topics, answer });
  }

  /** The link takes more again. */
  drained(): void {
    if (this.#returning === undefined) this.outbox.setLinkOpen(true);
    this.#replayer.resume();
  }

  linkUp(): void {
    this.outbox.forgetReceivers();
    this.#tailMarker.markRecent(this.#context.unprovenMs() + FLIGHT_MS);
    this.#replayer.resume();
    if (this.#answers || !this.#hadLink) this.outbox.setLinkOpen(true);
    else this.#awaitReturns();
    this.#hadLink = true;
  }

  linkDown(): void {
    this.doubt();
    this.#tailMarker.pause();
    this.#replayer.clear();
    this.#stopAwaiting();
    this.outbox.setLinkOpen(false);
  }

  #awaitReturns(): void {
    this.#returning = setTimeout(() => {
      this.#returning = undefined;
      this.outbox.setLinkOpen(true);
    }, RETURN_MS);
  }

  #stopAwaiting(): void {
    clearTimeout(this.#returning);
    this.#returning = undefined;
  }

  /** From when the link was last proven, anything may have been lost: receivers will have to ask. */
  doubt(): void {
    const { now, unprovenMs } = this.#context;
    this.#aftermath.begin(now() - unprovenMs() - FLIGHT_MS);
    this.outbox.doubt();
  }

  /** The link is proven. */
  proven(): void {
    this.#aftermath.proven();
  }

  /** Something that was sent in the last `withinMs` may have been lost: says how far each name has come. */
  markRecent(withinMs: number): void {
    this.#tailMarker.markRecent(withinMs + FLIGHT_MS);
  }

  /** Sends what waits, and gives receivers the time to ask for what they missed, until `deadline`. */
  async finish(deadline: number): Promise<void> {
    await settledBefore(deadline, this.outbox.drained());
    const reminder = setInterval(() => this.#remind(), REMIND_MS);
    await settledBefore(deadline, this.#aftermath.over(this.outbox.lastSentAt));
    clearInterval(reminder);
  }

  #remind(): void {
    const { since } = this.#aftermath;
    if (since !== undefined) this.#tailMarker.markRecent(this.#context.now() - since);
  }

  /** Closes the transport. Returns how many events may not have arrived. */
  async close(deadline: number): Promise<number> {
    this.#aftermath.stop();
    this.#stopAwaiting();
    this.#tailMarker.markAll();
    // Nothing more is handed to the transport, or what it says of the last bytes would be of others.
    this.#replayer.clear();
    this.outbox.setLinkOpen(false);
    const unconfirmedBytes = await this.#transport.close(Math.max(0, deadline - performance.now()));
    const unsent = this.outbox.discard(unconfirmedBytes);
    this.#history.stop();
    return unsent;
  }
}
