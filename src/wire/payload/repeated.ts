/**
 * Short strings that come again and again as values, such as `EUR` or `order:placed`: found by their bytes, they cost
 * neither a call into the runtime nor memory.
 *
 * One cache for the process, since the same ones come from all sides. Bounded, and no secret: all that hostile strings can
 * do is to push others out.
 */

/** Shorter ones are cut out as quickly as they are found, and the words compared here are of four bytes. */
export const MIN_REPEATED_BYTES = 4;
export const MAX_REPEATED_BYTES = 24;

const SLOTS_LOG2 = 10;
const strings: (string | undefined)[] = new Array(1 << SLOTS_LOG2).fill(undefined);
const lengths = new Uint8Array(1 << SLOTS_LOG2);
const words = new DataView(new ArrayBuffer(MAX_REPEATED_BYTES << SLOTS_LOG2));

/** Places are numbers below this, given by the caller. */
export const PLACES = 16 * 1024;
/**
 * Whether it is worth to look, by where the strings come from: some places hold the same few strings again and again,
 * others never the same twice. Goes up with each find, down with each failure.
 */
const worth = new Uint8Array(PLACES).fill(64);
const WORTH_OF_FIND = 4;
const MAX_WORTH = 255 - WORTH_OF_FIND;
const TRIAL_WORTH = 16;
/** So many are not looked for until a trial is made whether that has changed; a power of two. */
const PASSED_OVER = 256;
let passedOver = 0;

/** One in so many of those not found is kept, by chance: keeping costs more than what is never seen again is worth. */
const KEPT_OF = 8;
let chance = 1;

function slotOf(view: DataView, start: number, length: number): number {
  const first = view.getInt32(start, true);
  const middle = view.getInt32(start + (length >> 1) - 2, true);
  const last = view.getInt32(start + length - 4, true);
  const mixed =
    Math.imul(first, 0x9e3779b1) + Math.imul(middle, 0x85ebca6b) + Math.imul(last ^ length, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 15)) >>> (32 - SLOTS_LOG2);
}

/** Whether to {@link findRepeated} at this place. */
export function mayRepeatAt(place: number): boolean {
  if (worth[place] !== 0) return true;
  passedOver = (passedOver + 1) & (PASSED_OVER - 1);
  if (passedOver === 0) worth[place] = TRIAL_WORTH;
  return false;
}

/** The string in these bytes, as UTF-8, if it is known; its length is between the two limits. */
export function findRepeated(
  place: number,
  view: DataView,
  start: number,
  length: number,
): string | undefined {
  const expected = worth[place] as number;
  const slot = slotOf(view, start, length);
  if (lengths[slot] === length) {
    const from = slot * MAX_REPEATED_BYTES;
    // The last word, which may overlap the one before it, and then those from the first on.
    const last = length - 4;
    if (view.getInt32(start + last, true) === words.getInt32(from + last, true)) {
      let i = 0;
      while (i < last && view.getInt32(start + i, true) === words.getInt32(from + i, true)) i += 4;
      if (i >= last) {
        if (expected <= MAX_WORTH) worth[place] = expected + WORTH_OF_FIND;
        return strings[slot];
      }
    }
  }
  if (expected > 0) worth[place] = expected - 1;
  return undefined;
}

/** Tells what was in the bytes that were looked for in vain. */
export function keepRepeated(string: string, view: DataView, start: number, length: number): void {
  chance = (Math.imul(chance, 1664525) + 1013904223) | 0;
  if (chance >>> 0 >= 0x1_0000_0000 / KEPT_OF) return;
  const slot = slotOf(view, start, length);
  strings[slot] = string;
  lengths[slot] = length;
  for (let i = 0; i < length; i++) words.setUint8(slot * MAX_REPEATED_BYTES + i, view.getUint8(start + i));
}
