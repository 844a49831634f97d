import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Publication, Publications } from '../../src/delivery/sending/publications.js';
import { TailMarker } from '../../src/delivery/sending/tail-marker.js';
import { emptyHeader, FLAG_ANSWERS, type Header, MessageKind, readHeader } from '../../src/wire/batch.js';
import { decodeTopic } from '../../src/wire/topic.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

interface Tail extends Header {
  readonly name: PropertyKey | undefined;
}

/** A publisher that sends batches of three events, and notes the tails. */
function publisher({ answers = true } = {}) {
  let clock = 0;
  let sequence = 0;
  const publications = new Publications();
  const tails: Tail[] = [];
  const link = {
    takesMore: true,
    flushes: 0,
    send(message: Buffer): boolean {
      const end = message.indexOf(0) + 1;
      const header = emptyHeader();
      expect(readHeader(message, end, header)).toBeUndefined();
      tails.push({ ...header, name: decodeTopic(message.subarray(0, end)) });
      return this.takesMore;
    },
    flush(): void {
      this.flushes += 1;
    },
  };
  const marker = new TailMarker(42, publications, link, () => clock, answers);
  const finish = (name: PropertyKey): Publication => {
    const publication = publications.of(name) as Publication;
    sequence += 1;
    Object.assign(publication, { sequence, position: publication.position + 3, finishedAt: clock });
    return publication;
  };
  const handOver = (publication: Publication): void => {
    Object.assign(publication, { sentSequence: publication.sequence, sentAt: clock });
    marker.sent(publication);
  };
  return {
    marker,
    tails,
    link,
    finish,
    handOver,
    send: (name: PropertyKey) => handOver(finish(name)),
    async pass(ms: number): Promise<void> {
      // In small steps, so that the clock and the timers agree.
      for (let left = ms; left > 0; left -= 5) {
        clock += Math.min(5, left);
        await vi.advanceTimersByTimeAsync(Math.min(5, left));
      }
    },
    /** Names of the tails since it was last asked. */
    marked: () => tails.splice(0).map(({ name }) => name),
  };
}

