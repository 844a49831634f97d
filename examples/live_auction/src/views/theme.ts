/** One colour for each bidder, the same in every view, and few others. */
import type { Scene } from '../scene.js';

const BIDDERS = [
  '#5fafff',
  '#ffaf5f',
  '#87d75f',
  '#ff87af',
  '#af87ff',
  '#5fd7af',
  '#d7d75f',
  '#ff8787',
  '#87d7ff',
  '#d7afff',
  '#afd787',
  '#d7af87',
] as const;

export const ACCENT = '#5fd7d7';
export const GOOD = '#87d75f';
export const BAD = '#ff5f5f';
export const FRAME = '#6c6c6c';
export const TITLE = '#bcbcbc';
export const WARM = '#ffd75f';

/** `undefined` for who is no bidder. */
export function colorOf({ knowledge }: Scene, name: string | undefined): string | undefined {
  const index = knowledge.house?.accounts.findIndex((account) => account.name === name) ?? -1;
  return index < 0 ? undefined : BIDDERS[index % BIDDERS.length];
}
