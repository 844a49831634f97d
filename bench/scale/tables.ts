/** The results as text. */
import { type Costs, type MemoryCosts, ROLES } from './measure.js';
import { type Curve, count, type IdleRow, median, medianCosts, valuesOf } from './results.js';

const PARTS = ['rss', 'heap', 'external'] as const;

/** CPU per event, and its ratio to the first. */
export function curveTable(curve: Curve): string {
  const columns = ROLES.map((role) => valuesOf(curve, role));
  const rows = curve.points.map(({ at }, row) => [
    count(at),
    ...columns.flatMap((values) => [micro(values[row]?.value), `${values[row]?.ratio.toFixed(2)} ×`]),
  ]);
  return table([[curve.title, ...ROLES.flatMap((role) => [role, ''])], ...rows]);
}

/** What the idle ones cost by themselves, and events at a moderate rate beside them. */
export function idleTable(rows: readonly IdleRow[]): string {
  const head = [
    '',
    'each idle one',
    ...ROLES.map((role) => `${role}, idle`),
    ...ROLES.map((role) => `${role}, 10k/s`),
  ];
  const lines = rows.map(({ at, rounds }) => {
    const cells = (costs: Costs, show: (value: number) => string): string[] =>
      ROLES.map((role) => show(costs[role]));
    return [
      count(at),
      `${median(rounds.map(({ holder }) => holder)).toFixed(0)} µs/s`,
      ...cells(
        medianCosts(rounds.map(({ background }) => background)),
        (value) => `${(value / 1000).toFixed(1)} ms/s`,
      ),
      ...cells(medianCosts(rounds.map(({ paced }) => paced)), micro),
    ];
  });
  return table([head, ...lines]);
}

/** Per emitter. */
export function memoryTable(rounds: readonly MemoryCosts[]): string {
  const row = (title: string, place: keyof MemoryCosts): string[] => [
    title,
    ...PARTS.map((part) => `${(median(rounds.map((costs) => costs[place][part])) / 1024).toFixed(0)} KiB`),
  ];
  return table([
    ['', 'resident', 'JS heap', 'outside it'],
    row('in the process that holds it', 'holder'),
    row('in the forwarder', 'forwarder'),
    row('more, once it has emitted an event', 'afterEmit'),
  ]);
}

function micro(value: number | undefined): string {
  return `${(value ?? Number.NaN).toFixed(2)} µs`;
}

/** The first column to the left, the others to the right. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => (row[at] ?? '').length)));
  const pad = (cell: string, at: number): string =>
    at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0);
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n');
}
