/** Who bids: what they have paid, what they would have to pay now, what is left. */
import { Text } from 'ink';
import { formatEuros } from '../sale/money.js';
import { isPresent, type Scene } from '../scene.js';
import { shares } from './draw.js';
import { Line, Panel } from './panel.js';
import { BAD, colorOf } from './theme.js';

export interface BiddersProps {
  readonly scene: Scene;
  readonly width: number;
  readonly height: number;
}

interface Purse {
  readonly paidCents: number;
  readonly atStakeCents: number;
  readonly wins: number;
  readonly leads: number;
}

const NAME_WIDTH = 8;
const STRATEGY_WIDTH = 13;
const FIGURE_WIDTH = 7;
const BUDGET_WIDTH = 7;
const STATE_WIDTH = 7;
const FRAME_WIDTH = 4;
/** Below these, the strategy and then the budget go; what remains is what changes. */
const WIDE = { strategy: 58, budget: 40 };

export function Bidders({ scene, width, height }: BiddersProps) {
  const accounts = scene.knowledge.house?.accounts ?? [];
  const here = accounts.filter(({ name }) => isPresent(scene, name)).length;
  return (
    <Panel title="Bidders" note={`${here} of ${accounts.length} here`} width={width} height={height}>
      {accounts.slice(0, height - 2).map((account) => (
        <Bidder key={account.name} scene={scene} account={account} width={width - FRAME_WIDTH} />
      ))}
    </Panel>
  );
}

interface BidderProps {
  readonly scene: Scene;
  readonly account: { readonly name: string; readonly strategy: string; readonly budgetCents: number };
  readonly width: number;
}

function Bidder({ scene, account: { name, strategy, budgetCents }, width }: BidderProps) {
  const { paidCents, atStakeCents, wins, leads } = purseOf(scene, name);
  const color = colorOf(scene, name);
  const isHere = isPresent(scene, name);
  const [hasStrategy, hasBudget] = [width >= WIDE.strategy, width >= WIDE.budget];
  const barWidth = Math.max(
    4,
    width -
      NAME_WIDTH -
      FIGURE_WIDTH -
      STATE_WIDTH -
      5 -
      (hasStrategy ? STRATEGY_WIDTH : 0) -
      (hasBudget ? BUDGET_WIDTH : 0),
  );
  const [paid = 0, atStake = 0] = shares([paidCents, atStakeCents], budgetCents, barWidth);
  const state = !isHere ? 'gone' : leads > 0 ? `leads ${leads}` : wins > 0 ? `★ ${wins}` : '–';
  return (
    <Line
      left={
        <>
          <Text color={color} dimColor={!isHere}>
            {isHere ? '●' : '○'} {name.slice(0, NAME_WIDTH).padEnd(NAME_WIDTH)}{' '}
          </Text>
          {hasStrategy ? <Text dimColor>{strategy.padEnd(STRATEGY_WIDTH)}</Text> : null}
          <Text color={color}>
            {'█'.repeat(paid)}
            {'▒'.repeat(atStake)}
          </Text>
          <Text dimColor>{'·'.repeat(barWidth - paid - atStake)}</Text>
          {formatEuros(paidCents + atStakeCents).padStart(FIGURE_WIDTH)}
          {hasBudget ? <Text dimColor>/{formatEuros(budgetCents).padEnd(BUDGET_WIDTH - 1)}</Text> : null}
        </>
      }
      right={
        <Text color={isHere ? (leads > 0 ? color : undefined) : BAD} dimColor={isHere && leads === 0}>
          {state.padStart(STATE_WIDTH)}
        </Text>
      }
    />
  );
}

export function purseOf({ knowledge }: Scene, name: string): Purse {
  let [paidCents, atStakeCents, wins, leads] = [0, 0, 0, 0];
  for (const { leader, phase, priceCents } of knowledge.auctions.values()) {
    if (leader !== name) continue;
    if (phase === 'sold') {
      paidCents += priceCents;
      wins += 1;
    } else if (phase === 'open') {
      atStakeCents += priceCents;
      leads += 1;
    }
  }
  return { paidCents, atStakeCents, wins, leads };
}
