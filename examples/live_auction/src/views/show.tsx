/** Shows a stage in this terminal: on its other screen, at a calm rate, until the station ends. */
import { render } from 'ink';
import type { Latencies } from '../latency.js';
import type { Stage } from '../stage.js';
import { type Station, tellLauncher } from '../station.js';
import { App, type ViewName } from './app.js';

/** However much happens, it is drawn so often. */
const REDRAW_MS = 200;
const ENTER_SCREEN = '\x1b[?1049h';
const LEAVE_SCREEN = '\x1b[?1049l';

export function show(view: ViewName, station: Station, stage: Stage, latencies: Latencies): void {
  const { stdin, stdout } = process;
  const { emitter, signs } = station;
  const quit = (): void => {
    tellLauncher({ type: 'quit' });
    void station.end();
  };
  const app = () => (
    <App
      view={view}
      name={station.name}
      scene={stage.scene}
      now={Date.now()}
      latency={latencies.figures()}
      losses={signs.losses}
      status={emitter.status}
      latencyMs={emitter.latency}
      hasKeys={stdin.isTTY}
      onQuit={quit}
      onKill={process.connected ? (part) => tellLauncher({ type: 'kill', part }) : undefined}
      width={stdout.columns}
      // What fills the terminal to its last line would make it scroll.
      height={stdout.rows - 1}
    />
  );
  keepRawModeHarmless(stdin);
  stdout.write(ENTER_SCREEN);
  const instance = render(app(), { exitOnCtrlC: false, patchConsole: false });
  const timer = setInterval(() => instance.rerender(app()), REDRAW_MS);
  station.onEnd(() => {
    clearInterval(timer);
    instance.unmount();
    stdout.write(LEAVE_SCREEN);
  });
}

/** When the launcher was killed, its shell has taken the terminal back already, and nobody else may change its modes. */
function keepRawModeHarmless(stdin: NodeJS.ReadStream): void {
  if (!stdin.isTTY) return;
  const setRawMode = stdin.setRawMode.bind(stdin);
  stdin.setRawMode = (mode) => {
    try {
      return setRawMode(mode);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EIO') throw error;
      return stdin;
    }
  };
}
