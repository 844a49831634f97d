/**
 * Watching: an emitter knows who is there. It holds a roll call at first, and then listens to what others say of
 * themselves. Somebody it does not know is asked alone.
 *
 * The answers go to everybody who watches. So whoever hears another's roll call, or the answer to another's question,
 * need not ask; random delays let one be the first.
 */
import type { Peer, PeerLeave } from '../../peer.js';
import type { PublisherId } from '../../wire/batch.js';
import { Roster } from './roster.js';
import { Silence } from './silence.js';

/** Before a roll call, at random. */
const CALL_SPREAD_MS = 20;

/** Before strangers are asked: their announcement may be on its way, or somebody else may ask. */
const ASK_DELAY_MS = 50;
const ASK_SPREAD_MS = 100;
/** So many strangers are asked at a time. Others beat again. */
const MAX_STRANGERS = 64;

/**
 * The roster is complete when no newcomer has come for so long, and for three round trips: as proven by something that
 * was sent to oneself after that and has come back. Newcomers may be waiting in the socket of a busy process.
 */
const QUIET_MS = 200;
const QUIET_ROUND_TRIPS = 3;
const SETTLING_STEP_MS = 50;
/** It is taken to be complete after 5 s in which this process ran, if newcomers do not cease. */
const MAX_SETTLING_STEPS = 100;

/** After an outage everybody has time to come back, too, however short his interval is. */
const MIN_RETURN_MS = 3000;

export interface WatcherContext {
  /** A clock in milliseconds that only goes forward. */
  readonly now: () => number;
  /** From 0 up to, but not including, 1. */
  readonly random: () => number;
  /** The last round trip through the forwarder, in milliseconds; 0 if it is not known. */
  latencyMs(): number;
  /** Asks somebody, or everybody, to announce himself. */
  call(receiver: PublisherId | 'all'): void;
  /** Sends something to oneself; {@link Watcher.proved} is to be called when it is back. */
  prove(): void;
  onJoin(peer: Peer): void;
  onLeave(leave: PeerLeave): void;
}

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

/**
 * - `waiting`: for the link, and for the subscription to be in force on it.
 * - `calling`: about to hold the roll call.
 * - `settling`: the answers are coming.
 * - `settled`: whoever was there is known.
 */
type State = 'waiting' | 'calling' | 'settling' | 'settled';

export class Watcher {
  readonly #context: WatcherContext;
  readonly #roster = new Roster();
  readonly #silence: Silence;
  #state: State = 'waiting';
  /** Of the present state. */
  #timer: NodeJS.Timeout | undefined;
  /** How long it has been settling. */
  #steps = 0;
  /** When a newcomer was last heard. */
  #newsAt = 0;
  #waiters: Waiter[] = [];
  readonly #strangers = new Set<PublisherId>();
  #question: NodeJS.Timeout | undefined;

  constructor(context: WatcherContext) {
    this.#context = context;
    this.#silence = new Silence({
      now: context.now,
      nextDue: () => this.#roster.nextDue(),
      prove: () => context.prove(),
    });
  }

  peers(): Peer[] {
    return this.#roster.peers();
  }

  /** Resolves when whoever was there is known. */
  settled(): Promise<void> {
    if (this.#state === 'settled') return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** The link works, and what is said of presence is heard: at first, or after an outage. */
  linkUp(): void {
    this.#roster.excuse(this.#context.now(), MIN_RETURN_MS);
    this.#silence.expect(this.#roster.nextDue());
    if (this.#state !== 'waiting') return;
    this.#state = 'calling';
    this.#timer = setTimeout(() => this.#call(), this.#context.random() * CALL_SPREAD_MS);
  }

  /** Nobody can be heard. */
  linkDown(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#question);
    this.#question = undefined;
    this.#strangers.clear();
    this.#silence.stop();
    if (this.#state !== 'settled') this.#state = 'waiting';
  }

  /** Ends everything: who waits, waits in vain. */
  stop(reason: Error): void {
    this.linkDown();
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiting) waiter.reject(reason);
  }

  /** Returns what is wrong with the announcement, if something is. */
  announced(id: PublisherId, body: Buffer): string | undefined {
    const peer = this.#roster.announce(id, body, this.#context.now());
    if (peer === 'malformed') return 'is a malformed announcement';
    this.#strangers.delete(id);
    if (peer === 'known' || peer === 'full') return undefined;
    this.#newsAt = this.#context.now();
    this.#silence.expect(this.#roster.dueAt(id));
    this.#context.onJoin(peer);
    return undefined;
  }

  heard(id: PublisherId): void {
    const isStranger = !this.#roster.heard(id, this.#context.now());
    if (!isStranger || this.#roster.isFull || this.#strangers.size >= MAX_STRANGERS) return;
    this.#strangers.add(id);
    if (this.#question !== undefined) return;
    const delayMs = ASK_DELAY_MS + this.#context.random() * ASK_SPREAD_MS;
    this.#question = setTimeout(() => this.#askStrangers(), delayMs);
    this.#question.unref();
  }

  left(id: PublisherId): void {
    this.#strangers.delete(id);
    const peer = this.#roster.remove(id);
    if (peer !== undefined) this.#context.onLeave({ ...peer, reason: 'closed' });
  }

  /** Somebody else holds a roll call, whose answers come here, too. */
  called(): void {
    if (this.#state === 'calling') this.#settle();
  }

  /** Something came back that was sent to oneself at `sentAt`. */
  proved(sentAt: number): void {
    const quietMs = Math.max(QUIET_MS, this.#context.latencyMs() * QUIET_ROUND_TRIPS);
    if (this.#state === 'settling' && sentAt >= this.#newsAt + quietMs) this.#finishSettling();
    if (!this.#silence.proved(sentAt)) return;
    const gone = this.#roster.expire(sentAt);
    this.#silence.expect(this.#roster.nextDue());
    for (const peer of gone) this.#context.onLeave({ ...peer, reason: 'silent' });
  }

  #call(): void {
    this.#context.call('all');
    this.#settle();
  }

  #settle(): void {
    clearTimeout(this.#timer);
    this.#state = 'settling';
    this.#steps = 0;
    this.#newsAt = this.#context.now();
    this.#timer = setInterval(() => this.#lookForQuiet(), SETTLING_STEP_MS);
  }

  #lookForQuiet(): void {
    this.#steps += 1;
    if (this.#steps >= MAX_SETTLING_STEPS) this.#finishSettling();
    else if (this.#context.now() >= this.#newsAt + QUIET_MS) this.#context.prove();
  }

  #finishSettling(): void {
    clearInterval(this.#timer);
    this.#state = 'settled';
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiting) waiter.resolve();
  }

  #askStrangers(): void {
    this.#question = undefined;
    for (const id of this.#strangers) this.#context.call(id);
    this.#strangers.clear();
  }
}
