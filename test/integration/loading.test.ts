import { describe, expect, test } from 'vitest';
import { spawnProgram, spawnSource } from '../support/process.js';

/** Prints the URL of everything that is imported. */
const HOOK = `
import { writeSync } from 'node:fs';
export async function resolve(specifier, context, next) {
  const resolved = await next(specifier, context);
  writeSync(1, 'imported ' + resolved.url + '\\n');
  return resolved;
}`;

const REGISTER = `
import { register } from 'node:module';
register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(HOOK)}));`;

function load(program: string) {
  return spawnSource(program, {
    execArgv: ['--import', `data:text/javascript,${encodeURIComponent(REGISTER)}`],
  });
}

const NATIVE = `
for (const file of process.report.getReport().sharedObjects) {
  if (file.endsWith('.node')) console.log('native', file);
}`;

describe('loading the package', () => {
  test('a process that only makes emitters loads none of zeromq, pino, commander and libsodium', async () => {
    await using child = load(`
      import { createDistributedEmitter, DistributedEmitter } from 'demitter';
      const emitter = await createDistributedEmitter({ xsubPort: 1, xpubPort: 1, connectTimeout: 0 });
      emitter.on('distributed:error', () => {});
      await emitter.close();
      const local = new DistributedEmitter({ transport: 'memory' });
      await local.connect();
      await local.emit('a', new Map([[1, new Date()]]));
      await local.close();
      ${NATIVE}
    `);
    expect(await child.exit, child.output).toEqual({ code: 0, signal: null });
    expect(child.stdout.some((line) => line.endsWith('/dist/index.js'))).toBe(true);
    const heavy = child.stdout.filter((line) =>
      /\/node_modules\/(zeromq|pino|commander|libsodium)\//.test(line),
    );
    expect(heavy).toEqual([]);
    // Nor what of our own is only for forwarders of this process, or for keys.
    const unneeded = child.stdout.filter((line) =>
      /\/dist\/(forwarder\/(create|standalone|memory-limit|child-proxy)|transport\/zmtp\/(curve-|sodium))|^imported node:child_process/.test(
        line,
      ),
    );
    expect(unneeded).toEqual([]);
    expect(child.stdout.filter((line) => /^native .*zeromq/.test(line))).toEqual([]);
  });

  test('a process that does not use OpenTelemetry does not load its API', async () => {
    await using child = load(`
      import { createRequire } from 'node:module';
      import { createDistributedEmitter } from 'demitter';
      const here = await createDistributedEmitter({ transport: 'memory', context: true });
      const there = await createDistributedEmitter({ transport: 'memory', context: true });
      const arrived = there.channel('a').once('x');
      await there.ready();
      await here.channel('a').emit('x', 1, { headers: { h: 'x' } });
      await arrived;
      await here.close();
      await there.close();
      for (const file of Object.keys(createRequire(import.meta.url).cache)) console.log('required', file);
    `);
    expect(await child.exit, child.output).toEqual({ code: 0, signal: null });
    expect(child.stdout.length).toBeGreaterThan(0);
    expect(child.stdout.filter((line) => line.includes('opentelemetry'))).toEqual([]);
  });

  test('a forwarder loads them on demand (so that the test above would see them)', async () => {
    await using child = load(`
      import { createForwarder } from 'demitter';
      const forwarder = await createForwarder({ xsubPort: 0, xpubPort: 0 });
      await forwarder.close();
      ${NATIVE}
    `);
    expect(await child.exit, child.output).toEqual({ code: 0, signal: null });
    for (const name of ['zeromq', 'pino']) {
      expect(
        child.stdout.some((line) => line.startsWith('imported') && line.includes(`/node_modules/${name}/`)),
      ).toBe(true);
    }
    expect(child.stdout.some((line) => /^native .*zeromq/.test(line))).toBe(true);
  });

  test('an emitter with keys loads libsodium, and no wrappers of it', async () => {
    await using child = load(`
      import { createDistributedEmitter } from 'demitter';
      const security = { serverKey: '${'ab'.repeat(32)}', secretKey: '${'cd'.repeat(32)}' };
      const emitter = await createDistributedEmitter({ xsubPort: 1, xpubPort: 1, connectTimeout: 0, security });
      emitter.on('distributed:error', () => {});
      await emitter.close();
      ${NATIVE}
    `);
    expect(await child.exit, child.output).toEqual({ code: 0, signal: null });
    const loaded = child.stdout.filter((line) => /\/node_modules\/(zeromq|libsodium)/.test(line));
    expect(loaded).toHaveLength(1);
    expect(loaded[0]).toContain('/node_modules/libsodium/');
  });

  test("require('demitter') works", async () => {
    await using child = spawnProgram(process.execPath, {
      args: [
        '--input-type=commonjs',
        '--eval',
        `
        const { createDistributedEmitter, DistributedEmitter } = require('demitter');
        createDistributedEmitter({ transport: 'memory' }).then(async (emitter) => {
          console.log(emitter instanceof DistributedEmitter, emitter.status);
          await emitter.close();
        });
        `,
      ],
    });
    expect(await child.exit, child.output).toEqual({ code: 0, signal: null });
    expect(child.stdout).toEqual(['true ready']);
  });
});
