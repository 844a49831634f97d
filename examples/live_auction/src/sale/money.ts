/** Money is integer cents everywhere; this is the one place where it becomes text. */

/** `123456` → `1,234.56`. */
export function formatCents(cents: number): string {
  return (cents / 100).toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

/** `123456` → `1,235`: where there is little room. */
export function formatEuros(cents: number): string {
  return Math.round(cents / 100).toLocaleString('en');
}
