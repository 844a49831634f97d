/**
 * The oracle of the fault suite: whatever was done to the links, at the end every subscriber has got, or was told that it missed,
 * every event of every publisher, once and in order. All fault tests are judged here and nowhere else.
 *
 * It compares what publishers and subscribers counted for themselves (fault-record.mjs), so it trusts nothing
 * that the library says of itself but the losses it tells.
 */
import type { Counts, Publication, ReceivedReport } from './fault-record.mjs';

/** What one emitter received. */
export interface Reception extends ReceivedReport {
  /** Its emitter id: nobody receives its own events. */
  readonly subscriber: string;
  /** For messages. */
  readonly label: string;
  /** What it listened to; all names if absent. */
  readonly names?: readonly string[] | undefined;
  /** It came while others were emitting: what was before the first event it saw is not its own. */
  readonly joined?: boolean | undefined;
}

export interface Rules {
  /**
   * What may be told instead of delivered: nothing, losses of a known size, or also losses of unknown size.
   * @default 'exact'
   */
  readonly told?: 'none' | 'exact' | 'inexact';
  /** Labels of publishers, for messages. */
  readonly labels?: ReadonlyMap<string, string>;
}

/** Sums over all pairs of subscriber and publisher. */
export interface Verdict {
  readonly emitted: number;
  readonly refused: number;
  readonly delivered: number;
  readonly told: number;
  readonly toldInexactly: number;
  /** One line for each thing that is wrong. */
  readonly problems: readonly string[];
}

const MAX_PROBLEMS = 20;
const SHOWN_GAPS = 3;

/** As {@link judge}; throws if anything is wrong, and says what. */
export function prove(
  publications: readonly Publication[],
  receptions: readonly Reception[],
  rules: Rules = {},
): Verdict {
  const verdict = judge(publications, receptions, rules);
  const { problems } = verdict;
  if (problems.length === 0) return verdict;
  const more = problems.length > MAX_PROBLEMS ? [`… and ${problems.length - MAX_PROBLEMS} more`] : [];
  throw new Error(
    [`${problems.length} problems; ${summary(verdict)}`, ...problems.slice(0, MAX_PROBLEMS), ...more].join(
      '\n  ',
    ),
  );
}

/** One line of figures. */
export function summary({ emitted, refused, delivered, told, toldInexactly }: Verdict): string {
  const inexactly = toldInexactly === 0 ? '' : `, told without a number ${toldInexactly} times`;
  return `to deliver ${emitted - refused}, delivered ${delivered}, told ${told}${inexactly}, refused ${refused}`;
}

export function judge(
  publications: readonly Publication[],
  receptions: readonly Reception[],
  rules: Rules = {},
): Verdict {
  const total = { emitted: 0, refused: 0, delivered: 0, told: 0, toldInexactly: 0 };
  const problems: string[] = [];
  for (const reception of receptions) {
    const { subscriber, label, corrupted, toldOfNobody, publishers } = reception;
    const wrong = (what: string) => problems.push(`${label} ${what}`);
    if (corrupted > 0) wrong(`got ${corrupted} events that nobody emitted so`);
    if (toldOfNobody > 0) wrong(`was told ${toldOfNobody} times of a loss without its publisher or name`);
    for (const publication of publications) {
      if (publication.publisher === subscriber) continue;
      const pair = judgePair(publication, reception, rules);
      problems.push(...pair.problems);
      for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += pair[key];
    }
    const known = new Set(publications.map(({ publisher }) => publisher));
    for (const publisher of Object.keys(publishers)) {
      if (publisher === subscriber) wrong('got its own events');
      else if (!known.has(publisher)) wrong(`got events of ${publisher}, who is no publisher`);
    }
  }
  return { ...total, problems };
}

function judgePair(publication: Publication, reception: Reception, rules: Rules): Verdict {
  const { publisher, names, refusedUnnamed } = publication;
  const total = { emitted: 0, refused: refusedUnnamed, delivered: 0, told: 0, toldInexactly: 0 };
  const problems: string[] = [];
  const from = reception.publishers[publisher];
  const pair = `${reception.label} ← ${rules.labels?.get(publisher) ?? publisher}`;
  if ((from?.disorder ?? 0) > 0) {
    problems.push(`${pair}: ${from?.disorder} events after a later one of the same publisher`);
  }
  for (const [name, sent] of Object.entries(names)) {
    if (reception.names !== undefined && !reception.names.includes(name)) continue;
    const counts = from?.names[name];
    if (counts === undefined && reception.joined) continue;
    const before = reception.joined ? Math.max(0, counts?.first ?? 0) : 0;
    const due = sent.emitted - sent.refused - before;
    const wrong = (what: string) => problems.push(`${pair}, '${name}': ${what}`);
    total.emitted += sent.emitted - before;
    total.refused += sent.refused;
    total.delivered += counts?.delivered ?? 0;
    total.told += counts?.told ?? 0;
    total.toldInexactly += counts?.toldInexactly ?? 0;
    const slack = { less: refusedUnnamed, more: reception.joined ? (counts?.told ?? 0) : 0 };
    for (const fault of faultsOf(counts, due, slack, rules)) wrong(fault);
  }
  const due = total.emitted - total.refused;
  // Where refusals are known in sum only, so is what was due.
  if (refusedUnnamed > 0 && total.toldInexactly === 0 && total.delivered + total.told !== due) {
    problems.push(
      `${pair}: delivered ${total.delivered} + told ${total.told} ≠ ${due} emitted and not refused`,
    );
  }
  for (const name of Object.keys(from?.names ?? {})) {
    if (names[name] === undefined) problems.push(`${pair}, '${name}': nobody emitted it`);
  }
  return { ...total, problems };
}

/** @param slack by how much the sum may be off: refusals without a name; losses told of what was before a joiner's first event. */
function* faultsOf(
  counts: Counts | undefined,
  due: number,
  slack: { readonly less: number; readonly more: number },
  { told: mayTell = 'exact' }: Rules,
): Generator<string> {
  const { delivered = 0, told = 0, toldInexactly = 0, duplicates = 0, reordered = 0 } = counts ?? {};
  if (duplicates > 0) yield `${duplicates} duplicates${counts?.untrackedGaps ? ' (or late)' : ''}`;
  if (reordered > 0) yield `${reordered} out of order`;
  if (toldInexactly > 0 && mayTell !== 'inexact')
    yield `told ${toldInexactly} times of a loss without its size`;
  if (told > 0 && mayTell === 'none') yield `told of ${told} lost${gapsOf(counts)}`;
  const sum = delivered + told;
  const fits = sum > due ? sum - due <= slack.more : due - sum <= slack.less || toldInexactly > 0;
  if (!fits) {
    const what = sum < due ? `${due - sum} lost in silence` : `${sum - due} too many`;
    yield `${what}: delivered ${delivered} + told ${told} ≠ ${due} due${gapsOf(counts)}`;
  }
}

function gapsOf(counts: Counts | undefined): string {
  if (counts === undefined) return '; nothing of it came';
  const { gaps, untrackedGaps, last } = counts;
  const shown = gaps.slice(0, SHOWN_GAPS).map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`));
  const more = gaps.length + untrackedGaps - shown.length;
  if (more > 0) shown.push(`${more} more`);
  return `; last ${last}, missing on the way: ${shown.join(', ') || 'none'}`;
}
