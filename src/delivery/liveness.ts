/**
 * Liveness: proof that the link works in both directions and that every subscription made so far is in force.
 *
 * A round subscribes to a fresh topic of the emitter's own and publishes a probe there until it comes back. The
 * probe's return proves the whole ring (emitter → forwarder → emitter), and because the forwarder takes
 * subscriptions in order, all those made before the round as well. The topic is new in each round: on one that
 * was subscribed to earlier, the probe could overtake the newer subscriptions on the other connection.
 *
 * A round that lasts is joined by another one, in case its subscription did not get through whole; the earlier one
 * still counts if the way back is just long.
 *
 * An emitter that may not both send and receive has no such ring: its rounds end when the link itself confirms what was
 * done so far, as far as it can.
 */
import { buildMessage, formatPublisherId, MessageKind, type PublisherId } from '../wire/batch.js';
import { probeTopic } from '../wire/topic.js';

/** The first probe of a round may pass the forwarder before the round's subscription does; then it is repeated. */
const FIRST_REPEAT_MS = 1;
const MAX_REPEAT_MS = 500;

/** When a round is joined by another one; that one, by a further one after twice the time. */
const FIRST_RENEWAL_MS = 1500;

/** The part of a transport that a probe needs. */
export interface ProbeLink {
  subscribe(topic: Uint8Array): void;
  unsubscribe(topic: Uint8Array): void;
  send(message: Buffer): boolean;
  flush(): void;
  /** As {@link Transport.confirm}: where it is given, there are no probes. */
  readonly confirm?: ((onConfirmed: () => void) => void) | undefined;
}

interface Round {
  readonly number: number;
  readonly topic: Buffer;
  /** How many subscriptions had been made when the round began: those it proves. */
  readonly covers: number;
  /** When another round joins it, and how long it has lasted. */
  readonly renewalMs: number;
  lastedMs: number;
  repeatMs: number;
}

interface Waiter {
  /** How many subscriptions have to be proven. */
  readonly covers: number;
  resolve(): void;
  reject(error: Error): void;
}

export class Liveness {
  readonly #publisher: PublisherId;
  readonly #link: ProbeLink;
  readonly #onProven: (subscriptions: number) => void;
  #roundsSoFar = 0;
  /** Those that may still come back, oldest first: the last one is repeated. */
  #rounds: Round[] = [];
  #timer: NodeJS.Timeout | undefined;
  #linkUp = false;
  #subscriptions = 0;
  /** Subscriptions proven on the present link; -1 while the link itself is not. */
  #proven = -1;
  #waiters: Waiter[] = [];

  /** `onProven` is called at the end of each successful round, with the number of subscriptions that it proves. */
  constructor(publisher: PublisherId, link: ProbeLink, onProven: (subscriptions: number) => void) {
    this.#publisher = publisher;
    this.#link = link;
    this.#onProven = onProven;
  }

  /** Call after each subscription: {@link confirmed} will wait for it. Returns its number. */
  subscribed(): number {
    this.#subscriptions += 1;
    return this.#subscriptions;
  }

  setLinkUp(up: boolean): void {
    this.#linkUp = up;
    this.#proven = -1;
    this.#endRounds();
    if (up) this.#startRound();
  }

  /** Resolves when the link works and every subscription made until now is in force. */
  confirmed(): Promise<void> {
    if (this.#proven >= this.#subscriptions) return Promise.resolve();
    if (this.#linkUp && this.#rounds.length === 0) this.#startRound();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ covers: this.#subscriptions, resolve, reject });
    });
  }

  /** A message on a probe topic came in. */
  receive(message: Buffer): void {
    const round = this.#rounds.find(({ topic }) => message.subarray(0, topic.length).equals(topic));
    if (round !== undefined) this.#succeed(round);
  }

  /** Ends everything: who waits, waits in vain. */
  stop(reason: Error): void {
    this.#endRounds();
    this.#linkUp = false;
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiting) waiter.reject(reason);
  }

  #succeed(round: Round): void {
    this.#proven = round.covers;
    this.#endRounds();
    const waiting = this.#waiters;
    this.#waiters = waiting.filter((waiter) => waiter.covers > this.#proven);
    if (this.#waiters.length > 0) this.#startRound();
    this.#onProven(round.covers);
    for (const waiter of waiting) if (waiter.covers <= this.#proven) waiter.resolve();
  }

  #startRound(renewalMs = FIRST_RENEWAL_MS): void {
    this.#roundsSoFar += 1;
    const number = this.#roundsSoFar;
    const topic = probeTopic(formatPublisherId(this.#publisher), number);
    const covers = this.#subscriptions;
    const round = { number, topic, covers, renewalMs, lastedMs: 0, repeatMs: FIRST_REPEAT_MS };
    this.#rounds.push(round);
    if (this.#link.confirm !== undefined) {
      this.#link.confirm(() => {
        if (this.#rounds.includes(round)) this.#succeed(round);
      });
      return;
    }
    this.#link.subscribe(topic);
    this.#sendProbe();
  }

  #sendProbe(): void {
    const round = this.#rounds.at(-1) as Round;
    if (round.lastedMs >= round.renewalMs) {
      this.#startRound(round.renewalMs * 2);
      return;
    }
    const message = buildMessage(round.topic, {
      kind: MessageKind.probe,
      count: 1,
      publisher: this.#publisher,
      sequence: round.number,
    });
    this.#link.send(message);
    this.#link.flush();
    this.#timer = setTimeout(() => this.#sendProbe(), round.repeatMs);
    round.lastedMs += round.repeatMs;
    round.repeatMs = Math.min(round.repeatMs * 2, MAX_REPEAT_MS);
  }

  #endRounds(): void {
    clearTimeout(this.#timer);
    for (const { topic } of this.#rounds) this.#link.unsubscribe(topic);
    this.#rounds = [];
  }
}
