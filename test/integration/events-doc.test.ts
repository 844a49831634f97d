/** What docs/events.md shows runs, and prints what it says. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Bus } from '../support/bus.js';
import { spawnSource } from '../support/process.js';

const PAGE = readFileSync(new URL('../../docs/events.md', import.meta.url), 'utf8');
const EXAMPLES = [...PAGE.matchAll(/^## (.+?)\n[\s\S]*?(?=^## |(?![\s\S]))/gm)].flatMap(([section, title]) =>
  [...(section ?? '').matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(
    ([, code]) => [title as string, code as string] as const,
  ),
);

const OUTPUTS: Readonly<Record<string, readonly (string | RegExp)[]>> = {
  'Several arguments': ['moved to 1 2'],
  Channels: ['in room 42: hello'],
  Namespaces: [],
  Patterns: ["[ 'user:login', { id: 1 } ]", 'user:login { id: 1 }', 'user:login'],
  Filters: ['expensive: 120', 'price'],
  'Volatile events': ['0 dropped', 'cursor at 3 4', 'cursor at 5 6'],
  'Headers and context': [/^paid undefined [0-9a-f]{14} 1 \d{4}-.*Z ada$/],
  Emissions: [],
  'Signals and `using`': ['{ id: 2 }'],
};

test('every example is known here', () => {
  expect(EXAMPLES.map(([title]) => title)).toEqual(Object.keys(OUTPUTS));
});

test.each(EXAMPLES)('%s', async (title, code) => {
  await using bus = await Bus.start();
  const { xsubAddress, xpubAddress } = bus.addresses;
  await using child = spawnSource(
    `
    import { createDistributedEmitter } from 'demitter';
    const [xsubAddress, xpubAddress] = process.argv.slice(1);
    const options = { xsubAddress, xpubAddress };
    const here = await createDistributedEmitter(options);
    const there = await createDistributedEmitter(options);
    ${code}
    await there.ready();
    const done = there.once('done');
    await there.ready();
    await here.emit('done');
    await done;
    ${title.startsWith('Headers') ? 'await auditor.close();' : ''}
    await Promise.all([here.close(), there.close()]);
    `,
    { args: [xsubAddress, xpubAddress] },
  );
  expect(await child.exit, child.output).toEqual({ code: 0, signal: null });
  const lines = child.stdout.filter((line) => line !== 'done');
  const expected = [...(OUTPUTS[title] ?? [])].map((line) =>
    typeof line === 'string' ? line : expect.stringMatching(line),
  );
  expect(lines).toHaveLength(expected.length);
  expect(lines).toEqual(expect.arrayContaining(expected));
});
