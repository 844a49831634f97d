/** What package.json says, read at run time: one level above `dist/` (or `src/`), whoever runs it from where. */
import { readFileSync } from 'node:fs';

/** The version of the installed package. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
