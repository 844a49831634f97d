/** How the processes are: processor, memory, events, link, what was lost. */
import { Text } from 'ink';
import type { Vitals } from '../protocol.js';
import type { Scene } from '../scene.js';
import { shares } from './draw.js';
import { Feed } from './feed.js';
import { Line, Panel } from './panel.js';
import { BAD, colorOf, GOOD } from './theme.js';
import type { ViewProps } from './view.js';

/** After so long without a word, a process is shown as silent. */
const SILENT_MS = 3500;
/** After so long, it is forgotten. */
const GONE_MS = 30_000;
const BAR_WIDTH = 10;
const MIB = 2 ** 20;
const HEADINGS =
  `${'process'.padEnd(14)}${'pid'.padStart(8)}  ${'cpu'.padEnd(BAR_WIDTH)}      ${'memory'.padStart(7)}` +
  `${'events/s'.padStart(10)}`;

export function MonitorView({ scene, now, width, height }: ViewProps) {
  const known = [...scene.vitals.values()]
    .filter(({ at }) => now - at < GONE_MS)
    .sort((a, b) => rank(a.vitals).localeCompare(rank(b.vitals)));
  const rows = Math.min(known.length + 3, Math.max(4, height - 5));
  return (
    <>
      <Panel title="Processes" note={totalsNote(known)} width={width} height={rows}>
        <Line
          left={<Text dimColor>{HEADINGS}</Text>}
          right={<Text dimColor>{'losses      ring  link'}</Text>}
        />
        {known.map(({ at, vitals }) => (
          <ProcessLine key={vitals.name} scene={scene} vitals={vitals} isSilent={now - at > SILENT_MS} />
        ))}
      </Panel>
      <Feed
        scene={scene}
        width={width}
        height={height - rows}
        title="Troubles, and who comes and goes"
        isShown={({ kind }) => kind === 'trouble' || kind === 'people'}
      />
    </>
  );
}

interface ProcessLineProps {
  readonly scene: Scene;
  readonly vitals: Vitals;
  readonly isSilent: boolean;
}

function ProcessLine({ scene, vitals, isSilent }: ProcessLineProps) {
  const { name, pid, cpuPercent, rssBytes, eventsPerSecond, losses, latencyMs, status } = vitals;
  const [bar = 0] = shares([cpuPercent], 100, BAR_WIDTH);
  return (
    <Line
      left={
        <Text dimColor={isSilent}>
          <Text color={colorOf(scene, name)}>● {name.slice(0, 11).padEnd(12)}</Text>
          <Text dimColor>{`${pid}`.padStart(8)} </Text> {'▇'.repeat(bar)}
          <Text dimColor>{'·'.repeat(BAR_WIDTH - bar)}</Text>
          {`${cpuPercent.toFixed(0)} %`.padStart(6)}
          {`${(rssBytes / MIB).toFixed(0)} M`.padStart(7)}
          {eventsPerSecond.toFixed(0).padStart(10)}
        </Text>
      }
      right={
        <>
          <Text color={losses > 0 ? BAD : undefined}>{`${losses}`.padStart(6)}</Text>
          {(latencyMs === undefined ? '–' : `${latencyMs.toFixed(1)} ms`).padStart(10)}
          {'     '}
          <Text color={isSilent || status !== 'ready' ? BAD : GOOD}>{isSilent ? '○' : '●'}</Text>
        </>
      }
    />
  );
}

function totalsNote(known: readonly { readonly vitals: Vitals }[]): string {
  const sum = known.reduce((bytes, { vitals }) => bytes + vitals.rssBytes, 0);
  return `${known.length} processes, ${(sum / MIB).toFixed(0)} MiB`;
}

/** What holds all together first, bidders by name. */
function rank({ role, name }: Vitals): string {
  const order = ['forwarder', 'controller', 'spectator', 'monitor'].indexOf(role);
  return `${order < 0 ? 9 : order} ${name}`;
}
