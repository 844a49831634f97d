/** What happened, the newest at the bottom. */
import { Text } from 'ink';
import type { FeedEntry, FeedKind, Scene } from '../scene.js';
import { formatClock } from './draw.js';
import { Line, Panel } from './panel.js';
import { BAD, colorOf, WARM } from './theme.js';

export interface FeedProps {
  readonly scene: Scene;
  readonly width: number;
  readonly height: number;
  readonly title?: string;
  /** @default all of it */
  readonly isShown?: (entry: FeedEntry) => boolean;
}

const DIM: ReadonlySet<FeedKind> = new Set(['refused', 'opened', 'people', 'unsold']);
/** With less, the time goes: there are lines above and below to tell it from. */
const WIDE = 46;

export function Feed({ scene, width, height, title = 'Feed', isShown = () => true }: FeedProps) {
  const shown = scene.feed.filter(isShown).slice(2 - height);
  return (
    <Panel title={title} width={width} height={height}>
      {shown.map((entry, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines move up, and have nothing else of their own.
        <Entry key={index} scene={scene} entry={entry} hasTime={width >= WIDE} />
      ))}
    </Panel>
  );
}

function Entry({ scene, entry, hasTime }: { scene: Scene; entry: FeedEntry; hasTime: boolean }) {
  const { at, kind, who, text } = entry;
  const isAboutWho = who !== undefined && kind !== 'people';
  const color = kind === 'trouble' ? BAD : kind === 'won' || kind === 'sale' ? WARM : undefined;
  return (
    <Line
      left={
        <>
          {hasTime ? <Text dimColor>{formatClock(at)} </Text> : null}
          {isAboutWho ? (
            <Text color={colorOf(scene, who)} bold={kind === 'won'}>
              {who}{' '}
            </Text>
          ) : null}
          <Text color={color} dimColor={DIM.has(kind)} bold={kind === 'won'}>
            {text}
          </Text>
        </>
      }
    />
  );
}
