/** What comes along with the package, and what is said about it. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, spawnProgram } from '../support/process.js';

interface Manifest {
  readonly version: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

const manifest: Manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));

test('the package has no script that runs at its installation', () => {
  const scripts = Object.keys(manifest.scripts);
  expect(scripts.filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([]);
});

test('the bill of materials lists what is installed with the package, and nothing else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'demitter-sbom-'));
  try {
    const file = join(folder, 'sbom.json');
    await using sbom = spawnProgram(join(ROOT, 'scripts/sbom.sh'), {
      args: [file],
      env: process.env as Record<string, string>,
    });
    const { code } = await sbom.exit;
    if (code !== 0) throw new Error(`sbom.sh ended with ${code}:\n${sbom.output}`);
    const { spdxVersion, name, packages } = JSON.parse(await readFile(file, 'utf8'));
    expect({ spdxVersion, name }).toEqual({ spdxVersion: 'SPDX-2.3', name: `demitter@${manifest.version}` });
    const names: string[] = packages.map((listed: { name: string }) => listed.name);
    expect(names).toEqual(expect.arrayContaining(Object.keys(manifest.dependencies)));
    expect(names.filter((listed) => /vitest|typescript|biome/.test(listed))).toEqual([]);
    for (const { versionInfo, licenseDeclared } of packages) {
      expect(versionInfo).toMatch(/^\d+\.\d+\.\d+/);
      expect(licenseDeclared).toMatch(/\w/);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);
