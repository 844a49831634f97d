/**
 * What fault tests count: an event says who emitted it, as which number of all (`n`) and of its name (`k`), and
 * carries an id that only this event of this publisher has (`u`). From these the receiving side can tell a lost, a doubled, a
 * late and a damaged event apart, in counters: millions of events cost no memory.
 *
 * Plain JavaScript, because the processes under test run it without a compiler. What the counts mean is judged in
 * oracle.ts.
 */

/** Gaps are kept to tell a late event from a doubled one; a run that has more of them has failed anyway. */
const MAX_GAPS = 1000;

/** What an event costs without its padding, about. */
const EVENT_BYTES = 50;

/** FNV-1a. */
function seedOf(publisher) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < publisher.length; i += 1) hash = Math.imul(hash ^ publisher.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** A bijection of `n` for each seed and `k`: damage to any one of the three shows. */
function uniqueId(seed, n, k) {
  let hash = Math.imul(n ^ Math.imul(k ^ seed, 0x85ebca6b), 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** The publisher's record: how many events of each name, and which of them it was told were refused. */
export class Published {
  #publisher;
  #seed;
  #total = 0;
  #names = new Map();
  #refusedUnnamed = 0;
  #padding = new Uint8Array(0);

  constructor(publisher) {
    this.#publisher = publisher;
    this.#seed = seedOf(publisher);
  }

  get total() {
    return this.#total;
  }

  /** The next event of `name`, about `bytes` long. It is packed when it is emitted, so that the padding can be used again. */
  next(name, bytes = 0) {
    const count = this.#countOf(name);
    const n = this.#total;
    this.#total += 1;
    const k = count.emitted;
    const event = { p: this.#publisher, n, k, u: uniqueId(this.#seed, n, k) };
    count.emitted += 1;
    const padding = bytes - EVENT_BYTES;
    if (padding <= 0) return event;
    if (this.#padding.length !== padding) this.#padding = new Uint8Array(padding);
    this.#padding[0] = n;
    this.#padding[padding - 1] = n;
    event.d = this.#padding;
    return event;
  }

  /** `missed` events were refused; of several names if `name` is undefined. */
  refuse(name, missed) {
    if (name === undefined) this.#refusedUnnamed += missed;
    else this.#countOf(name).refused += missed;
  }

  report() {
    return { names: Object.fromEntries(this.#names), refusedUnnamed: this.#refusedUnnamed };
  }

  #countOf(name) {
    let count = this.#names.get(name);
    if (count === undefined) {
      count = { emitted: 0, refused: 0 };
      this.#names.set(name, count);
    }
    return count;
  }
}

function emptyCounts() {
  return {
    delivered: 0,
    duplicates: 0,
    reordered: 0,
    told: 0,
    toldInexactly: 0,
    first: -1,
    last: -1,
    gaps: [],
    untrackedGaps: 0,
  };
}

/** The subscriber's record, by publisher and name. */
export class Received {
  #publishers = new Map();
  #corrupted = 0;
  #toldOfNobody = 0;
  /** Grows with whatever comes in: as long as it stands still, nothing does. */
  progress = 0;

  take(name, event) {
    this.progress += 1;
    const from = typeof event?.p === 'string' ? this.#from(event.p) : undefined;
    if (from === undefined || !isWhole(event, from.seed)) {
      this.#corrupted += 1;
      return;
    }
    if (event.n <= from.last) from.disorder += 1;
    else from.last = event.n;
    const counts = countsOf(from, name);
    if (event.k === counts.last + 1) {
      counts.delivered += 1;
      counts.last = event.k;
      if (counts.first < 0) counts.first = event.k;
    } else takeOutOfTurn(counts, event.k);
  }

  /** The emitter was told that it missed events; how many, where that is known. */
  tell(publisher, name, missed) {
    this.progress += 1;
    if (publisher === undefined || name === undefined) {
      this.#toldOfNobody += 1;
      return;
    }
    const counts = countsOf(this.#from(publisher), name);
    if (missed === undefined) counts.toldInexactly += 1;
    else counts.told += missed;
  }

  /**
   * Whether everything that was `emitted` has been delivered or told.
   *
   * @param names which names are listened to; all if undefined
   * @param joined what was emitted before the first event seen does not count
   */
  isComplete(emitted, names, joined) {
    return emitted.every(({ publisher, names: byName, refusedUnnamed }) => {
      const from = this.#publishers.get(publisher);
      let missing = -refusedUnnamed;
      for (const [name, { emitted: count, refused }] of Object.entries(byName)) {
        if (names !== undefined && !names.has(name)) continue;
        const counts = from?.names.get(name);
        if (joined && counts === undefined) continue;
        const before = joined ? Math.max(0, counts.first) : 0;
        missing += count - refused - before - (counts === undefined ? 0 : counts.delivered + counts.told);
      }
      return missing <= 0;
    });
  }

  report() {
    const publishers = {};
    for (const [publisher, { disorder, names }] of this.#publishers) {
      publishers[publisher] = { disorder, names: Object.fromEntries(names) };
    }
    return { publishers, corrupted: this.#corrupted, toldOfNobody: this.#toldOfNobody };
  }

  #from(publisher) {
    let from = this.#publishers.get(publisher);
    if (from === undefined) {
      from = { seed: seedOf(publisher), last: -1, disorder: 0, names: new Map() };
      this.#publishers.set(publisher, from);
    }
    return from;
  }
}

function countsOf(from, name) {
  let counts = from.names.get(name);
  if (counts === undefined) {
    counts = emptyCounts();
    from.names.set(name, counts);
  }
  return counts;
}

function isWhole({ n, k, u, d }, seed) {
  if (u !== uniqueId(seed, n, k)) return false;
  return d === undefined || (d[0] === (n & 0xff) && d[d.length - 1] === (n & 0xff));
}

function takeOutOfTurn(counts, k) {
  if (k > counts.last) {
    if (counts.gaps.length < MAX_GAPS) counts.gaps.push([counts.last + 1, k - 1]);
    else counts.untrackedGaps += 1;
    counts.delivered += 1;
    counts.last = k;
    if (counts.first < 0) counts.first = k;
    return;
  }
  const at = counts.gaps.findIndex(([from, to]) => from <= k && k <= to);
  if (at < 0) {
    counts.duplicates += 1;
    return;
  }
  // It was missing, so it is late, not doubled. The gap around it closes by one.
  const [from, to] = counts.gaps[at];
  const rest = [
    [from, k - 1],
    [k + 1, to],
  ].filter(([start, end]) => start <= end);
  counts.gaps.splice(at, 1, ...rest);
  counts.reordered += 1;
  counts.delivered += 1;
}
