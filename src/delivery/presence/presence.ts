/**
 * Presence: who else is connected. Joins taking part (`Announcer`) and watching (`Watcher`) to the link.
 *
 * An emitter whose options say so takes part; one that wants to know of others watches, and takes part as well. Any
 * other one subscribes to nothing, sends nothing and sets no timer.
 */
import { hostname } from 'node:os';
import { isMainThread, threadId } from 'node:worker_threads';
import type { Peer, PeerLeave } from '../../peer.js';
import type { PresenceOptions } from '../../presence-options.js';
import { emptyHeader, HEADER_BYTES, MessageKind, type PublisherId, readHeader } from '../../wire/batch.js';
import { encodeAnnouncement } from '../../wire/presence.js';
import { presenceTopic } from '../../wire/topic.js';
import { closedError } from '../failures.js';
import type { Content } from '../post.js';
import { Announcer } from './announcer.js';
import { Watcher } from './watcher.js';

export interface PresenceContext {
  /** A clock in milliseconds that only goes forward. */
  readonly now: () => number;
  /** In milliseconds since 1970. */
  readonly timeOfDay: () => number;
  /** Those in others are not seen; empty for none. */
  readonly namespace: string;
  /** Whether this emitter hears others at all. */
  readonly hears: boolean;
  latencyMs(): number;
  /** Returns the number of the subscription. */
  subscribe(topic: Buffer): number;
  unsubscribe(topic: Buffer): void;
  /** Sees to it that {@link Presence.linkProven} will be called with all subscriptions made so far. */
  prove(): void;
  publish(topic: Buffer, content: Content, body?: Uint8Array): void;
  post(receiver: PublisherId, content: Content): void;
  /** Sends something to oneself; {@link Presence.proved} is to be called when it is back. */
  beat(): void;
  onJoin(peer: Peer): void;
  onLeave(leave: PeerLeave): void;
}

/** Why an emitter watches: it was asked for its peers once, or somebody listens. */
export type WatchReason = 'peers' | 'distributed:join' | 'distributed:leave';

interface Watching {
  readonly watcher: Watcher;
  readonly subscription: number;
}

export class Presence {
  readonly #self: PublisherId;
  readonly #options: PresenceOptions;
  readonly #context: PresenceContext;
  readonly #news: Buffer;
  readonly #rollCalls: Buffer;
  readonly #announcer: Announcer;
  readonly #reasons = new Set<WatchReason>();
  #watching: Watching | undefined;
  /** How many subscriptions are in force on the present link; -1 while it does not work. */
  #proven = -1;
  /** When the link first worked, in milliseconds since 1970: for people to read, no duration is taken with it. */
  #since: number | undefined;

  constructor(self: PublisherId, options: PresenceOptions, context: PresenceContext) {
    this.#self = self;
    this.#options = options;
    this.#context = context;
    this.#news = presenceTopic('news', context.namespace);
    this.#rollCalls = presenceTopic('rollCalls', context.namespace);
    this.#announcer = new Announcer({
      now: context.now,
      random: Math.random,
      intervalMs: options.heartbeatInterval,
      hears: context.hears,
      announcement: () => this.#announcement(),
      tell: (kind, body) => context.publish(this.#news, { kind }, body),
    });
    if (options.takesPart) context.subscribe(this.#rollCalls);
  }

