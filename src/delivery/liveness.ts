/**
 * Liveness: proof that the link works in both directions and that every subscription made so far is in force.
 *
 * A round subscribes to a fresh topic of the emitter's own and publishes a probe there until it comes back. The
 * probe's return proves the whole ring (emitter → forwarder → emitter), and because the forwarder takes
 * subscriptions in order, all those made before the round as well. The topic is new in each round: on one that
 * was subscribed to earlier, the probe could overtake the newer subscriptions on the other connection.
 */
import { buildMessage, formatPublisherId, MessageKind, type PublisherId } from '../wire/batch.js';
import { probeTopic } from '../wire/topic.js';

/** The first probe of a round may pass the forwarder before the round's subscription does; then it is repeated. */
const FIRST_REPEAT_MS = 1;
const MAX_REPEAT_MS = 500;

/** The part of a transport that a probe needs. */
export interface ProbeLink {
  subscribe(topic: Uint8Array): void;
  unsubscribe(topic: Uint8Array): void;
  send(message: Buffer): boolean;
  flush(): void;
}

interface Round {
  readonly number: number;
  readonly topic: Buffer;
  /** How many subscriptions had been made when the round began: those it proves. */
  readonly covers: number;
  repeatMs: number;
  timer: NodeJS.Timeout | undefined;
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
  #rounds = 0;
  #round: Round | undefined;
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
    this.#endRound();
    if (up) this.#startRound();
  }

  /** Resolves when the link works and every subscription made until now is in force. */
  confirmed(): Promise<void> {
    if (this.#proven >= this.#subscriptions) return Promise.resolve();
    if (this.#linkUp && this.#round === undefined) this.#startRound();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ covers: this.#subscriptions, resolve, reject });
    });
  }

  /** A message on a probe topic came in. */
  receive(message: Buffer): void {
    const round = this.#round;
    if (round === undefined || !message.subarray(0, round.topic.length).equals(round.topic)) return;
    this.#proven = round.covers;
    this.#endRound();
    const waiting = this.#waiters;
    this.#waiters = waiting.filter((waiter) => waiter.covers > this.#proven);
    if (this.#waiters.length > 0) this.#startRound();
    this.#onProven(round.covers);
    for (const waiter of waiting) if (waiter.covers <= this.#proven) waiter.resolve();
  }

  /** Ends everything: who waits, waits in vain. */
  stop(reason: Error): void {
    this.#endRound();
    this.#linkUp = false;
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiting) waiter.reject(reason);
  }

  #startRound(): void {
    this.#rounds += 1;
    const number = this.#rounds;
    const topic = probeTopic(formatPublisherId(this.#publisher), number);
    this.#round = {
      number,
      topic,
      covers: this.#subscriptions,
      repeatMs: FIRST_REPEAT_MS,
      timer: undefined,
    };
    this.#link.subscribe(topic);
    this.#sendProbe(this.#round);
  }

  #sendProbe(round: Round): void {
    const message = buildMessage(round.topic, {
      kind: MessageKind.probe,
      count: 1,
      publisher: this.#publisher,
      sequence: round.number,
    });
    this.#link.send(message);
    this.#link.flush();
    round.timer = setTimeout(() => this.#sendProbe(round), round.repeatMs);
    round.repeatMs = Math.min(round.repeatMs * 2, MAX_REPEAT_MS);
  }

  #endRound(): void {
    const round = this.#round;
    if (round === undefined) return;
    clearTimeout(round.timer);
    this.#round = undefined;
    this.#link.unsubscribe(round.topic);
  }
}
