/**
 * The curves as an SVG: one panel each, side by side, on one scale. It has a background of its own, light or dark as
 * the reader's system is, so that it can be read on any page.
 */
import { ROLES, type Role } from './measure.js';
import { type Curve, count, TOLERANCE, type Value, valuesOf } from './results.js';

const WIDTH = 960;
const HEIGHT = 400;
const MARGIN = { top: 108, right: 16, bottom: 60, left: 56 };
const GAP = 22;
/** To the right of each panel, for the ratios. */
const LABEL_WIDTH = 56;
const LABEL_HEIGHT = 14;
/** From the frame of a panel to its first and last point. */
const INSET = 14;

interface Theme extends Readonly<Record<Role, string>> {
  readonly page: string;
  readonly ink: string;
  readonly quiet: string;
  readonly grid: string;
}

const LIGHT: Theme = {
  page: '#fcfcfb',
  ink: '#0b0b0b',
  quiet: '#52514e',
  grid: '#e1e0d9',
  publisher: '#2a78d6',
  subscriber: '#d9541e',
  forwarder: '#158f63',
};
const DARK: Theme = {
  page: '#1a1a19',
  ink: '#ffffff',
  quiet: '#c3c2b7',
  grid: '#2f2f2c',
  publisher: '#4a92ea',
  subscriber: '#ef7a4b',
  forwarder: '#22b07c',
};

const STYLE = `
text { font: 12px system-ui, -apple-system, 'Segoe UI', sans-serif; }
.title { font-size: 17px; font-weight: 600; }
.tick { font-size: 11px; }
.panel { font-size: 13px; font-weight: 600; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.band { opacity: .16; }
.point { stroke-width: 2; }
${coloursOf(LIGHT)}
@media (prefers-color-scheme: dark) {
${coloursOf(DARK)}
}
`;

