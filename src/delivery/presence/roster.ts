/**
 * The roster: which peers are there, when each was last heard, and who has been silent for too long. Pure state: times
 * are given to it, of a clock in milliseconds that only goes forward.
 *
 * Announcements are kept as they came, so that what strangers can make us keep is bounded in bytes.
 */

import type { Peer } from '../../peer.js';
import { formatPublisherId, type PublisherId } from '../../wire/batch.js';
import { unpackPayloads } from '../../wire/payload.js';
import { type Announcement, decodeAnnouncement } from '../../wire/presence.js';
import { keptCopy } from '../kept-copy.js';

const MAX_PEERS = 10_000;
const MAX_BYTES = 32 * 1024 * 1024;

/** So many intervals in which nothing came from a peer mean that it is gone. */
const MAX_SILENT_INTERVALS = 3;

interface Member {
  readonly id: PublisherId;
  body: Buffer;
  announcement: Announcement;
  heardAt: number;
}

export class Roster {
  readonly #members = new Map<PublisherId, Member>();
  #bytes = 0;

  /** Whether newcomers are not remembered any more. */
  get isFull(): boolean {
    return this.#members.size >= MAX_PEERS || this.#bytes >= MAX_BYTES;
  }

  /** Everybody, those first that have been there for longest. */
  peers(): Peer[] {
    const peers = Array.from(this.#members.values(), toPeer);
    return peers.sort((a, b) => a.since.getTime() - b.since.getTime() || (a.id < b.id ? -1 : 1));
  }

  /** A peer was heard. Returns whether it is known. */
  heard(id: PublisherId, at: number): boolean {
    const member = this.#members.get(id);
    if (member === undefined) return false;
    // It may have been given time beyond now.
    member.heardAt = Math.max(member.heardAt, at);
    return true;
  }

  /**
   * A peer has announced itself. The bytes of `body` may change after the call.
   *
   * @returns the peer if it is new; `known` if it is not, `full` if there is no room for it, `malformed` if it is none.
   */
  announce(id: PublisherId, body: Buffer, at: number): Peer | 'known' | 'full' | 'malformed' {
    const known = this.#members.get(id);
    // Nearly always it says what it said before.
    if (known?.body.equals(body)) return this.heard(id, at) ? 'known' : 'full';
    if (known === undefined && this.isFull) return 'full';
    // There is no room for what it says now: what it said before has to do.
    if (known !== undefined && this.#bytes + body.length - known.body.length > MAX_BYTES)
      return this.heard(id, at) ? 'known' : 'full';
    const bytes = keptCopy(body);
    const announcement = decodeAnnouncement(bytes);
    if (announcement === undefined) return 'malformed';
    this.#bytes += bytes.length - (known?.body.length ?? 0);
    if (known !== undefined) {
      Object.assign(known, { body: bytes, announcement });
      this.heard(id, at);
      return 'known';
    }
    const member: Member = { id, body: bytes, announcement, heardAt: at };
    this.#members.set(id, member);
    return toPeer(member);
  }

  /** Forgets a peer, and returns who that was. */
  remove(id: PublisherId): Peer | undefined {
    const member = this.#members.get(id);
    if (member === undefined) return undefined;
    this.#forget(member);
    return toPeer(member);
  }

  /** Forgets the peers that were not heard for too long at `at`, and returns who they were. */
  expire(at: number): Peer[] {
    const silent = [...this.#members.values()].filter((member) => dueAt(member) <= at);
    for (const member of silent) this.#forget(member);
    return silent.map(toPeer);
  }

  /** When a peer will have been silent for too long; infinite if it is not known. */
  dueAt(id: PublisherId): number {
    const member = this.#members.get(id);
    return member === undefined ? Number.POSITIVE_INFINITY : dueAt(member);
  }

  /** When the first peer will have been silent for too long; infinite if there is none. */
  nextDue(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const member of this.#members.values()) next = Math.min(next, dueAt(member));
    return next;
  }

  /** Nobody could be heard until `at`: everybody has his intervals anew from then, and at least `minMs`. */
  excuse(at: number, minMs: number): void {
    for (const member of this.#members.values()) {
      member.heardAt = Math.max(at, at + minMs - allowedMs(member));
    }
  }

  #forget(member: Member): void {
    this.#members.delete(member.id);
    this.#bytes -= member.body.length;
  }
}

function allowedMs({ announcement }: Member): number {
  return MAX_SILENT_INTERVALS * announcement.intervalMs;
}

function dueAt(member: Member): number {
  return member.heardAt + allowedMs(member);
}

/** Made anew for each that asks, so that nobody shares what another one may change. */
function toPeer({ id, announcement }: Member): Peer {
  const { since, pid, threadId, host, name, meta } = announcement;
  return {
    id: formatPublisherId(id),
    ...(name === '' ? {} : { name }),
    ...(meta.length === 0 ? {} : { meta: unpackPayloads(meta as Buffer, 0, 1)[0] }),
    host,
    pid,
    ...(threadId === 0 ? {} : { threadId }),
    since: new Date(since),
  };
}