  /** Begins to watch for `reason`, or does not any more. */
  watch(reason: WatchReason, wanted: boolean): void {
    const known = this.#watching?.watcher;
    if (known !== undefined && wanted && reason === 'distributed:join' && !this.#reasons.has(reason))
      this.#tellKnown(known);
    if (wanted) this.#reasons.add(reason);
    else this.#reasons.delete(reason);
    if (this.#reasons.size > 0) this.#startWatching();
    else this.#stopWatching();
  }

  /** Whoever is there: at the first time, when all have had the time to answer. Watches from here on. */
  async peers(): Promise<readonly Peer[]> {
    this.watch('peers', true);
    const { watcher } = this.#startWatching();
    await watcher.settled();
    return watcher.peers();
  }

  /** The link works, and so many of the subscriptions are in force. */
  linkProven(subscriptions: number): void {
    this.#since ??= Math.round(this.#context.timeOfDay());
    const watching = this.#watching;
    const wasHeard = watching !== undefined && watching.subscription <= this.#proven;
    this.#proven = subscriptions;
    if (this.#takesPart) this.#announcer.start();
    if (watching !== undefined && !wasHeard && watching.subscription <= subscriptions) {
      watching.watcher.linkUp();
    }
  }

  linkLost(): void {
    this.#proven = -1;
    this.#announcer.stop();
    this.#watching?.watcher.linkDown();
  }

  /** Something came back that was sent to oneself at `sentAt`. */
  proved(sentAt: number): void {
    this.#watching?.watcher.proved(sentAt);
  }

  /** Says goodbye, and ends everything. */
  close(): void {
    this.#announcer.leave();
    this.#watching?.watcher.stop(closedError());
    this.#watching = undefined;
  }

  /** A message under a topic of presence. Returns what is wrong with it, if something is. */
  receive(message: Buffer): string | undefined {
    const isNews = startsWith(message, this.#news);
    if (!isNews && !startsWith(message, this.#rollCalls)) return undefined;
    const { length } = isNews ? this.#news : this.#rollCalls;
    const header = emptyHeader();
    const fault = readHeader(message, length, header);
    if (fault !== undefined) return fault;
    if (header.publisher === this.#self) return undefined;
    if (!isNews) return this.#receiveRollCall(header.kind);
    return this.#receiveNews(header.kind, header.publisher, message.subarray(length + HEADER_BYTES));
  }

  /** Somebody asks this emitter alone to announce itself. */
  asked(): void {
    this.#announcer.asked();
  }

  get #takesPart(): boolean {
    return this.#options.takesPart || this.#watching !== undefined;
  }

  #receiveRollCall(kind: number): string | undefined {
    if (kind !== MessageKind.rollCall) return `has the kind ${kind} under the topic of roll calls`;
    this.#watching?.watcher.called();
    this.#announcer.asked();
    return undefined;
  }

  #receiveNews(kind: number, publisher: PublisherId, body: Buffer): string | undefined {
    const watcher = this.#watching?.watcher;
    switch (kind) {
      case MessageKind.announcement:
        return watcher?.announced(publisher, body);
      case MessageKind.beat:
        watcher?.heard(publisher);
        return undefined;
      case MessageKind.farewell:
        watcher?.left(publisher);
        return undefined;
      default:
        return `has the kind ${kind} under the topic of presence`;
    }
  }

  #startWatching(): Watching {
    if (this.#watching !== undefined) return this.#watching;
    const { now, latencyMs, subscribe, publish, post, beat, onJoin, onLeave, prove } = this.#context;
    if (!this.#options.takesPart) subscribe(this.#rollCalls);
    const rollCall = { kind: MessageKind.rollCall };
    const watcher = new Watcher({
      now,
      random: Math.random,
      latencyMs,
      call: (receiver) =>
        receiver === 'all' ? publish(this.#rollCalls, rollCall) : post(receiver, rollCall),
      prove: beat,
      onJoin,
      onLeave,
    });
    this.#watching = { watcher, subscription: subscribe(this.#news) };
    if (this.#proven >= 0) this.#announcer.start();
    prove();
    return this.#watching;
  }

  /** Those who were there before the first listener came; not within the call of `on`. */
  #tellKnown(watcher: Watcher): void {
    const before = watcher.peers();
    queueMicrotask(() => {
      if (this.#watching?.watcher === watcher) for (const peer of before) this.#context.onJoin(peer);
    });
  }

  #stopWatching(): void {
    if (this.#watching === undefined) return;
    this.#context.unsubscribe(this.#news);
    this.#watching.watcher.stop(closedError());
    this.#watching = undefined;
    if (this.#options.takesPart) return;
    this.#context.unsubscribe(this.#rollCalls);
    this.#announcer.leave();
  }

  #announcement(): Uint8Array {
    const { name, meta, heartbeatInterval } = this.#options;
    return encodeAnnouncement({
      since: this.#since ?? 0,
      intervalMs: heartbeatInterval,
      pid: process.pid,
      threadId: isMainThread ? 0 : threadId,
      host: hostname(),
      name,
      meta,
    });
  }
}

function startsWith(message: Buffer, topic: Buffer): boolean {
  return message.subarray(0, topic.length).equals(topic);
}
