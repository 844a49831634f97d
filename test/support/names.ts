/** Event names as JSON, for tests that speak of them across processes: JSON has no symbols and no numeric keys. */
export type PlainName = readonly ['string' | 'number' | 'symbol', string | number];

export function toPlainName(name: PropertyKey): PlainName {
  if (typeof name === 'symbol') return ['symbol', Symbol.keyFor(name) ?? ''];
  return typeof name === 'number' ? ['number', name] : ['string', name];
}
