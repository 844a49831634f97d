/** How cards share the room that there is. */

const MIN_CARD = { width: 26, height: 4 };

/** As many columns as there is room for, in as few rows as will do; cards that do not fit are not shown. */
export function grid(slots: number, width: number, height: number): { columns: number; rows: number } {
  const most = Math.max(1, Math.min(slots, Math.floor(width / MIN_CARD.width)));
  const rows = Math.max(1, Math.min(Math.ceil(slots / most), Math.floor(height / MIN_CARD.height)));
  return { columns: Math.min(most, Math.ceil(slots / rows)), rows };
}

/** The size of part `index`, where `whole` is divided into `parts` without a rest. */
export function partOf(whole: number, parts: number, index: number): number {
  return Math.floor((whole * (index + 1)) / parts) - Math.floor((whole * index) / parts);
}
