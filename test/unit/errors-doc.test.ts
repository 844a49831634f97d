import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));
const ERRORS = readFileSync(join(SRC, 'errors.ts'), 'utf8');
const DOC = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');

/** The members of a union of string literals in errors.ts. */
function unionOf(type: string): string[] {
  const body = ERRORS.split(`export type ${type} =`)[1]?.split(';')[0] ?? '';
  return [...body.matchAll(/^ {2}\| '(\w+)'/gm)].map((match) => match[1] as string).sort();
}

const CODES = unionOf('DemitterErrorCode');
const TYPES = unionOf('DistributedErrorType');

/** The section of each code, by its heading. */
const sections = new Map(
  DOC.split(/^##+ /m)
    .filter((section) => section.startsWith('`DEMITTER_'))
    .map((section) => [section.slice(1, section.indexOf('`', 1)), section]),
);

const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && file !== 'errors.ts')
  .map((file) => readFileSync(join(SRC, file), 'utf8'));

/** Every `new DistributedError(…)` in src: its type, and the codes it may have. */
const told = sources.flatMap((source) =>
  [...source.matchAll(/new DistributedError\(\s*'(\w+)',([^`]*?'DEMITTER_\w+'),\s*[`'\w]/g)].map((match) => ({
    type: match[1] as string,
    codes: (match[2] as string).match(/DEMITTER_\w+/g) as string[],
  })),
);

describe('docs/errors.md', () => {
  test('has a section for every code, and for nothing else', () => {
    expect(CODES.length).toBeGreaterThan(0);
    expect([...sections.keys()].sort()).toEqual(CODES);
    expect(CODES).toEqual(expect.arrayContaining([...new Set(DOC.match(/DEMITTER_[A-Z_]*[A-Z]/g))]));
  });

  test.each(CODES)('says of %s when it happens, who tells it, what it carries and what to do', (code) => {
    const labels = [...(sections.get(code) ?? '').matchAll(/^- \*\*(.+?):\*\*/gm)].map((match) => match[1]);
    expect(labels).toEqual(['When', 'Told by', 'Carries', 'What to do']);
  });

  test('calls reserved exactly those codes that the code does not use', () => {
    const unused = CODES.filter((code) => !sources.some((source) => source.includes(`'${code}'`)));
    const reserved = CODES.filter((code) => sections.get(code)?.includes('**When:** reserved'));
    expect(reserved).toEqual(unused);
  });

  test('names the type of every code that `distributed:error` carries, as the code has it', () => {
    expect(told.length).toBeGreaterThanOrEqual(TYPES.length - 1);
    for (const { type, codes } of told) {
      for (const code of codes) expect(sections.get(code)).toContain(`type \`${type}\``);
    }
    const fromCode = new Map(
      told.flatMap(({ type, codes }) => codes.map((code): [string, string] => [code, type])),
    );
    for (const code of CODES) {
      const documented = /`distributed:error`, type `(\w+)`/.exec(sections.get(code) ?? '')?.[1];
      if (!sections.get(code)?.includes('reserved'))
        expect([code, documented]).toEqual([code, fromCode.get(code)]);
    }
  });

  test('lists every type with its codes', () => {
    const listed = [...DOC.matchAll(/^\| `(\w+)` +\| (`DEMITTER_.*) \|$/gm)];
    expect(listed.map((row) => row[1]).sort()).toEqual(TYPES);
    for (const [, type, codes] of listed) {
      for (const code of (codes as string).match(/DEMITTER_\w+/g) ?? []) {
        expect(sections.get(code)).toContain(`type \`${type}\``);
      }
    }
  });
});
