/**
 * Objects of the same keys in the same order are packed again and again. Once such a *shape* was met a few times, its
 * objects are written by code generated for it: the keys are constants, the values are loaded by name.
 *
 * Which shape an object has is found by walking its keys, which are compared by identity. As for the objects read, only
 * safe keys get into code, the number of shapes is bounded, and a process that may not generate code does without; see
 * read-shapes.ts.
 */
import { types } from 'node:util';
import { Refusal } from './refusal.js';
import { isSafeKey, piecesOf } from './shape-code.js';

/** What writer.ts offers for this. */
export interface ShapeWriter {
  at: number;
  readonly origin: number;
  readonly view: DataView;
  reserve(): void;
  write(value: unknown, depth: number): void;
  writeString(value: string): void;
  writeNumber(value: number): void;
  /** Goes on with the map begun at `start`, as counted from the origin, from the key with the number `from` on. */
  writeRemaining(object: object, depth: number, keys: readonly string[], from: number, start: number): void;
}

/** Writes the properties of an object of one shape, as a map; the values are at `depth`. */
export type WriteShape = (writer: ShapeWriter, object: object, depth: number) => void;

/** The first keys of some shapes. */
class Step {
  readonly key: string;
  /** What writes the shape that ends here. */
  write: WriteShape | undefined;
  readonly #next = new Map<string, Step>();
  #lastNext: Step | undefined;

  constructor(key: string) {
    this.key = key;
  }

  next(key: string): Step | undefined {
    const last = this.#lastNext;
    if (last !== undefined && last.key === key) return last;
    const next = this.#next.get(key);
    if (next !== undefined) this.#lastNext = next;
    return next;
  }

  add(key: string): Step {
    const next = this.#next.get(key) ?? new Step(key);
    this.#next.set(key, next);
    return next;
  }
}

const MAX_SHAPES = 256;
const MAX_KEYS = 32;
/** One in so many objects of no known shape is looked at. A prime, since events with several objects repeat themselves. */
const LOOKED_AT = 251;
const SIGHTINGS = 3;
const MAX_SEEN = 256;

const { hasOwnProperty: isOwn } = Object.prototype;
const start = new Step('');
const seen = new Map<string, number>();
let shapeCount = 0;
let mayCompile = true;
let unknown = 0;

const MAX_TRUST = 64;
/** How many objects may yet be walked in vain before most of them are no longer walked. */
let trust = MAX_TRUST;
/** Of those that are most likely of no known shape, one in so many is walked; a power of two. */
const TRIED_OF = 16;
let untried = 0;

/** What writes the properties of `object`, if its shape is known. */
export function shapeOf(object: object): WriteShape | undefined {
  if (trust === 0) {
    untried = (untried + 1) & (TRIED_OF - 1);
    if (untried !== 0) return undefined;
  }
  const write = walk(object);
  if (write !== undefined) trust = MAX_TRUST;
  else if (trust > 0) trust--;
  return write;
}

function walk(object: object): WriteShape | undefined {
  let step = start;
  for (const key in object) {
    if (!isOwn.call(object, key)) return undefined;
    const next = step.next(key);
    if (next === undefined) return undefined;
    step = next;
  }
  return step.write;
}

/** Tells that an object of no known shape was packed. */
export function noteUnknown(object: object): void {
  unknown++;
  if (unknown < LOOKED_AT) return;
  unknown = 0;
  if (!mayCompile || shapeCount >= MAX_SHAPES || types.isProxy(object)) return;
  const keys = Object.keys(object);
  // Not walked, and known after all; or it has inherited properties as well, and is written the ordinary way for ever.
  if (writerOf(keys) !== undefined) return;
  if (keys.length === 0 || keys.length > MAX_KEYS || !keys.every(isSafeKey)) return;
  const name = keys.join();
  const sightings = (seen.get(name) ?? 0) + 1;
  if (sightings < SIGHTINGS) {
    if (seen.size >= MAX_SEEN) seen.clear();
    seen.set(name, sightings);
  } else {
    seen.delete(name);
    learn(keys);
  }
}

function writerOf(keys: readonly string[]): WriteShape | undefined {
  return keys.reduce<Step | undefined>((step, key) => step?.next(key), start)?.write;
}

function learn(keys: readonly string[]): void {
  let write: WriteShape;
  try {
    write = new Function('keys', 'isOwn', 'Refusal', writeFunction(keys))(keys, isOwn, Refusal) as WriteShape;
  } catch (error) {
    // An EvalError: this process does not generate code. What else there may be, such as no stack, will pass.
    mayCompile = !(error instanceof EvalError);
    return;
  }
  shapeCount++;
  keys.reduce((step, key) => step.add(key), start).write = write;
}

/**
 * The source of a {@link WriteShape} for these keys. The values are read where the ordinary way reads them, between what
 * is written before and after: getters and `toJSON`s are called at the same time, and may even delete what comes next.
 */
function writeFunction(keys: readonly string[]): string {
  const header = keys.length < 0x10 ? 1 : 3;
  const entries = keys.map((key, i) => {
    const name = JSON.stringify(key);
    const pieces = piecesOf(key);
    return `
    i = ${i};
    writer.reserve();
    at = writer.at;
    view = writer.view;
    ${pieces.map(({ type, offset, value }) => `view.set${type}(at + ${offset}, ${value}, true);`).join(' ')}
    writer.at = at + ${key.length + 1};
    value = object[${name}];
    if (typeof value === 'string') writer.writeString(value);
    else if (typeof value === 'number') writer.writeNumber(value);
    else {
      if (value === undefined && !isOwn.call(object, ${name})) {
        writer.at = at;
        break write;
      }
      writer.write(value, depth);
    }`;
  });
  return `"use strict";
return function (writer, object, depth) {
  let i = 0, at = writer.at, view = writer.view, value;
  const start = at - writer.origin;
  ${
    header === 1
      ? `view.setUint8(at, ${0x80 | keys.length});`
      : `view.setUint8(at, 0xde); view.setUint16(at + 1, ${keys.length});`
  }
  writer.at = at + ${header};
  write: try {${entries.join('')}
    return;
  } catch (thrown) {
    throw Refusal.atKey(thrown, keys[i]);
  }
  writer.writeRemaining(object, depth, keys, i, start);
}`;
}
