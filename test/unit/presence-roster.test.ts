import { describe, expect, test } from 'vitest';
import { Roster } from '../../src/delivery/presence/roster.js';
import type { Peer } from '../../src/peer.js';
import { packPayload } from '../../src/wire/payload.js';
import { type Announcement, encodeAnnouncement, MAX_META_BYTES } from '../../src/wire/presence.js';

const SINCE = Date.UTC(2026, 0, 1);

function announcement(details: Partial<Announcement> = {}): Buffer {
  return encodeAnnouncement({
    since: SINCE,
    intervalMs: 1000,
    pid: 42,
    threadId: 0,
    host: 'here',
    name: '',
    meta: new Uint8Array(0),
    ...details,
  });
}

const ids = (peers: readonly { readonly id: string }[]) => peers.map(({ id }) => Number.parseInt(id, 16));

describe('a peer that announces itself', () => {
  test('is new once, with what it says of itself and nothing that it does not say', () => {
    const roster = new Roster();
    const peer = { id: '0000000000000a', host: 'here', pid: 42, since: new Date(SINCE) };
    expect(roster.announce(10, announcement(), 0)).toStrictEqual(peer);
    expect(roster.announce(10, announcement(), 1)).toBe('known');
    expect(roster.peers()).toStrictEqual([peer]);
    const meta = Uint8Array.from(packPayload({ zone: 1 }));
    expect(roster.announce(11, announcement({ name: 'api', meta, threadId: 3 }), 2)).toStrictEqual({
      ...peer,
      id: '0000000000000b',
      name: 'api',
      meta: { zone: 1 },
      threadId: 3,
    });
  });

  test('may say something else of itself later, and is not new for that', () => {
    const roster = new Roster();
    roster.announce(1, announcement({ name: 'a' }), 0);
    expect(roster.announce(1, announcement({ name: 'b' }), 0)).toBe('known');
    expect(roster.peers()[0]?.name).toBe('b');
  });

  test('is not known by bytes that change afterwards', () => {
    const roster = new Roster();
    const bytes = announcement({ name: 'api', meta: Uint8Array.from(packPayload('x')) });
    roster.announce(1, bytes, 0);
    bytes.fill(0xff);
    expect(roster.peers()).toMatchObject([{ name: 'api', meta: 'x' }]);
  });

  test('is refused if it is malformed, and what was known stays', () => {
    const roster = new Roster();
    expect(roster.announce(1, Buffer.from('x'), 0)).toBe('malformed');
    roster.announce(2, announcement(), 0);
    expect(roster.announce(2, Buffer.from('x'), 0)).toBe('malformed');
    expect(ids(roster.peers())).toEqual([2]);
  });
});

test('peers are sorted by since, and then by id; each call gets values of its own', () => {
  const roster = new Roster();
  const meta = Uint8Array.from(packPayload({ tags: [] }));
  roster.announce(2, announcement({ meta }), 0);
  roster.announce(1, announcement(), 0);
  roster.announce(3, announcement({ since: SINCE - 1 }), 0);
  expect(ids(roster.peers())).toEqual([3, 1, 2]);
  const [first, , last] = roster.peers() as [Peer, Peer, Peer];
  (last.meta as { tags: string[] }).tags.push('mine');
  first.since.setTime(0);
  expect(roster.peers()[2]?.meta).toEqual({ tags: [] });
  expect(roster.peers()[0]?.since).toEqual(new Date(SINCE - 1));
});

describe('a peer that is silent', () => {
  test('is due after three of its own intervals, from when it was last heard', () => {
    const roster = new Roster();
    roster.announce(1, announcement({ intervalMs: 1000 }), 0);
    roster.announce(2, announcement({ intervalMs: 200 }), 100);
    expect([roster.nextDue(), roster.dueAt(1), roster.dueAt(2)]).toEqual([700, 3000, 700]);
    expect(roster.heard(2, 300)).toBe(true);
    expect(roster.nextDue()).toBe(900);
    expect(roster.expire(899)).toEqual([]);
    expect(ids(roster.expire(900))).toEqual([2]);
    expect([roster.heard(2, 901), roster.dueAt(2)]).toEqual([false, Number.POSITIVE_INFINITY]);
    expect(ids(roster.expire(3000))).toEqual([1]);
    expect(roster.nextDue()).toBe(Number.POSITIVE_INFINITY);
  });

  test('is allowed what is within bounds, whatever it announces', () => {
    const roster = new Roster();
    roster.announce(1, announcement({ intervalMs: 0 }), 0);
    expect(roster.nextDue()).toBe(300);
    roster.announce(2, announcement({ intervalMs: Number.POSITIVE_INFINITY }), 0);
    expect(roster.dueAt(2)).toBe(3 * 3_600_000);
  });

  test('is excused while nobody could be heard: it has its intervals anew, and no less than is said', () => {
    const roster = new Roster();
    roster.announce(1, announcement({ intervalMs: 1000 }), 0);
    roster.announce(2, announcement({ intervalMs: 100 }), 0);
    roster.excuse(10_000, 2000);
    expect([roster.dueAt(1), roster.dueAt(2)]).toEqual([13_000, 12_000]);
    roster.heard(2, 10_050);
    expect(roster.dueAt(2)).toBe(12_000);
    roster.heard(2, 12_000);
    expect(roster.dueAt(2)).toBe(12_300);
  });
});

test('who leaves is forgotten', () => {
  const roster = new Roster();
  roster.announce(1, announcement({ name: 'a' }), 0);
  expect(roster.remove(1)).toMatchObject({ name: 'a' });
  expect([roster.remove(1), roster.peers(), roster.nextDue()]).toEqual([
    undefined,
    [],
    Number.POSITIVE_INFINITY,
  ]);
  expect(roster.announce(1, announcement(), 0)).toMatchObject({ id: '00000000000001' });
});

describe('bounds', () => {
  test('10,000 peers: newcomers are not remembered until somebody leaves', () => {
    const roster = new Roster();
    for (let id = 1; id <= 10_000; id += 1) roster.announce(id, announcement(), 0);
    expect(roster.isFull).toBe(true);
    expect(roster.announce(10_001, announcement(), 0)).toBe('full');
    expect(roster.announce(1, announcement({ name: 'again' }), 0)).toBe('known');
    expect(roster.peers()).toHaveLength(10_000);
    roster.remove(5);
    expect(roster.announce(10_001, announcement(), 0)).toMatchObject({ pid: 42 });
  });

  test('32 MiB of announcements', () => {
    const roster = new Roster();
    const meta = Uint8Array.from(packPayload('x'.repeat(MAX_META_BYTES - 3)));
    let id = 0;
    while (!roster.isFull) roster.announce(++id, announcement({ meta }), 0);
    expect(id).toBe(Math.ceil((32 * 1024 * 1024) / announcement({ meta }).length));
    expect(roster.announce(id + 1, announcement(), 0)).toBe('full');
    // What they announce anew takes the place of what they said before.
    for (let known = 1; known <= id; known += 1) roster.announce(known, announcement(), 0);
    expect(roster.isFull).toBe(false);
    for (let known = 1; known <= id; known += 1) roster.remove(known);
    let again = 0;
    while (!roster.isFull) roster.announce(++again, announcement({ meta }), 0);
    expect(again).toBe(id);
  });
});
