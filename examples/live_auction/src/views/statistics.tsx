/** The sale in figures. */
import { Box, Text } from 'ink';
import type { LatencyFigures } from '../latency.js';
import { formatEuros } from '../sale/money.js';
import { bidsPerSecond, type Scene, totalsOf } from '../scene.js';
import { Line, Panel } from './panel.js';
import { BAD } from './theme.js';

export interface FiguresProps {
  readonly scene: Scene;
  readonly now: number;
  readonly latency: LatencyFigures;
  readonly losses: number;
}

export interface StatisticsProps extends FiguresProps {
  readonly width: number;
  readonly height: number;
}

type Figure = readonly [what: string, figure: string, isBad?: boolean];

export function Statistics({ width, height, ...figures }: StatisticsProps) {
  return (
    <Panel title="Statistics" width={width} height={height}>
      {figuresOf(figures)
        .slice(0, height - 2)
        .map(([what, figure, isBad]) => (
          <Line
            key={what}
            left={<Text dimColor>{what}</Text>}
            right={isBad ? <Text color={BAD}>{figure}</Text> : figure}
          />
        ))}
    </Panel>
  );
}

/** Where there is no room for a panel. */
export function StatisticsLine({ width, ...figures }: FiguresProps & { readonly width: number }) {
  return (
    <Box paddingX={1} width={width}>
      <Text wrap="truncate">
        {figuresOf(figures).map(([what, figure, isBad]) => (
          <Text key={what} color={isBad ? BAD : undefined}>
            <Text dimColor>{SHORT[what] ?? what}</Text> {figure}
            {'  '}
          </Text>
        ))}
      </Text>
    </Box>
  );
}

const SHORT: Readonly<Record<string, string>> = {
  'latency p50': 'p50',
  'latency p99': 'p99',
  refused: 'no',
  'bids/s': '/s',
  volume: 'vol',
};

function figuresOf({ scene, now, latency, losses }: FiguresProps): readonly Figure[] {
  const { sold, unsold, open, volumeCents, accepted, refusedInAll } = totalsOf(scene.knowledge);
  const closed = sold + unsold;
  return [
    ['open', `${open}`],
    ['lots', `${closed}/${scene.knowledge.house?.settings.lots ?? 0}`],
    ['sold', closed === 0 ? '–' : `${Math.round((sold / closed) * 100)} %`],
    ['volume', formatEuros(volumeCents)],
    ['bids', `${accepted}`],
    ['refused', `${refusedInAll}`],
    ['bids/s', bidsPerSecond(scene, now).toFixed(1)],
    ['latency p50', milliseconds(latency.p50Ms)],
    ['latency p99', milliseconds(latency.p99Ms)],
    ['losses', `${losses}`, losses > 0],
  ];
}

function milliseconds(ms: number): string {
  return ms === 0 ? '–' : `${ms.toFixed(ms < 10 ? 2 : 0)} ms`;
}