describe('the end of a burst', () => {
  test('is marked when the name has been idle for a moment, and twice more later', async () => {
    const { send, pass, tails, link } = publisher();
    send('a');
    send('a');
    await pass(95);
    expect(tails).toEqual([]);
    await pass(130);
    expect(tails).toMatchObject([
      { kind: MessageKind.tail, name: 'a', publisher: 42, sequence: 2, position: 6, count: 1 },
    ]);
    expect(tails[0]?.elapsed).toBeGreaterThanOrEqual(1000);
    expect(link.flushes).toBe(1);
    await pass(800);
    expect(tails).toHaveLength(1);
    await pass(300);
    expect(tails).toHaveLength(2);
    expect(tails[1]).toMatchObject({ sequence: 2, position: 6 });
    expect(tails[1]?.elapsed).toBeGreaterThan(10_000);
    await pass(9500);
    expect(tails).toHaveLength(2);
    await pass(500);
    expect(tails).toHaveLength(3);
    expect(tails[2]).toMatchObject({ sequence: 2, position: 6 });
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([true, false])('says whether its publisher answers questions: %s', async (answers) => {
    const { send, pass, tails } = publisher({ answers });
    send('a');
    await pass(200);
    expect(tails).toMatchObject([{ name: 'a', flags: answers ? FLAG_ANSWERS : 0 }]);
  });

  test('is not marked while the burst lasts', async () => {
    const { send, pass, marked } = publisher();
    for (let i = 0; i < 50; i += 1) {
      send('a');
      await pass(40);
    }
    expect(marked()).toEqual([]);
    await pass(200);
    expect(marked()).toEqual(['a']);
  });

  test('is not marked again after the next burst has begun, which has an end of its own', async () => {
    const { send, pass, tails } = publisher();
    send('a');
    await pass(500);
    send('a');
    await pass(3000);
    expect(tails.map(({ sequence }) => sequence)).toEqual([1, 2, 2]);
  });

  test('is marked soon even if another name is to be marked again much later', async () => {
    const { send, pass, marked } = publisher();
    send('a');
    await pass(300);
    expect(marked()).toEqual(['a']);
    send('b');
    await pass(150);
    expect(marked()).toEqual(['b']);
  });

  test('is not marked while a batch that is numbered waits to be sent', async () => {
    const { send, finish, handOver, pass, tails } = publisher();
    send('a');
    const waiting = finish('a');
    await pass(3000);
    expect(tails).toEqual([]);
    handOver(waiting);
    await pass(3000);
    expect(tails.map(({ sequence, position }) => [sequence, position])).toEqual([
      [2, 6],
      [2, 6],
    ]);
  });

  test('of very many names is marked bit by bit', async () => {
    const { send, pass, tails } = publisher();
    for (let i = 0; i < 5000; i += 1) send(i);
    let most = 0;
    for (let i = 0; i < 400; i += 1) {
      const before = tails.length;
      await pass(5);
      most = Math.max(most, tails.length - before);
    }
    expect(most).toBe(100);
    expect(new Set(tails.map(({ name }) => name)).size).toBe(5000);
    await pass(3000);
    expect(tails).toHaveLength(10_000);
    await pass(11_000);
    expect(tails).toHaveLength(15_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('waits for a link that does not take more', async () => {
    const { send, pass, link, marked } = publisher();
    link.takesMore = false;
    for (let i = 0; i < 10; i += 1) send(i);
    await pass(110);
    expect(marked()).toHaveLength(1);
    link.takesMore = true;
    await pass(50);
    expect(marked()).toHaveLength(9);
  });
});

describe('with the link down', () => {
  test('nothing is marked until there is a new one; then what waited, at once', async () => {
    const { marker, send, pass, marked } = publisher();
    send('a');
    marker.pause();
    send('b');
    await pass(5000);
    expect(marked()).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
    marker.markRecent(0);
    expect(marked()).toEqual(['a', 'b']);
    await pass(2000);
    expect(marked()).toEqual(['a', 'b']);
  });

  test('what was sent shortly before is marked on the new one, and nothing else', async () => {
    const { marker, send, pass, marked } = publisher();
    send('old');
    await pass(5000);
    send('recent');
    await pass(3000);
    expect(marked()).toEqual(['old', 'old', 'recent', 'recent']);
    marker.pause();
    await pass(1000);
    marker.markRecent(5000);
    expect(marked()).toEqual(['recent']);
    await pass(1500);
    expect(marked()).toEqual(['recent']);
  });
});

test('after an outage, very many names are marked sooner, and only then', async () => {
  const { marker, send, pass, tails } = publisher();
  for (let i = 0; i < 5000; i += 1) send(i);
  marker.pause();
  await pass(500);
  marker.markRecent(1000);
  await pass(100);
  expect(new Set(tails.map(({ name }) => name)).size).toBe(5000);
  await pass(5000);
  tails.length = 0;
  for (let i = 0; i < 5000; i += 1) send(i);
  await pass(200);
  expect(tails.length).toBeGreaterThan(0);
  expect(tails.length).toBeLessThan(1000);
  marker.stop();
});

describe('at the end', () => {
  test('markAll() - marks what waits for it, once', async () => {
    const { marker, send, pass, marked, link } = publisher();
    send('long ago');
    await pass(5000);
    send('a');
    await pass(500);
    send('b');
    send('a');
    marked();
    const { flushes } = link;
    marker.markAll();
    expect(marked().sort()).toEqual(['a', 'b']);
    expect(link.flushes).toBe(flushes + 1);
    await pass(5000);
    expect(marked()).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('markAll() - sends nothing into a link that is down', () => {
    const { marker, send, marked } = publisher();
    send('a');
    marker.pause();
    marker.markAll();
    expect(marked()).toEqual([]);
  });

  test('stop() - sends nothing and needs no timer', async () => {
    const { marker, send, pass, marked } = publisher();
    send('a');
    marker.stop();
    expect(vi.getTimerCount()).toBe(0);
    await pass(5000);
    expect(marked()).toEqual([]);
    send('a');
    await pass(500);
    expect(marked()).toEqual(['a']);
  });
});
