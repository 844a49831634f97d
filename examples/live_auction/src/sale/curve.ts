/** How a price went, in few points: what a dashboard draws, also one that is started late. */

/** Milliseconds since the auction began, and the price from then on. */
export type CurvePoint = readonly [elapsedMs: number, cents: number];

/** More would not be seen in a terminal. */
const MAX_POINTS = 128;

/** `curve` and one more point. When there are too many, every second one goes; the first and the last always stay. */
export function extendCurve(curve: readonly CurvePoint[], point: CurvePoint): readonly CurvePoint[] {
  const kept = curve.length < MAX_POINTS ? curve : curve.filter((_, index) => index % 2 === 0);
  return [...kept, point];
}
