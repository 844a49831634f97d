/**
 * Maps of the same keys in the same order come again and again. A *shape* is such a sequence of keys; once it was seen a
 * few times, maps of that shape are read by code generated for it: it compares the bytes of the keys with constants, and
 * makes the object by a literal, which is several times cheaper than adding properties one by one. Where the bytes are
 * not what was expected, it hands what it has to the ordinary way of reading, which also finds whatever is wrong.
 *
 * Why strangers, who choose the keys, can do no harm by it:
 * - A key gets into code only if {@link isSafeKey} says so: it has no quote, no backslash, no line end. It appears within
 *   double quotes and as numbers, nowhere else. What means something to a literal (`__proto__`) is excluded.
 * - A key that is not byte for byte the expected one is not taken; values are read by the reader's checked `read`, after
 *   the reader has counted depth and promises as for any map.
 * - A shape is compiled when it was seen twice {@link SIGHTINGS} times, and no more than {@link MAX_SHAPES} are, of
 *   {@link MAX_SHAPE_KEYS} keys together, for as long as the process lives: whoever uses them up takes some 16 MiB of memory
 *   (4 KiB a key) and slows others down to what the ordinary way costs.
 *
 * Where the process may not generate code (`--disallow-code-generation-from-strings`), everything is read the ordinary way.
 */
import { MAX_REPEATED_BYTES, MIN_REPEATED_BYTES, mayRepeatAt, PLACES } from './repeated.js';
import { isSafeKey, piecesOf } from './shape-code.js';

/** What reader.ts offers for this. */
export interface ShapeReader {
  at: number;
  read(depth: number): unknown;
  /** Reads a string that begins with a header of one byte, of a length within the limits of repeated.ts. */
  readRepeated(length: number, place: number): string;
  /** Reads the rest of a map of which the first `seen` of `keys` were found, with `values`. */
  readRest(
    size: number,
    depth: number,
    keys: readonly string[],
    values: readonly unknown[],
    seen: number,
  ): Record<string, unknown>;
}

/**
 * Reads the `size` entries of a map, whose values are at `depth`, from `reader.at` on. `view` is over the memory in which
 * the bytes begin at `base`.
 */
export type ReadShape = (
  reader: ShapeReader,
  bytes: Uint8Array,
  view: DataView,
  base: number,
  size: number,
  depth: number,
) => Record<string, unknown>;

/** Deeper maps are read the ordinary way: these functions take much more of the stack. */
export const MAX_SHAPE_DEPTH = 32;
const MAX_KEYS = 64;
const MAX_SHAPES = PLACES / MAX_KEYS;
const MAX_SHAPE_KEYS = 4096;
/** Of one size and with one first key. More, or longer ones, would make a function that the engine does not optimize. */
const MAX_GROUP_SHAPES = 8;
const MAX_GROUP_CHARACTERS = 2048;
/** How often a fingerprint is seen before its keys are looked at, and twice looked at before they are compiled. */
const SIGHTINGS = 8;
/** In place of a count: no use to look at it again. */
const HOPELESS = 0xff;

/** Shapes of one size that begin with the same key are read by one function, which tells them apart as it goes. */
interface Group {
  readonly shapes: (readonly string[])[];
  characters: number;
  read: ReadShape | undefined;
}

const groups = new Map<string, Group>();
const suspects = new Set<string>();
const MAX_SUSPECTS = 256;
let shapeCount = 0;
let shapeKeys = 0;
let mayCompile = true;

/** The groups by {@link slotOf}; the last one asked for, where several have the same slot. */
const readers: (ReadShape | undefined)[] = new Array(4096).fill(undefined);
/** What was seen lately, by its fingerprint, and how often. An error here makes some shape compiled later, or never. */
const seenPrints = new Int32Array(1024);
const seenCounts = new Uint8Array(1024);

function slotOf(size: number, header: number, first: number, last: number): number {
  return Math.imul(size | (header << 8) | (first << 16) | (last << 24), 0x9e3779b1) >>> 20;
}

/** What may be able to read the map of `size` entries that begin at `at`. A guess: it finds out itself. */
export function findShape(bytes: Uint8Array, at: number, size: number): ReadShape | undefined {
  const header = bytes[at] as number;
  const last = at + (header & 0x1f);
  if (last >= bytes.length) return undefined;
  return readers[slotOf(size, header, bytes[at + 1] as number, bytes[last] as number)];
}

/** One key more in the fingerprint of a map, which tells shapes apart well enough to count them. */
export function fingerprint(
  print: number,
  length: number,
  first: number,
  middle: number,
  last: number,
): number {
  return Math.imul(print ^ (length | (first << 8) | (middle << 16) | (last << 24)), 0x9e3779b1);
}

