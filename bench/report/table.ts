/** The table: one line for each scenario and contestant, medians over the rounds. */
import { median, sum } from '../measure/statistics.js';
import type { Measurement } from '../scenario.js';
import { showVerdict, verdictsFor } from './goals.js';
import { metric, showKnown } from './metrics.js';
import { type Entry, medianOf, oursIn, type Row } from './row.js';

interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
  cell(row: Row, entry: Entry): string;
}

const COLUMNS: readonly Column[] = [
  {
    title: '',
    align: 'left',
    cell: ({ scenario, entries }, entry) => (entry === entries[0] ? scenario.title : ''),
  },
  { title: '', align: 'left', cell: (_, { contestant }) => contestant.name },
  { title: 'result', align: 'right', cell: result },
  { title: 'ratio', align: 'right', cell: ratio },
  { title: 'goal', align: 'left', cell: (row, entry) => verdictsFor(row, entry).map(showVerdict).join(', ') },
  { title: 'lost (worst)', align: 'right', cell: (_, entry) => lost(entry) },
  { title: 'CPU publisher', align: 'right', cell: (_, entry) => cpu(entry, 'publisherCpu') },
  { title: 'CPU subscriber', align: 'right', cell: (_, entry) => cpu(entry, 'subscriberCpu') },
];

export function formatTable(rows: readonly Row[]): string {
  const lines = rows.flatMap((row) =>
    row.entries.map((entry) => COLUMNS.map((column) => column.cell(row, entry))),
  );
  const used = COLUMNS.map((_, at) => lines.some((line) => line[at] !== ''));
  const table = [COLUMNS.map(({ title }) => title), ...lines];
  const widths = COLUMNS.map((_, at) => Math.max(...table.map((line) => (line[at] ?? '').length)));
  const pad = (cell: string, at: number): string =>
    COLUMNS[at]?.align === 'left' ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0);
  return table
    .map((line) =>
      line
        .map(pad)
        .filter((_, at) => used[at])
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** What is no figure, one line each: who was skipped, what broke a promise, and how many goals were met. */
export function formatRemarks(rows: readonly Row[]): string[] {
  const entries = rows.flatMap((row) => row.entries.map((entry) => ({ row, entry })));
  const skipped = new Set(
    entries.flatMap(({ entry: { contestant, skipped } }) =>
      skipped === undefined ? [] : [`skipped: ${contestant.name}, as ${skipped}`],
    ),
  );
  const faults = entries.flatMap(({ row, entry }) =>
    faultsOf(entry).map((fault) => `FAULT: ${row.scenario.title}, ${entry.contestant.name}: ${fault}`),
  );
  const verdicts = entries
    .flatMap(({ row, entry }) => verdictsFor(row, entry))
    .filter(({ met }) => met !== undefined);
  const met = verdicts.filter((verdict) => verdict.met).length;
  return [...skipped, ...faults, `goals: ${met} of ${verdicts.length} met`];
}

/** Repetition, disorder and failures are no figures. */
function faultsOf({ measurements }: Entry): string[] {
  const disordered = sum(measurements.map((measurement) => measurement.disordered ?? 0));
  const failures = measurements.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  return [
    ...(disordered > 0 ? [`${disordered} events repeated or out of order`] : []),
    ...[...new Set(failures)].map((failure) => {
      const rounds = failures.filter((other) => other === failure).length;
      return `${failure} (${rounds} of ${measurements.length} rounds)`;
    }),
  ];
}

function result({ scenario }: Row, entry: Entry): string {
  if (entry.skipped !== undefined) return 'skipped';
  const figures = scenario.metrics.map((name) => showKnown(medianOf(entry, name), metric(name).show));
  return figures.filter((figure) => figure !== '').join(', ') || 'failed';
}

/** Ours to theirs, whichever of the two is better. */
function ratio(row: Row, entry: Entry): string {
  const ours = oursIn(row);
  if (ours === undefined || entry === ours) return '';
  return row.scenario.compared
    .map((name) =>
      showKnown(medianOf(ours, name) / medianOf(entry, name), (value) => `${value.toFixed(2)} ×`),
    )
    .join(', ');
}

function lost({ measurements }: Entry): string {
  const shares = measurements.flatMap(({ lost }) => (lost === undefined ? [] : [lost]));
  if (shares.length === 0) return '';
  const worst = Math.max(...shares);
  const { show } = metric('lost');
  return worst === 0 ? '0 %' : `${show(median(shares))} (${show(worst)})`;
}

function cpu({ measurements }: Entry, side: 'publisherCpu' | 'subscriberCpu'): string {
  const seconds = median(measurements.map((measurement: Measurement) => measurement[side] ?? Number.NaN));
  return showKnown(seconds, (value) => `${value.toFixed(2)} s`);
}