/** Written out, as not everything that shows an SVG knows variables in CSS. */
function coloursOf({ page, ink, quiet, grid, ...roles }: Theme): string {
  return [
    `text { fill: ${quiet}; }`,
    `.title, .panel, .ratio, .key { fill: ${ink}; }`,
    `.page { fill: ${page}; }`,
    `.grid { stroke: ${grid}; }`,
    `.point { stroke: ${page}; }`,
    ...ROLES.map((role) => `.line.${role} { stroke: ${roles[role]}; }`),
    ...ROLES.map((role) => `.band.${role}, .point.${role} { fill: ${roles[role]}; }`),
  ].join('\n');
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** `source` is where and how it was measured. */
export function plot(curves: readonly Curve[], source: string): string {
  const lines = curves.flatMap((curve) =>
    ROLES.map((role) => valuesOf(curve, role).map(({ value }) => value)),
  );
  const ticks = ticksTo(Math.max(...lines.flatMap((values) => [...values, upperEnd(values[0] ?? 0)])));
  const width = (WIDTH - MARGIN.left - MARGIN.right - GAP * (curves.length - 1)) / curves.length;
  const panels = curves.map((curve, at) => {
    const left = MARGIN.left + at * (width + GAP);
    const box = { left, right: left + width - LABEL_WIDTH, top: MARGIN.top, bottom: HEIGHT - MARGIN.bottom };
    return panel(curve, box, ticks, at === 0);
  });
  const middle = (MARGIN.top + HEIGHT - MARGIN.bottom) / 2;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="title">
<title id="title">CPU time per event against ${escapeXml(curves.map(({ title }) => title).join(', '))}</title>
<style>${STYLE}</style>
<rect class="page" width="${WIDTH}" height="${HEIGHT}" rx="6"/>
${text('title', MARGIN.left - 40, 30, 'CPU time per event')}
${text('', MARGIN.left - 40, 50, source)}
${legend(MARGIN.left - 40, 72)}
${text('', 0, 0, 'µs of CPU per event', `text-anchor="middle" transform="translate(20 ${middle}) rotate(-90)"`)}
${panels.join('\n')}
</svg>
`;
}

function legend(left: number, y: number): string {
  const keys = ROLES.map((role, at) => {
    const x = left + at * 100;
    return `<circle class="point ${role}" cx="${x + 6}" cy="${y - 4}" r="6"/>${text('key', x + 17, y, role)}`;
  });
  const share = TOLERANCE * 100;
  const note = `band: ±${share} % around the first point; number: the last point to the first`;
  return `${keys.join('\n')}\n${text('', left + ROLES.length * 100 + 10, y, note)}`;
}

function panel(curve: Curve, box: Box, ticks: readonly number[], isFirst: boolean): string {
  const numbers = curve.points.map(({ at }) => at);
  const x = logScale(numbers, box.left + INSET, box.right - INSET);
  const top = ticks.at(-1) ?? 1;
  const y = (value: number): number => box.bottom - (value / top) * (box.bottom - box.top);
  const grid = ticks.map((tick) => {
    const line = `<line class="grid" x1="${box.left}" x2="${box.right}" y1="${round(y(tick))}" y2="${round(y(tick))}"/>`;
    return isFirst ? line + text('', box.left - 8, y(tick) + 4, String(tick), 'text-anchor="end"') : line;
  });
  const axis = numbers.map((at) =>
    text('tick', x(at), box.bottom + 18, at < 10_000 ? count(at) : `${at / 1000}k`, 'text-anchor="middle"'),
  );
  const series = ROLES.map((role) => ({ role, values: valuesOf(curve, role) }));
  const centre = (box.left + box.right) / 2;
  return [
    text('panel', box.left, box.top - 12, curve.title),
    ...grid,
    ...axis,
    text('', centre, box.bottom + 40, axisTitle(curve), 'text-anchor="middle"'),
    ...series.map(({ role, values }) => band(role, values, box, y)),
    ...series.map(({ role, values }) => line(role, values, x, y)),
    ...ratios(series, box.right + 4, y),
  ].join('\n');
}

function axisTitle({ title }: Curve): string {
  return `number of ${title.split(' in ')[0]} (logarithmic)`;
}

function band(role: Role, values: readonly Value[], box: Box, y: (value: number) => number): string {
  const first = values[0]?.value ?? 0;
  const top = y(upperEnd(first));
  const height = y(first * (1 - TOLERANCE)) - top;
  return `<rect class="band ${role}" x="${box.left}" y="${round(top)}" width="${round(box.right - box.left)}" height="${round(height)}"/>`;
}

/** Of the band around `first`. */
function upperEnd(first: number): number {
  return first * (1 + TOLERANCE);
}

function line(
  role: Role,
  values: readonly Value[],
  x: (at: number) => number,
  y: (value: number) => number,
): string {
  const places = values.map(({ at, value }) => [round(x(at)), round(y(value))] as const);
  const points = places.map(([cx, cy]) => `<circle class="point ${role}" cx="${cx}" cy="${cy}" r="4.5"/>`);
  return `<polyline class="line ${role}" points="${places.map((place) => place.join(',')).join(' ')}"/>${points.join('')}`;
}

/** Beside the last points, and not over one another. */
function ratios(
  series: readonly { readonly role: Role; readonly values: readonly Value[] }[],
  left: number,
  y: (value: number) => number,
): string[] {
  const labels = series
    .map(({ role, values }) => ({ role, last: values.at(-1) }))
    .map(({ role, last }) => ({ role, at: y(last?.value ?? 0), ratio: last?.ratio ?? Number.NaN }))
    .toSorted((a, b) => b.at - a.at);
  let above = Number.POSITIVE_INFINITY;
  return labels.map(({ role, at, ratio }) => {
    above = Math.min(at, above - LABEL_HEIGHT);
    const key = `<circle class="point ${role}" cx="${left + 4}" cy="${round(above)}" r="4"/>`;
    return key + text('ratio', left + 11, above + 4, `${ratio.toFixed(2)} ×`);
  });
}

/** A few round numbers from 0 to at least `max`. */
function ticksTo(max: number): number[] {
  const rough = max / 5;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * ([1, 2, 5, 10].find((factor) => factor * unit >= rough) ?? 10);
  return Array.from({ length: Math.ceil(max / step) + 1 }, (_, at) => Number((at * step).toPrecision(6)));
}

function logScale(numbers: readonly number[], from: number, to: number): (at: number) => number {
  const low = Math.log(numbers[0] ?? 1);
  const high = Math.log(numbers.at(-1) ?? 1);
  return (at) =>
    high === low ? (from + to) / 2 : from + ((Math.log(at) - low) / (high - low)) * (to - from);
}

function text(kind: string, x: number, y: number, content: string, attributes = ''): string {
  const place = attributes.includes('transform') ? '' : ` x="${round(x)}" y="${round(y)}"`;
  return `<text${kind === '' ? '' : ` class="${kind}"`}${place} ${attributes}>${escapeXml(content)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