/** Tells that the map with this fingerprint was read the ordinary way, and is `object`. */
export function noteShape(print: number, size: number, object: Record<string, unknown>): void {
  const slot = (print >>> 16) & 1023;
  if (seenPrints[slot] !== print) {
    seenPrints[slot] = print;
    seenCounts[slot] = 1;
    return;
  }
  const count = seenCounts[slot] as number;
  if (count === HOPELESS) return;
  if (count < SIGHTINGS) seenCounts[slot] = count + 1;
  else seenCounts[slot] = size <= MAX_KEYS && learn(Object.keys(object), size) ? 0 : HOPELESS;
}

/** Sees to it that maps of `size` entries with these keys are read by generated code; whether it could. */
function learn(keys: readonly string[], size: number): boolean {
  // Fewer keys than entries: one came twice.
  if (keys.length !== size || !keys.every(isSafeKey)) return false;
  const first = keys[0] as string;
  const name = `${size} ${first}`;
  const group = groups.get(name) ?? { shapes: [], characters: 0, read: undefined };
  if (!group.shapes.some((shape) => shape.every((key, i) => key === keys[i]))) {
    const characters = group.characters + keys.join('').length;
    if (shapeCount >= MAX_SHAPES || shapeKeys + size > MAX_SHAPE_KEYS) return false;
    if (group.shapes.length >= MAX_GROUP_SHAPES) return false;
    if (characters > MAX_GROUP_CHARACTERS) return false;
    // Only the very same keys twice: where they are numbered, many a map has the same fingerprint.
    if (!isSuspect(keys.join())) return true;
    if (!compile(group, keys)) return false;
    group.characters = characters;
    groups.set(name, group);
  }
  readers[slotOf(size, 0xa0 | first.length, first.charCodeAt(0), first.charCodeAt(first.length - 1))] =
    group.read;
  return true;
}

/** Whether this was asked for before; now it was. */
function isSuspect(name: string): boolean {
  if (suspects.delete(name)) return true;
  if (suspects.size >= MAX_SUSPECTS) suspects.clear();
  suspects.add(name);
  return false;
}

/** Adds a shape to the group, whose maps are read by a new function from here on; whether it could. */
function compile(group: Group, keys: readonly string[]): boolean {
  if (!mayCompile) return false;
  const shapes = [...group.shapes, keys];
  const source = readFunction(shapes);
  try {
    group.read = new Function('shapes', 'mayRepeatAt', source)(shapes, mayRepeatAt) as ReadShape;
  } catch (error) {
    // An EvalError: this process does not generate code. What else there may be, such as no stack, will pass.
    mayCompile = !(error instanceof EvalError);
    return false;
  }
  group.shapes.push(keys);
  shapeCount++;
  shapeKeys += keys.length;
  return true;
}

/** The source of a {@link ReadShape} for these shapes, which have the same number of keys and the same first one. */
function readFunction(shapes: readonly (readonly string[])[]): string {
  const size = (shapes[0] as readonly string[]).length;
  const values = Array.from({ length: size }, (_, i) => `v${i}`).join(', ');
  const indexed = shapes.map((keys, index) => ({ keys, index }));
  return `"use strict";
return function (reader, bytes, view, base, size, depth) {
  const end = bytes.length;
  let at = reader.at, token = 0, seen = 0, shape = 0, ${values};
  read: {
    if (size !== ${size}) break read;
    ${readKeys(indexed, 0)}
  }
  return reader.readRest(size, depth, shapes[shape], [${values}], seen);
}`;
}

/** The code that reads the key at `position` of these shapes, which have the same keys up to there, and all that follows. */
function readKeys(shapes: readonly { keys: readonly string[]; index: number }[], position: number): string {
  const place = shapeCount * MAX_KEYS + position;
  const [{ keys, index }] = shapes as [{ keys: readonly string[]; index: number }];
  if (position === keys.length) {
    return `return { ${keys.map((key, i) => `${JSON.stringify(key)}: v${i}`).join(', ')} };`;
  }
  const alternatives = new Set(shapes.map((shape) => shape.keys[position] as string));
  let code = `seen = ${position}; shape = ${index};\n`;
  for (const key of alternatives) {
    const group = shapes.filter((shape) => shape.keys[position] === key);
    code += `if (at + ${key.length + 1} <= end && ${isKeyAt(key)}) {
reader.at = at += ${key.length + 1};
token = bytes[at];
v${position} = token >= ${0xa0 + MIN_REPEATED_BYTES} && token <= ${0xa0 + MAX_REPEATED_BYTES} && mayRepeatAt(${place})
  ? reader.readRepeated(token - ${0xa0}, ${place})
  : reader.read(depth);
at = reader.at;
${readKeys(group, position + 1)}
}\n`;
  }
  return `${code}break read;`;
}

/** The condition that this key, with its header, is at `at`. */
function isKeyAt(key: string): string {
  return piecesOf(key)
    .map(({ type, offset, value }) => `view.get${type}(base + at + ${offset}, true) === ${value}`)
    .join(' && ');
}
