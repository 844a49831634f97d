/** What was measured, round by round, and what it comes to. */
import { type Costs, type IdleCosts, type MemoryCosts, ROLES, type Role } from './measure.js';

/** CPU microseconds per event against the number of something. */
export interface Curve {
  /** What there is a number of. */
  readonly title: string;
  /** Rising. The first one is what the others are held against. */
  readonly points: readonly { readonly at: number; readonly rounds: Costs[] }[];
}

export interface IdleRow {
  readonly at: number;
  readonly rounds: IdleCosts[];
}

export interface Results {
  readonly names: readonly Curve[];
  readonly idle: readonly IdleRow[];
  readonly memory: MemoryCosts[];
}

export const IDLE_TITLE = 'idle emitters';

/** What the issue asks for: no further than this from the first. */
export const TOLERANCE = 0.15;

/** The curves that are judged: those of names, and that of idle emitters as fast as it goes. */
export function curvesOf({ names, idle }: Results): Curve[] {
  return idle.length === 0 ? [...names] : [...names, idleCurve(idle, 'flood')];
}

export function idleCurve(rows: readonly IdleRow[], what: 'flood' | 'gross'): Curve {
  const points = rows.map(({ at, rounds }) => ({ at, rounds: rounds.map((costs) => costs[what]) }));
  return { title: IDLE_TITLE, points };
}

export interface Value {
  readonly at: number;
  readonly value: number;
  /** To the first one's. */
  readonly ratio: number;
}

export function valuesOf({ points }: Curve, role: Role): Value[] {
  const values = points.map(({ at, rounds }) => ({ at, value: median(rounds.map((costs) => costs[role])) }));
  const first = values[0]?.value ?? Number.NaN;
  return values.map(({ at, value }) => ({ at, value, ratio: value / first }));
}

export function medianCosts(rounds: readonly Costs[]): Costs {
  const of = (role: Role): number => median(rounds.map((costs) => costs[role]));
  return { publisher: of('publisher'), subscriber: of('subscriber'), forwarder: of('forwarder') };
}

/** One line for each process: the ratio that is furthest from 1, and whether that is within {@link TOLERANCE}. */
export function verdictsOf(curve: Curve): string[] {
  const { title, points } = curve;
  if (points.length < 2) return [];
  const range = `from ${count(points[0]?.at)} to ${count(points.at(-1)?.at)} ${title}`;
  return ROLES.map((role) => {
    const worst = valuesOf(curve, role).reduce((a, b) => (distance(b) > distance(a) ? b : a));
    const verdict = distance(worst) <= TOLERANCE ? 'flat    ' : 'NOT FLAT';
    return `${verdict}  ${range}: ${role} at most ${worst.ratio.toFixed(2)} ×, at ${count(worst.at)}`;
  });
}

function distance({ ratio }: Value): number {
  return Math.abs(ratio - 1);
}

export function count(value: number | undefined): string {
  return (value ?? Number.NaN).toLocaleString('en');
}

/** Of an even number of values the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}
