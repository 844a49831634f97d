/** What the demo shows: one line per event, a colour per process, and a closing table. */
import { inspect, stripVTControlCharacters, styleText } from 'node:util';
import { BURST, type ShopEvents } from './events.js';
import type { Passage } from './ledger.js';
import { now, type Report } from './service.js';

type Style = Parameters<typeof styleText>[0];

const COLOURS: Readonly<Record<string, Style>> = {
  forwarder: 'yellow',
  orders: 'cyan',
  payments: 'magenta',
  dashboard: 'green',
};
/** https://no-color.org: any value but the empty one. */
const COLOURED = process.stdout.isTTY && !process.env.NO_COLOR;

/** The services report over channels of their own, so lines wait a moment, to be printed in the order of their times. */
const SORTING_MS = 50;

interface Line {
  readonly at: number;
  readonly text: string;
}

const started = now();
let waiting: Line[] = [];

export function printTitle(): void {
  console.log(style('bold', 'Demitter: three processes exchange events through a standalone forwarder'));
  console.log();
}

export function printLine(name: string, what: string, detail = '', at = now()): void {
  const seconds = ((at - started) / 1000).toFixed(3).padStart(7);
  if (waiting.length === 0) setTimeout(printWaiting, SORTING_MS);
  waiting.push({
    at,
    text: `${style('dim', `${seconds} s`)}  ${paint(name, 9)}  ${what.padEnd(28)}  ${detail}`,
  });
}

function printWaiting(): void {
  for (const { text } of waiting.sort((a, b) => a.at - b.at)) console.log(text);
  waiting = [];
}

/** The burst is one line in each process: when its last event is there. */
export function printReport(name: string, pid: number | undefined, report: Report): void {
  if (report.type === 'finished') return;
  if (report.type === 'ready') {
    const [first = 'nothing', second, ...others] = report.listensTo;
    const more = others.length === 0 ? '' : ` and ${others.length} more`;
    printLine(
      name,
      `ready       pid ${pid}`,
      `hears ${first}${second === undefined ? '' : `, ${second}`}${more}`,
    );
    return;
  }
  const { event, data, at } = report;
  const arrow = report.type === 'sent' ? '-> sent    ' : '<- received';
  if (event !== 'stock:changed') {
    printLine(name, `${arrow} ${event}`, inspect(data, { breakLength: Number.POSITIVE_INFINITY }), at);
  } else if ((data as ShopEvents['stock:changed']).n === BURST) {
    printLine(name, `${arrow} ${event}`, `${BURST.toLocaleString('en')} of them in a row`, at);
  }
}

export function printSummary(passages: readonly Passage[]): void {
  printWaiting();
  console.log();
  console.log(style('bold', 'from       to            emitted     arrived'));
  for (const { from, to, emitted, arrived, exact } of passages) {
    const figures = [emitted, arrived].map((count) => count.toLocaleString('en').padStart(10)).join('  ');
    const verdict = exact ? style('green', 'each once, in order') : style('red', 'NOT what was emitted');
    console.log(`${paint(from, 9)}  ${paint(to, 9)} ${figures}  ${verdict}`);
  }
  console.log();
}

export function printVerdict(verdict: 'good' | 'bad', text: string): void {
  console.log(style(verdict === 'good' ? 'green' : 'red', text));
}

function paint(name: string, width: number): string {
  return style(COLOURS[name] ?? 'white', name.padEnd(width));
}

function style(format: Style, text: string): string {
  const styled = styleText(format, text);
  return COLOURED ? styled : stripVTControlCharacters(styled);
}
