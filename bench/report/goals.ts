/** What was to be reached, and whether it was. */
import type { Goal } from '../scenario.js';
import { metric } from './metrics.js';
import { type Entry, medianOf, oursIn, type Row, worstLoss } from './row.js';

export interface Verdict {
  /** Such as `≥ 4.5 ×`. */
  readonly text: string;
  /** `undefined` if one of the two was not measured. */
  readonly met: boolean | undefined;
}

/** The goals that are stated beside that contestant: for ours, those that are about ours alone. */
export function verdictsFor(row: Row, entry: Entry): Verdict[] {
  const ours = oursIn(row);
  const goals = row.scenario.goals.filter(({ to }) =>
    to === undefined ? entry === ours : entry.contestant.name === to,
  );
  return goals.map((goal) => {
    const actual = ours === undefined ? Number.NaN : actualOf(goal, ours, entry);
    const { better } = metric(goal.metric);
    const isMet = better === 'more' ? actual >= goal.bound : actual <= goal.bound;
    return { text: textOf(goal), met: Number.isNaN(actual) ? undefined : isMet };
  });
}

export function showVerdict({ text, met }: Verdict): string {
  if (met === undefined) return text;
  return `${text} ${met ? 'met' : 'MISSED'}`;
}

function actualOf({ metric: name, of }: Goal, ours: Entry, theirs: Entry): number {
  const figure = (entry: Entry): number => (name === 'lost' ? worstLoss(entry) : medianOf(entry, name));
  if (of === 'value') return figure(ours);
  return of === 'ratio' ? figure(ours) / figure(theirs) : figure(ours) - figure(theirs);
}

function textOf({ metric: name, of, bound }: Goal): string {
  const { better, show } = metric(name);
  if (name === 'lost' && bound === 0) return 'none lost';
  const sign = better === 'more' ? '≥' : '≤';
  if (of === 'ratio') return `${sign} ${bound} ×`;
  return of === 'value' ? `${sign} ${show(bound)}` : `${sign} ${show(bound)} more`;
}
