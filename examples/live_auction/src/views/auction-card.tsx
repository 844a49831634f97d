/** One auction: the price and whose it is, how it went, how long there still is. */
import { Text } from 'ink';
import { formatCents } from '../sale/money.js';
import { type Auction, isReserveMet } from '../sale/rules.js';
import type { Scene } from '../scene.js';
import { drawCurve, formatLeft, shares } from './draw.js';
import { Line, Panel } from './panel.js';
import { ACCENT, BAD, colorOf, WARM } from './theme.js';

export interface AuctionCardProps {
  readonly scene: Scene;
  readonly auction: Auction;
  readonly now: number;
  readonly width: number;
  readonly height: number;
}

/** Rows that are no curve: the frame, the price, the time. */
const FIXED_ROWS = 4;
const FRAME_COLUMNS = 4;
/** With less, words give way to the price and the name. */
const WIDE = 28;

export function AuctionCard({ scene, auction, now, width, height }: AuctionCardProps) {
  const { lot, phase, leader } = auction;
  const color = colorOf(scene, leader);
  const isSold = phase === 'sold';
  const endsAt = scene.endings.get(lot.id) ?? auction.endsAt;
  const remainingMs = phase === 'open' ? Math.max(0, endsAt - now) : 0;
  const inner = width - FRAME_COLUMNS;
  return (
    <Panel
      title={`${lot.id} ${lot.title}`}
      note={phase === 'open' ? formatLeft(remainingMs) : phase.toUpperCase()}
      width={width}
      height={height}
      color={isSold ? color : undefined}
      isHighlighted={isSold}
    >
      <Line
        left={<Price scene={scene} auction={auction} />}
        right={<Standing auction={auction} isShort={inner < WIDE} />}
      />
      <Curve scene={scene} auction={auction} now={now} width={inner} height={height - FIXED_ROWS} />
      {height >= FIXED_ROWS ? <TimeLeft auction={auction} remainingMs={remainingMs} width={inner} /> : null}
    </Panel>
  );
}

function Price({ scene, auction: { phase, leader, priceCents, lot } }: { scene: Scene; auction: Auction }) {
  if (leader === undefined) return <Text dimColor>from {formatCents(lot.openingCents)}</Text>;
  const color = colorOf(scene, leader);
  return (
    <Text>
      <Text bold>{formatCents(priceCents)}</Text>{' '}
      <Text color={color} bold={phase === 'sold'} dimColor={phase === 'unsold'}>
        {phase === 'sold' ? '★' : '●'} {leader}
      </Text>
    </Text>
  );
}

function Standing({ auction, isShort }: { auction: Auction; isShort: boolean }) {
  const { bids, phase } = auction;
  const mark = phase === 'open' && isReserveMet(auction) ? ' ✓' : '';
  return (
    <Text dimColor>
      {bids}
      {isShort ? '' : ' bids'}
      {mark}
    </Text>
  );
}

interface CurveProps {
  readonly scene: Scene;
  readonly auction: Auction;
  readonly now: number;
  readonly width: number;
  readonly height: number;
}

function Curve({ scene, auction, now, width, height }: CurveProps) {
  if (height < 1) return null;
  const { lot, phase, startedAt, priceCents, leader } = auction;
  const curve = scene.curves.get(lot.id) ?? [];
  const endsAt = phase === 'open' ? (scene.endings.get(lot.id) ?? auction.endsAt) : auction.endsAt;
  const lines = drawCurve(curve, {
    width,
    height,
    untilMs: Math.max(1, endsAt - startedAt),
    elapsedMs: (phase === 'open' ? Math.min(now, endsAt) : endsAt) - startedAt,
    minCents: lot.openingCents * 0.9,
    maxCents: Math.max(priceCents, lot.estimateCents),
  });
  return (
    <>
      {lines.map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line is its place.
        <Text key={index} wrap="truncate" color={colorOf(scene, leader)} dimColor={phase === 'unsold'}>
          {line}
        </Text>
      ))}
    </>
  );
}

function TimeLeft({ auction, remainingMs, width }: { auction: Auction; remainingMs: number; width: number }) {
  const { endsAt, startedAt, extensionMs, phase } = auction;
  const [left = 0] = shares([remainingMs], endsAt - startedAt, width);
  if (phase !== 'open') return <Text dimColor>{'─'.repeat(width)}</Text>;
  const color = remainingMs <= extensionMs / 2 ? BAD : remainingMs <= extensionMs ? WARM : ACCENT;
  return (
    <Text wrap="truncate">
      <Text color={color}>{'━'.repeat(left)}</Text>
      <Text dimColor>{'─'.repeat(width - left)}</Text>
    </Text>
  );
}
