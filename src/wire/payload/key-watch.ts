/**
 * Watches what it costs to put keys into Maps and Sets. The hashes by which the engine finds numbers and BigInts are no
 * secret: a stranger can make keys that all have the same one, and each insertion then looks at all before it. No choice of
 * keys shows that beforehand, on every version of the engine; the time that it takes does.
 */

/** Smaller collections cost little, whatever their keys. */
const MIN_KEYS = 64;
/** How often it is looked at the time. */
const KEYS_PER_LOOK = 128;

/** What may be spent on all keys of a message: ten times what it takes, and some more for pauses that may come. */
const BASE_MS = 50;
const MS_PER_KEY = 0.002;
/** What counts of a single look. A pause hits one, however long it is; keys that collide make all that follow slow. */
const MAX_MS_PER_LOOK = 5;

export class KeyWatch {
  #keys = 0;
  #spentMs = 0;

  /** A message begins. */
  begin(): void {
    this.#keys = 0;
    this.#spentMs = 0;
  }

  /** Calls `insert` with each number below `count`; returns whether that went as fast as it should. */
  run(count: number, insert: (i: number) => void): boolean {
    if (count < MIN_KEYS) {
      for (let i = 0; i < count; i++) insert(i);
      return true;
    }
    for (let next = 0; next < count; ) {
      const end = Math.min(next + KEYS_PER_LOOK, count);
      const began = performance.now();
      const usage = process.cpuUsage();
      for (; next < end; next++) insert(next);
      this.#keys += KEYS_PER_LOOK;
      const wallMs = performance.now() - began;
      // Far less than it may take, as a rule.
      if (wallMs < KEYS_PER_LOOK * MS_PER_KEY) continue;
      const { user, system } = process.cpuUsage(usage);
      // Neither a suspended process nor other threads of this one make it slow by both clocks.
      this.#spentMs += Math.min(wallMs, (user + system) / 1000, MAX_MS_PER_LOOK);
      if (this.#spentMs > BASE_MS + this.#keys * MS_PER_KEY) return false;
    }
    return true;
  }
}
