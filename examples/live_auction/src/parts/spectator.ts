/** The spectator: sees everything and says nothing. In a terminal it is the dashboard, elsewhere a line for each event. */
import { Station } from '../station.js';
import { Witness } from '../witness.js';
import { LineWriter } from './lines.js';

export interface SpectatorOptions {
  readonly isPlain: boolean;
  readonly isQuiet: boolean;
}

export async function runSpectator({ isPlain, isQuiet }: SpectatorOptions): Promise<void> {
  const station = Station.start({ role: 'spectator' });
  if (isPlain || !process.stdout.isTTY) new Witness(station, isQuiet ? {} : new LineWriter());
  else new Witness(station);
  await station.ready();
}
