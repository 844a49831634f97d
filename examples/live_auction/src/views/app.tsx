/** One of the views, with what is around it, and the keys. */
import { useInput } from 'ink';
import type { FunctionComponent } from 'react';
import type { ToLauncher } from '../launcher/messages.js';
import { BidderView } from './bidder-view.js';
import { ControllerView } from './controller-view.js';
import { MonitorView } from './monitor-view.js';
import { SCREEN_ROWS, Screen } from './screen.js';
import { SpectatorView } from './spectator-view.js';
import type { ViewProps } from './view.js';

export type ViewName = 'spectator' | 'controller' | 'bidder' | 'monitor';

const VIEWS: Readonly<Record<ViewName, FunctionComponent<ViewProps>>> = {
  spectator: SpectatorView,
  controller: ControllerView,
  bidder: BidderView,
  monitor: MonitorView,
};

type Victim = Extract<ToLauncher, { type: 'kill' }>['part'];
const VICTIMS: Readonly<Record<string, Victim>> = { f: 'forwarder', c: 'controller', b: 'bidder' };

export interface AppProps extends ViewProps {
  readonly view: ViewName;
  readonly status: string;
  readonly latencyMs: number | undefined;
  readonly hasKeys: boolean;
  readonly onQuit: () => void;
  /** If there is a launcher that can do so. */
  readonly onKill: ((part: Victim) => void) | undefined;
}

export function App(props: AppProps) {
  const { view, scene, status, latencyMs, hasKeys, onQuit, onKill, width, height } = props;
  useInput(
    (input, { ctrl }) => {
      if (input === 'q' || (ctrl && input === 'c')) onQuit();
      const victim = VICTIMS[input];
      if (victim !== undefined && !ctrl) onKill?.(victim);
    },
    { isActive: hasKeys },
  );
  const { house } = scene.knowledge;
  const note = house === undefined ? '' : `sale ${house.sale} · ${house.phase} · seed ${house.settings.seed}`;
  const View = VIEWS[view];
  const kills = Object.entries(VICTIMS).map(([key, part]): [string, string] => [key, `kill ${part}`]);
  return (
    <Screen
      title={view === 'spectator' ? 'live auction' : `live auction, ${props.name}`}
      note={note}
      status={status}
      latencyMs={latencyMs}
      keys={[['q', 'quit'], ...(onKill === undefined ? [] : kills)]}
      width={width}
      height={height}
    >
      <View {...props} height={height - SCREEN_ROWS} />
    </Screen>
  );
}
