/** Random numbers that are the same for the same seed: items, strategies and characters of a sale can be repeated. */

/** As `Math.random`: at least 0, less than 1. */
export type Random = () => number;

/** `parts` are mixed into the seed, so that each bidder, say, has numbers of its own. */
export function createRandom(seed: number, ...parts: readonly (string | number)[]): Random {
  let state = hash([seed, ...parts].join('\0'));
  // Mulberry32: 32 bits of state, good enough for a play.
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** An integer from `min` to `max`, both included. */
export function integerBetween(random: Random, min: number, max: number): number {
  return min + Math.floor(random() * (max - min + 1));
}

/** `items` in another order. */
export function shuffled<Item>(random: Random, items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value;
}
