/** All auctions that are worth looking at, side by side. */
import { Box } from 'ink';
import { inView, type Scene } from '../scene.js';
import { AuctionCard } from './auction-card.js';
import { grid, partOf } from './grid.js';
import { Line, Panel } from './panel.js';

export interface AuctionsProps {
  readonly scene: Scene;
  readonly now: number;
  readonly width: number;
  readonly height: number;
}

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
