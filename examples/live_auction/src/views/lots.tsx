/** All lots as a table: what the controller looks at. */
import { Text } from 'ink';
import { formatEuros } from '../sale/money.js';
import { type Auction, isReserveMet } from '../sale/rules.js';
import type { Scene } from '../scene.js';
import { formatLeft } from './draw.js';
import { Line, Panel } from './panel.js';
import { ACCENT, colorOf } from './theme.js';

export interface LotsProps {
  readonly scene: Scene;
  readonly now: number;
  readonly width: number;
  readonly height: number;
}

export function Lots({ scene, now, width, height }: LotsProps) {
  const { auctions, house } = scene.knowledge;
  const shown = [...auctions.values()].sort((a, b) => Number(a.lot.id) - Number(b.lot.id)).slice(3 - height);
  return (
    <Panel
      title="Lots"
      note={`${auctions.size} of ${house?.settings.lots ?? 0}`}
      width={width}
      height={height}
    >
      <Line
        left={<Text dimColor>{'lot'.padEnd(28)}price</Text>}
        right={<Text dimColor>reserve bids refused {'leader'.padEnd(9)} left</Text>}
      />
      {shown.map((auction) => (
        <LotLine key={auction.lot.id} scene={scene} auction={auction} now={now} />
      ))}
    </Panel>
  );
}

function LotLine({ scene, auction, now }: { scene: Scene; auction: Auction; now: number }) {
  const { lot, phase, leader, priceCents, bids, refused, endsAt } = auction;
  const refusals = Object.values(refused).reduce((sum, count) => sum + (count ?? 0), 0);
  const color = colorOf(scene, leader);
  const left = phase === 'open' ? formatLeft((scene.endings.get(lot.id) ?? endsAt) - now) : phase;
  const isOpen = phase === 'open';
  return (
    <Line
      left={
        <Text dimColor={!isOpen}>
          {lot.id.padStart(2)} {lot.title.padEnd(24).slice(0, 24)} {formatEuros(priceCents).padStart(5)}
        </Text>
      }
      right={
        <>
          <Text dimColor>
            {isReserveMet(auction) ? '✓' : ' '} {formatEuros(lot.reserveCents).padStart(5)}
            {`${bids}`.padStart(5)}
            {`${refusals}`.padStart(8)}
          </Text>{' '}
          <Text color={color} bold={phase === 'sold'}>
            {(leader ?? '–').slice(0, 9).padEnd(9)}
          </Text>
          <Text color={isOpen ? ACCENT : undefined} dimColor={!isOpen}>
            {left.padStart(7)}
          </Text>
        </>
      }
    />
  );
}
