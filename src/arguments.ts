/**
 * What Emittery's methods are called with: names alone or in lists, and listeners. Checked, where we have to
 * look before Emittery does, in Emittery's own words.
 */
import Emittery from 'emittery';

export function isName(value: unknown): value is PropertyKey {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'symbol';
}

export function isMetaEvent(name: PropertyKey): boolean {
  return name === Emittery.listenerAdded || name === Emittery.listenerRemoved;
}

/** In Emittery's words, for what is checked before Emittery sees it. */
export function assertName(name: unknown): void {
  if (!isName(name)) throw new TypeError('`eventName` must be a string, symbol, or number');
}

/** In Emittery's words. */
export function assertListener(listener: unknown): void {
  if (typeof listener !== 'function') throw new TypeError('listener must be a function');
}

export function listOf<Name>(names: Name | readonly Name[]): PropertyKey[] {
  return (Array.isArray(names) ? [...names] : [names]) as PropertyKey[];
}
