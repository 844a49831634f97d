/** The spectator: sees everything and says nothing. In a terminal it is the dashboard, elsewhere a line for each event. */
import { Stage } from '../stage.js';
import { Station } from '../station.js';
import { Witness } from '../witness.js';
import { LineWriter } from './lines.js';
import { hasView, showView, type ViewOptions } from './view.js';

export interface SpectatorOptions extends ViewOptions {
  readonly isQuiet: boolean;
}

export async function runSpectator(options: SpectatorOptions): Promise<void> {
  const station = Station.start({ role: 'spectator' });
  if (hasView(options)) {
    const stage = new Stage(station);
    const { latencies } = new Witness(station, stage.listener);
    await showView('spectator', station, stage, latencies);
  } else {
    new Witness(station, options.isQuiet ? {} : new LineWriter());
  }
  await station.ready();
}
