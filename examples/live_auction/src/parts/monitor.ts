/** The monitor: how all processes are. Without a terminal, a line for each of them, once a second. */
import { Latencies } from '../latency.js';
import { Stage } from '../stage.js';
import { Station } from '../station.js';
import { hasView, showView, type ViewOptions } from './view.js';

const MIB = 2 ** 20;

export async function runMonitor(options: ViewOptions): Promise<void> {
  const station = Station.start({ role: 'monitor' });
  const { emitter } = station;
  if (hasView(options)) {
    const stage = new Stage(station);
    // For the colours of the bidders.
    emitter.on('house', (house) => stage.listener.onHouse(house));
    await showView('monitor', station, stage, new Latencies());
  } else {
    emitter.on(
      'vitals',
      ({ name, pid, cpuPercent, rssBytes, eventsPerSecond, status, latencyMs, losses }) => {
        const ring = latencyMs === undefined ? '' : `, ring ${latencyMs.toFixed(2)} ms`;
        console.log(
          `${name} (${pid}): cpu ${cpuPercent.toFixed(0)} %, ${(rssBytes / MIB).toFixed(0)} MiB, ` +
            `${eventsPerSecond.toFixed(0)} events/s, ${status}${ring}, losses ${losses}`,
        );
      },
    );
    emitter.on('trouble', ({ from, type, message }) => console.log(`${from}: ${type}: ${message}`));
  }
  await station.ready();
}
