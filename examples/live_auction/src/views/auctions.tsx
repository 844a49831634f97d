/** All auctions that are worth looking at, side by side. */
import { Box } from 'ink';
import { inView, type Scene } from '../scene.js';
import { AuctionCard } from './auction-card.js';
import { Line, Panel } from './panel.js';

export interface AuctionsProps {
  readonly scene: Scene;
  readonly now: number;
  readonly width: number;
  readonly height: number;
}

const MIN_CARD = { width: 26, height: 4 };

export function Auctions({ scene, now, width, height }: AuctionsProps) {
  const slots = Math.max(1, scene.knowledge.house?.settings.atOnce ?? 1);
  const { columns, rows } = grid(slots, width, height);
  const auctions = inView(scene.knowledge, Math.min(slots, columns * rows));
  if (auctions.length === 0)
    return (
      <Panel title="Auctions" width={width} height={height}>
        <Line left="Waiting for the house to open …" />
      </Panel>
    );
  const lines = Array.from({ length: rows }, (_, row) => auctions.slice(row * columns, (row + 1) * columns));
  return (
    <Box flexDirection="column" width={width} height={height}>
      {lines.map((line, row) => (
        <Box key={line[0]?.lot.id ?? `empty ${row}`}>
          {line.map((auction, column) => (
            <AuctionCard
              key={auction.lot.id}
              scene={scene}
              auction={auction}
              now={now}
              width={partOf(width, columns, column)}
              height={partOf(height, rows, row)}
            />
          ))}
        </Box>
      ))}
    </Box>
  );
}

/** As many columns as there is room for, in as few rows as will do; cards that do not fit are not shown. */
export function grid(slots: number, width: number, height: number): { columns: number; rows: number } {
  const most = Math.max(1, Math.min(slots, Math.floor(width / MIN_CARD.width)));
  const rows = Math.max(1, Math.min(Math.ceil(slots / most), Math.floor(height / MIN_CARD.height)));
  return { columns: Math.min(most, Math.ceil(slots / rows)), rows };
}

/** The size of part `index`, where `whole` is divided into `parts` without a rest. */
function partOf(whole: number, parts: number, index: number): number {
  return Math.floor((whole * (index + 1)) / parts) - Math.floor((whole * index) / parts);
}
