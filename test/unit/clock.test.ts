/**
 * No file of `src/` but one asks for the time of day: it may be stepped at any time, and every duration taken with it is wrong
 * then. Durations are taken with `performance.now()` and with timers, which keep to a clock that only goes forward.
 * That steps of the other one change nothing is shown by fault/clock.test.ts.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/process.js';

/** What others are told of when something was, and nothing else, goes by it. */
const MAY_ASK = ['src/delivery/sending/wall-clock.ts'];

/** A Date of a known time is a value like others: the codec makes those in events, the roster says since when a peer is there. */
const MAY_MAKE_DATES = ['src/wire/payload/read-special.ts', 'src/delivery/presence/roster.ts'];

const ASKS_FOR_TIME_OF_DAY = [
  /\bDate\s*\.\s*now\b/,
  /\bnew\s+Date\b(?!\s*\()/,
  /\bnew\s+Date\s*\(\s*\)/,
  /(?<!\bnew\s+)\bDate\s*\(/,
  /\btimeOrigin\b/,
  /\bTemporal\b/,
];
const MAKES_DATE = /\bnew\s+Date\b/;

/** The lines of `source` that do what they should not. */
function faults(file: string, source: string): string[] {
  const forbidden = MAY_MAKE_DATES.includes(file)
    ? ASKS_FOR_TIME_OF_DAY
    : [...ASKS_FOR_TIME_OF_DAY, MAKES_DATE];
  return source
    .split('\n')
    .filter((line) => forbidden.some((pattern) => pattern.test(line)))
    .map((line) => `${file}: ${line.trim()}`);
}

test('nothing else in src/ asks for the time of day', () => {
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `src/${file.replaceAll('\\', '/')}`);
  expect(files).toContain('src/emitter.ts');
  expect(files).toEqual(expect.arrayContaining(MAY_MAKE_DATES));
  const others = files.filter((file) => !MAY_ASK.includes(file));
  expect(others).toHaveLength(files.length - MAY_ASK.length);
  expect(others.flatMap((file) => faults(file, readFileSync(join(ROOT, file), 'utf8')))).toEqual([]);
});

test.each([
  'const start = Date.now();',
  'now: Date.now,',
  'const at = new Date();',
  'const at = new Date;',
  'const at = Date();',
  'performance.timeOrigin + performance.now()',
])('would find: %s', (line) => {
  expect(faults('src/emitter.ts', line)).toHaveLength(1);
  expect(faults(MAY_MAKE_DATES[0] as string, line)).toHaveLength(1);
});

test('a Date of a known time may be made by the codec and the roster, and by nothing else', () => {
  expect(faults(MAY_MAKE_DATES[0] as string, 'return new Date(milliseconds);')).toEqual([]);
  expect(faults('src/delivery/delivery.ts', 'return new Date(milliseconds);')).toHaveLength(1);
});
