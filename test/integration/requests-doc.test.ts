/** What docs/requests.md shows runs. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { spawnSource } from '../support/process.js';

const PAGE = readFileSync(new URL('../../docs/requests.md', import.meta.url), 'utf8');
const [, CODE = ''] = /^```js\n([\s\S]*?)^```$/m.exec(PAGE) ?? [];

test('its example runs, and each request has the answer that stands beside it', async () => {
  const told = CODE.replaceAll(
    /^await client\.request(.*); \/\/ (.*)$/gm,
    'console.log(await client.request$1);',
  );
  await using child = spawnSource(
    `${told}
    await Promise.all([client.close(), service.close()]);
    process.exit();`,
  );
  expect(await child.exit, child.output).toEqual({ code: 0, signal: null });
  expect(child.stdout).toEqual(['3', 'unknown', expect.stringMatching(/^[0-9a-f]{14} { cpu: 0.3 }$/)]);
});
