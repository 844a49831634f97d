/** The two forms of the fault suite: a short one in every `npm test`, and the long one of `npm run test:fault`. */

/** Whether this is the long form. */
export const isLong = process.env.DEMITTER_FAULTS === 'long';

/** Which of a case's parameters count in this run. */
export function byForm<Parameters>(forms: {
  readonly short: Parameters;
  readonly long: Parameters;
}): Parameters {
  return isLong ? forms.long : forms.short;
}

/** In the long form: one line of figures, to be copied into a table. */
export function tellFigures(title: string, figures: Readonly<Record<string, number | string>>): void {
  if (!isLong) return;
  const cells = Object.entries(figures).map(([what, value]) => `${what} ${value}`);
  console.log(`${title} | ${cells.join(' | ')}`);
}

/** Median and maximum, as whole milliseconds. */
export function medianAndMax(times: readonly number[]): string {
  const sorted = times.map(Math.round).sort((a, b) => a - b);
  return `${sorted[Math.floor((sorted.length - 1) / 2)]} / ${sorted.at(-1)} ms`;
}
