/** A bidder's own view: the purse, the auctions, and what became of his bids. */
import { Box, Text } from 'ink';
import { formatCents } from '../sale/money.js';
import { Auctions } from './auctions.js';
import { purseOf } from './bidders.js';
import { shares } from './draw.js';
import { Feed } from './feed.js';
import { Line, Panel } from './panel.js';
import { colorOf } from './theme.js';
import type { ViewProps } from './view.js';

const BELOW = 9;
const FRAME_WIDTH = 4;

export function BidderView({ scene, now, name, width, height }: ViewProps) {
  const account = scene.knowledge.house?.accounts.find((candidate) => candidate.name === name);
  const { paidCents, atStakeCents, wins, leads } = purseOf(scene, name);
  const below = Math.min(BELOW, Math.floor(height / 2));
  const purse = Math.floor(width * 0.4);
  const bar = purse - FRAME_WIDTH;
  const budgetCents = account?.budgetCents ?? 0;
  const [paid = 0, atStake = 0] = shares([paidCents, atStakeCents], budgetCents, bar);
  return (
    <>
      <Auctions scene={scene} now={now} width={width} height={height - below} />
      <Box width={width} height={below}>
        <Panel
          title={name}
          note={account?.strategy ?? 'not registered'}
          width={purse}
          height={below}
          color={colorOf(scene, name)}
        >
          <Text wrap="truncate" color={colorOf(scene, name)}>
            {'█'.repeat(paid)}
            {'▒'.repeat(atStake)}
            <Text dimColor>{'·'.repeat(bar - paid - atStake)}</Text>
          </Text>
          <Line left={<Text dimColor>paid</Text>} right={formatCents(paidCents)} />
          <Line left={<Text dimColor>at stake</Text>} right={formatCents(atStakeCents)} />
          <Line
            left={<Text dimColor>free</Text>}
            right={<Text bold>{formatCents(budgetCents - paidCents - atStakeCents)}</Text>}
          />
          <Line left={<Text dimColor>leads, won</Text>} right={`${leads}, ${wins}`} />
        </Panel>
        <Feed
          scene={scene}
          width={width - purse}
          height={below}
          title="My bids"
          isShown={({ who, kind }) => who === name || kind === 'trouble' || kind === 'sale'}
        />
      </Box>
    </>
  );
}
