/** What every view is given, at each redraw. */
import type { LatencyFigures } from '../latency.js';
import type { Scene } from '../scene.js';

export interface ViewProps {
  readonly scene: Scene;
  readonly now: number;
  /** Whose view this is. */
  readonly name: string;
  /** From emit to here. */
  readonly latency: LatencyFigures;
  readonly losses: number;
  readonly width: number;
  readonly height: number;
}
