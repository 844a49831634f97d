/** What a forwarder does to the process it is in: the built package in real child processes. */
import { readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { DIST, type ProcessOptions, spawnSource, type TestProcess } from '../support/process.js';

const FLOOD = fileURLToPath(new URL('../support/flood-program.mjs', import.meta.url));
const IMPORT = `import { createForwarder } from ${JSON.stringify(`${pathToFileURL(DIST)}forwarder.js`)};
const many = (count) => Promise.all(Array.from({ length: count }, () => createForwarder({ xsubPort: 0, xpubPort: 0 })));
`;

function run(source: string, options?: ProcessOptions): TestProcess {
  return spawnSource(IMPORT + source, options);
}

/** Whether the process lives: a zombie, which only its parent could remove, does not. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** There is no event for the end of a process that is not our child. */
async function whenGone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('the process', () => {
  test.each([1, 8])('ends by itself after %i forwarders were closed', async (count) => {
    await using child = run(`const all = await many(${count});
      await Promise.all(all.map((forwarder) => forwarder.close()));`);
    expect(await child.exit).toEqual({ code: 0, signal: null });
    expect(child.output).toBe('');
  });

  test('is kept alive by a forwarder nobody holds, which no garbage collection aborts', async () => {
    await using child = run(
      `await (async () => { await many(3); })();
       let rounds = 0;
       const timer = setInterval(() => {
         gc();
         if (++rounds === 20) { clearInterval(timer); console.log('collected'); }
       }, 10);`,
      { execArgv: ['--expose-gc'] },
    );
    await child.line(/collected/);
    expect(isAlive(child.pid)).toBe(true);
    child.kill('SIGTERM');
    expect(await child.exit).toEqual({ code: null, signal: 'SIGTERM' });
    expect(child.output).toBe('collected');
  });

  test.each([1, 8])('ends with process.exit() while %i forwarders run', async (count) => {
    await using child = run(`await many(${count}); process.exit(7);`);
    expect(await child.exit).toEqual({ code: 7, signal: null });
  });

  test('ends with process.exit() while messages flow', async () => {
    await using child = run(floodOf('process.exit(7)'));
    expect(await child.exit).toEqual({ code: 7, signal: null });
  });

  test('ends with an uncaught error, and shows it', async () => {
    await using child = run(`await many(3); throw new Error('the application broke');`);
    expect((await child.exit).code).toBe(1);
    expect(child.output).toContain('the application broke');
  });

  test('closes within 2 s while messages flow and a subscriber is stalled', async () => {
    await using child = run(
      floodOf(`const started = performance.now();
        await forwarder.close();
        console.log('closed after', performance.now() - started);
        flood.kill();`),
    );
    const [, elapsed] = await child.line(/closed after ([\d.]+)/);
    expect(Number(elapsed)).toBeLessThan(2000);
    expect(await child.exit).toEqual({ code: 0, signal: null });
  });

  test('does not load what it does not use: an import of the package loads no native module and no logger', async () => {
    await using child = spawnSource(
      `import { createRequire } from 'node:module';
       import ${JSON.stringify(`${pathToFileURL(DIST)}forwarder.js`)};
       const { cache } = createRequire(import.meta.url);
       console.log(JSON.stringify(Object.keys(cache)));`,
    );
    const [files] = await child.line(/^\[.*\]$/);
    expect(JSON.parse(files).filter((file: string) => /zeromq|pino|commander/.test(file))).toEqual([]);
  });
});

/** A program that has its forwarder flooded by another process and then runs `action`. */
function floodOf(action: string): string {
  return `import { spawn } from 'node:child_process';
    const [forwarder] = await many(1);
    const { xsubAddress, xpubAddress } = forwarder;
    const flood = spawn(process.execPath, [${JSON.stringify(FLOOD)}, xsubAddress, xpubAddress]);
    process.on('exit', () => flood.kill());
    flood.stdout.once('data', async () => { ${action} });`;
}

describe('several forwarders in one process', () => {
  const PIDS = `const lines = [];
    const logger = (await import('pino')).pino({ level: 'debug' }, { write: (line) => lines.push(JSON.parse(line)) });
    const { readFile } = await import('node:fs/promises');
    const all = await Promise.all(Array.from({ length: 8 }, () => createForwarder({ xsubPort: 0, xpubPort: 0, logger })));
    const children = lines.filter(({ kind }) => kind === 'child').map((line) => line.pid.toString());
    const own = lines.filter(({ kind }) => kind === 'process').length;`;

  test('eight of them relay, and fs still answers', async () => {
    await using child = run(`${PIDS}
      const { Publisher, Subscriber } = await import('zeromq');
      for (const { xsubAddress, xpubAddress } of all) {
        const publisher = new Publisher({ linger: 0 });
        const subscriber = new Subscriber({ linger: 0 });
        publisher.connect(xsubAddress);
        subscriber.connect(xpubAddress);
        subscriber.subscribe('');
        const timer = setInterval(() => publisher.send('x'), 5);
        await subscriber.receive();
        clearInterval(timer);
        publisher.close();
        subscriber.close();
      }
      const text = await readFile(${JSON.stringify(`${DIST}../package.json`)}, 'utf8');
      console.log('in this process', own, 'children', children.length, 'read', JSON.parse(text).name);
      await Promise.all(all.map((forwarder) => forwarder.close()));
      console.log('gone', children.every((pid) => { try { process.kill(pid, 0); } catch { return true; } }));`);
    await child.line(/in this process 2 children 6 read demitter/);
    await child.line(/gone true/);
    expect((await child.exit).code).toBe(0);
  });

  test.each([
    [{ UV_THREADPOOL_SIZE: '1' }, 0],
    [{ UV_THREADPOOL_SIZE: '3' }, 1],
    [{ UV_THREADPOOL_SIZE: '16' }, 8],
  ])('%o leaves room for %i of eight in this process', async (env, count) => {
    await using child = run(`${PIDS} console.log('own', own); process.exit();`, { env });
    await child.line(new RegExp(`own ${count}$`));
    expect((await child.exit).code).toBe(0);
  });

  test('a size set from JavaScript, which may be too late, is not believed', async () => {
    await using child = run(
      `process.env.UV_THREADPOOL_SIZE = '16'; ${PIDS} console.log('own', own); process.exit();`,
    );
    await child.line(/own 2$/);
  });

  test('their processes end with this one, even if it is killed, and ignore the signals it is to handle', async () => {
    await using child = run(
      `${PIDS} console.log('children', children.join(' ')); setInterval(() => {}, 1000);`,
    );
    const [, text = ''] = await child.line(/children ([\d ]+)/);
    const pids = text.split(' ').map(Number);
    expect(pids).toHaveLength(6);
    for (const pid of pids) {
      process.kill(pid, 'SIGINT');
      process.kill(pid, 'SIGTERM');
      expect(isAlive(pid)).toBe(true);
    }
    child.kill('SIGKILL');
    await Promise.all(pids.map(whenGone));
  });

  test('one that dies is reported by `closed` and in the log, and its ports can be bound again', async () => {
    await using child = run(`${PIDS}
      process.kill(children[0], 'SIGKILL');
      const [forwarder, failure] = await Promise.race(all.map(async (each) => [each, await each.closed]));
      const error = lines.find(({ level }) => level === 50);
      console.log(failure.code, failure.message, '|', error.msg, error.err.type);
      const ports = ['xsub', 'xpub'].map((side) => Number(forwarder[side + 'Address'].split(':').pop()));
      const again = await createForwarder({ xsubPort: ports[0], xpubPort: ports[1] });
      await Promise.all([again, ...all].map((each) => each.close()));
      console.log('stopped', lines.filter(({ msg }) => msg.startsWith('forwarder stopped')).length);`);
    await child.line(
      /^DEMITTER_FORWARDER_FAILED the proxy's process ended by itself \(SIGKILL\) \| forwarder failed: .* DemitterError$/,
    );
    await child.line(/stopped 7/);
    expect((await child.exit).code).toBe(0);
  });

  test('one that cannot bind rejects as ever', async () => {
    await using child = run(
      `const [first] = await many(1);
       const xpubPort = Number(first.xpubAddress.split(':').pop());
       const error = await createForwarder({ xsubPort: 0, xpubPort }).catch((reason) => reason);
       console.log(error.name, error.code, error.cause.code, error.message);
       await first.close();`,
      { env: { UV_THREADPOOL_SIZE: '1' } },
    );
    await child.line(/DemitterError DEMITTER_BIND EADDRINUSE cannot bind the XPUB side to tcp/);
    expect((await child.exit).code).toBe(0);
  });
});

describe('in a worker thread', () => {
  test.each([
    ['terminate()', 'await worker.terminate();'],
    [
      'process.exit()',
      "worker.postMessage('exit'); await new Promise((resolve) => worker.once('exit', resolve));",
    ],
  ])('%s of the worker harms nobody', async (_name, end) => {
    await using child = run(`const { Worker } = await import('node:worker_threads');
      const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(
        ${JSON.stringify(IMPORT)} + "import { parentPort } from 'node:worker_threads';" +
        "const [forwarder] = await many(1);" +
        "parentPort.on('message', () => process.exit());" +
        "parentPort.postMessage(forwarder.xsubAddress);"
      )));
      const address = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
      ${end}
      console.log('survived', address);`);
    await child.line(/survived tcp/);
    expect(await child.exit).toEqual({ code: 0, signal: null });
  });
});
