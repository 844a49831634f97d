/** The controller's desk: every lot, and whom it had to refuse why. */
import { Box, Text } from 'ink';
import { totalsOf } from '../scene.js';
import { Bidders } from './bidders.js';
import { Feed } from './feed.js';
import { Lots } from './lots.js';
import { Line, Panel } from './panel.js';
import type { ViewProps } from './view.js';

const REFUSALS_WIDTH = 28;
const BELOW = 11;

export function ControllerView({ scene, now, width, height }: ViewProps) {
  const below = Math.min(BELOW, Math.floor(height / 2));
  const { accepted, refused } = totalsOf(scene.knowledge);
  const isWide = width >= 100;
  const bidders = Math.floor((width - REFUSALS_WIDTH) * (isWide ? 0.5 : 1));
  return (
    <>
      <Lots scene={scene} now={now} width={width} height={height - below} />
      <Box width={width} height={below}>
        <Bidders scene={scene} width={bidders} height={below} />
        {isWide ? <Feed scene={scene} width={width - bidders - REFUSALS_WIDTH} height={below} /> : null}
        <Panel title="Decisions" width={REFUSALS_WIDTH} height={below}>
          <Line left="accepted" right={`${accepted}`} />
          {Object.entries(refused)
            .filter(([, count]) => count > 0)
            .map(([reason, count]) => (
              <Line key={reason} left={<Text dimColor>{reason}</Text>} right={`${count}`} />
            ))}
        </Panel>
      </Box>
    </>
  );
}
