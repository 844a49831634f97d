/** Medians over the rounds, and the table. */
import type { Measurement } from './measure.js';
import type { Scenario } from './scenarios.js';

/** All rounds of one scenario: for each peer, its measurements. The first peer is ours. */
export interface Row {
  readonly scenario: Scenario;
  readonly results: ReadonlyMap<string, readonly Measurement[]>;
}

interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
}

const COLUMNS: readonly Column[] = [
  { title: '', align: 'left' },
  { title: '', align: 'left' },
  { title: 'events/s', align: 'right' },
  { title: 'p50', align: 'right' },
  { title: 'p99', align: 'right' },
  { title: 'ratio', align: 'right' },
  { title: 'lost (worst)', align: 'right' },
  { title: 'CPU publisher', align: 'right' },
  { title: 'CPU subscriber', align: 'right' },
];

/** One line for each scenario and peer. The ratio is ours to theirs, of the rate or of the p50. */
export function formatTable(rows: readonly Row[]): string {
  const lines = rows.flatMap(({ scenario, results }) => {
    const [ours] = [...results.values()];
    return [...results].map(([peer, measurements], index) => [
      index === 0 ? scenario.title : '',
      peer,
      ...cells(measurements, index === 0 ? undefined : ours),
    ]);
  });
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

/** Repetition and disorder are failures of the promise, not figures: one line each, where there are any. */
export function formatFaults(rows: readonly Row[]): string[] {
  return rows.flatMap(({ scenario, results }) =>
    [...results].flatMap(([peer, measurements]) => {
      const disordered = measurements.reduce((sum, measurement) => sum + measurement.disordered, 0);
      const stalled = measurements.filter((measurement) => measurement.stalled).length;
      const faults: string[] = [];
      if (disordered > 0)
        faults.push(`${scenario.title}, ${peer}: ${disordered} events repeated or out of order`);
      if (stalled > 0)
        faults.push(`${scenario.title}, ${peer}: stalled in ${stalled} of ${measurements.length} rounds`);
      return faults;
    }),
  );
}

function cells(measurements: readonly Measurement[], ours: readonly Measurement[] | undefined): string[] {
  const of = (pick: (measurement: Measurement) => number): number => median(measurements.map(pick));
  const rate = of(({ rate }) => rate);
  const p50 = of(({ p50 }) => p50);
  return [
    format(rate, (value) => Math.round(value).toLocaleString('en')),
    format(p50, (value) => `${Math.round(value)} µs`),
    format(
      of(({ p99 }) => p99),
      (value) => `${Math.round(value)} µs`,
    ),
    ours === undefined ? '' : ratio(ours, rate, p50),
    lost(measurements),
    format(
      of(({ publisherCpu }) => publisherCpu),
      (value) => `${value.toFixed(2)} s`,
    ),
    format(
      of(({ subscriberCpu }) => subscriberCpu),
      (value) => `${value.toFixed(2)} s`,
    ),
  ];
}

function ratio(ours: readonly Measurement[], rate: number, p50: number): string {
  const quotient = Number.isNaN(rate)
    ? median(ours.map((measurement) => measurement.p50)) / p50
    : median(ours.map((measurement) => measurement.rate)) / rate;
  return format(quotient, (value) => `${value.toFixed(2)} ×`);
}

function lost(measurements: readonly Measurement[]): string {
  const shares = measurements.map(({ lost }) => lost * 100);
  const middle = median(shares);
  if (Number.isNaN(middle)) return 'stalled';
  const worst = Math.max(...shares);
  return worst === 0 ? '0 %' : `${middle.toFixed(1)} % (${worst.toFixed(1)} %)`;
}

function format(value: number, show: (value: number) => string): string {
  return Number.isFinite(value) ? show(value) : '';
}

/** Of an even number of values the mean of the two in the middle. Measurements that failed count as the worst. */
function median(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  if (known.length * 2 < values.length) return Number.NaN;
  const middle = known.length / 2;
  const [low, high] = [known[Math.ceil(middle) - 1], known[Math.floor(middle)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}
