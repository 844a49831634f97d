/** Text in topics: as UTF-8 where that can hold it, as hexadecimal UTF-16 units where it cannot. */

/** UTF-8 has no bytes for a lone surrogate: encoding one would make two texts equal. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** Four lower-case digits for each UTF-16 unit. */
export function toHexUnits(text: string): string {
  return Buffer.from(text, 'utf16le').swap16().toString('hex');
}

/** `undefined` for what {@link toHexUnits} would not write. */
export function fromHexUnits(text: string): string | undefined {
  return /^(?:[0-9a-f]{4})*$/.test(text) ? Buffer.from(text, 'hex').swap16().toString('utf16le') : undefined;
}
