/**
 * Patterns of names: segments between separators, where `*` stands for any one segment and `**`, at the end, for one or
 * more. `user:*` matches `user:login` and not `user`, `user:` followed by nothing included.
 */
import { show } from './checks.js';

export const DEFAULT_SEPARATOR = ':';

export interface Pattern {
  readonly text: string;
  /** What every name that matches begins with. */
  readonly start: string;
  /** Only strings match. */
  readonly matches: (name: PropertyKey) => boolean;
}

/** @throws TypeError for what is no pattern: one with a `*` beside something else in a segment, or `**` before the end. */
export function parsePattern(text: unknown, separator: string): Pattern {
  if (typeof text !== 'string') throw new TypeError(`Expected the pattern to be a string, got ${show(text)}`);
  const segments = text.split(separator);
  for (const [i, segment] of segments.entries()) {
    const isWild = segment === '*' || (segment === '**' && i === segments.length - 1);
    if (isWild || !segment.includes('*')) continue;
    throw new TypeError(
      `Expected each segment of a pattern to be a text, \`*\`, or at the end \`**\`, got ${show(segment)} in ${show(text)}`,
    );
  }
  const firstWild = segments.findIndex((segment) => segment.startsWith('*'));
  const fixed = firstWild === -1 ? segments : segments.slice(0, firstWild);
  const start = fixed.map((segment) => segment + separator).join('');
  return {
    text,
    start: firstWild === -1 ? text : start,
    matches: (name) => typeof name === 'string' && matchSegments(segments, name.split(separator)),
  };
}

function matchSegments(pattern: readonly string[], name: readonly string[]): boolean {
  const takesRest = pattern.at(-1) === '**';
  if (takesRest ? name.length < pattern.length : name.length !== pattern.length) return false;
  return pattern.every((segment, i) => segment === '*' || segment === '**' || segment === name[i]);
}
