/** Whether a part shows what it sees, and doing so: who shows nothing does not load what draws. */
import type { Latencies } from '../latency.js';
import type { Stage } from '../stage.js';
import type { Station } from '../station.js';
import type { ViewName } from '../views/app.js';

export interface ViewOptions {
  readonly isPlain: boolean;
}

export function hasView({ isPlain }: ViewOptions): boolean {
  return !isPlain && process.stdout.isTTY;
}

/** `latencies`: those of the figures that are shown. */
export async function showView(
  view: ViewName,
  station: Station,
  stage: Stage,
  latencies: Latencies,
): Promise<void> {
  // React reads this once, while it is loaded: without it, it checks every render, at several times the cost.
  process.env.NODE_ENV ??= 'production';
  // https://no-color.org, which ink's colours do not know.
  if (process.env.NO_COLOR) process.env.FORCE_COLOR = '0';
  const { show } = await import('../views/show.js');
  show(view, station, stage, latencies);
}
