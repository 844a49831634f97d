/** The dashboard: the auctions above, who bids and what happens below. */
import { Box } from 'ink';
import { Auctions } from './auctions.js';
import { Bidders } from './bidders.js';
import { Feed } from './feed.js';
import { Statistics, StatisticsLine } from './statistics.js';
import type { ViewProps } from './view.js';

/** With less, the statistics are one line. */
const WIDE = 100;
const STATISTICS_WIDTH = 28;
const STATISTICS_ROWS = 12;
const FRAME_ROWS = 2;

export function SpectatorView(props: ViewProps) {
  const { scene, now, width, height } = props;
  const { accounts, settings } = scene.knowledge.house ?? { accounts: [], settings: { atOnce: 1 } };
  const isWide = width >= WIDE;
  const bidderRows = Math.max(accounts.length, 1) + FRAME_ROWS;
  // What is below is to be seen whole, and to have a part of what is left; many auctions need more themselves.
  const wanted = Math.max(bidderRows, STATISTICS_ROWS, Math.floor(height * 0.4));
  const below = Math.min(wanted, Math.floor(height * (settings.atOnce > 3 ? 0.42 : 0.55)));
  const above = height - below;
  if (isWide) {
    const bidders = Math.floor((width - STATISTICS_WIDTH) / 2);
    return (
      <>
        <Auctions scene={scene} now={now} width={width} height={above} />
        <Box width={width} height={below}>
          <Bidders scene={scene} width={bidders} height={below} />
          <Feed scene={scene} width={width - bidders - STATISTICS_WIDTH} height={below} />
          <Statistics {...props} width={STATISTICS_WIDTH} height={below} />
        </Box>
      </>
    );
  }
  const left = Math.floor(width * 0.56);
  return (
    <>
      <Auctions scene={scene} now={now} width={width} height={above - 1} />
      <Box width={width} height={below}>
        <Bidders scene={scene} width={left} height={below} />
        <Feed scene={scene} width={width - left} height={below} />
      </Box>
      <StatisticsLine {...props} />
    </>
  );
}
