/** Curves, bars and times, drawn with characters. Pure: numbers in, text out. */
import type { CurvePoint } from '../sale/curve.js';

export interface Plot {
  /** In characters: each has 2 × 4 dots. */
  readonly width: number;
  readonly height: number;
  /** What the right edge stands for. */
  readonly untilMs: number;
  /** Where the curve ends now. */
  readonly elapsedMs: number;
  /** What the lower and the upper edge stand for. */
  readonly minCents: number;
  readonly maxCents: number;
}

const BRAILLE = 0x2800;
const SPACE = 0x20;
/** The bit of each dot of a character, by column and row. */
const DOTS = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;

/** The price over time as a stepped line of braille dots: one text for each line, the highest first. */
export function drawCurve(curve: readonly CurvePoint[], plot: Plot): string[] {
  const { width, height, untilMs, elapsedMs, minCents, maxCents } = plot;
  const cells = Array.from({ length: height }, () => new Array<number>(width).fill(0));
  const [columns, rows] = [width * 2, height * 4];
  const span = Math.max(1, maxCents - minCents);
  let previous: number | undefined;
  for (let x = 0; x < columns; x += 1) {
    const ms = (x / (columns - 1)) * untilMs;
    if (ms > elapsedMs) break;
    const cents = priceAt(curve, ms);
    if (cents === undefined) continue;
    const part = Math.min(1, Math.max(0, (cents - minCents) / span));
    const y = Math.round((1 - part) * (rows - 1));
    for (let dot = Math.min(y, previous ?? y); dot <= Math.max(y, previous ?? y); dot += 1) {
      const line = cells[Math.floor(dot / 4)] as number[];
      line[x >> 1] = (line[x >> 1] ?? 0) | (DOTS[x & 1]?.[dot % 4] ?? 0);
    }
    previous = y;
  }
  return cells.map((line) =>
    String.fromCodePoint(...line.map((bits) => (bits === 0 ? SPACE : BRAILLE + bits))),
  );
}

/** How many of `width` characters stand for each of `parts`, of `whole`. */
export function shares(parts: readonly number[], whole: number, width: number): number[] {
  let left = width;
  return parts.map((part) => {
    const share = Math.min(left, part > 0 ? Math.max(1, Math.round((part / Math.max(1, whole)) * width)) : 0);
    left -= share;
    return share;
  });
}

/** `m:ss`, or tenths of a second when it is short. */
export function formatLeft(ms: number): string {
  const left = Math.max(0, ms);
  if (left < 10_000) return `${(left / 1000).toFixed(1)} s`;
  const seconds = Math.ceil(left / 1000);
  return `${Math.floor(seconds / 60)}:${`${seconds % 60}`.padStart(2, '0')}`;
}

/** `hh:mm:ss`, here. */
export function formatClock(at: number): string {
  return new Date(at).toTimeString().slice(0, 8);
}

function priceAt(curve: readonly CurvePoint[], ms: number): number | undefined {
  return curve.findLast(([from]) => from <= ms)?.[1];
}
