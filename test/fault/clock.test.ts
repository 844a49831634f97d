/**
 * No behaviour depends on the wall clock: steps of an hour, forwards and backwards, change nothing. They are made by
 * libfaketime (`apt install faketime`), which lies to a process about the time of day and leaves its steady clock alone.
 * Skipped where it is missing, unless this is CI. (That nothing in `src/` asks for the time of day: unit/clock.test.ts.)
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { createDistributedEmitter } from '../../src/emitter.js';
import { ForwarderProcess } from '../support/forwarder-process.js';
import { DIST, spawnNode, type TestProcess } from '../support/process.js';

const PROGRAM = fileURLToPath(new URL('../support/stepped-program.mjs', import.meta.url));

const FAKETIME = process.env.DEMITTER_FAKETIME ?? '/usr/bin/faketime';

/** Where the library is that is to be preloaded, as its own command says. */
function findFaketime(): string | undefined {
  try {
    return execFileSync(FAKETIME, ['-f', '+0', 'printenv', 'LD_PRELOAD'], { encoding: 'utf8' }).trim();
  } catch (error) {
    if (process.env.CI !== undefined) throw new Error('CI must have faketime', { cause: error });
    return undefined;
  }
}

/** A clock that the processes with `env` share, and that any of them may step. */
function makeClock(preload: string): { readonly env: Record<string, string> } & Disposable {
  const directory = mkdtempSync(join(tmpdir(), 'demitter-clock-'));
  const file = join(directory, 'offset');
  writeFileSync(file, '+0');
  const env = {
    LD_PRELOAD: preload,
    FAKETIME_TIMESTAMP_FILE: file,
    // Otherwise a step is seen only seconds later.
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
  return { env, [Symbol.dispose]: () => rmSync(directory, { recursive: true }) };
}

interface Outcome {
  readonly errors: readonly { readonly code: string }[];
  readonly statuses: readonly string[];
}

async function outcomeOf<T>(program: TestProcess): Promise<Outcome & T> {
  expect(await program.exit, program.output).toEqual({ code: 0, signal: null });
  expect(program.stderr).toEqual([]);
  const [, json = ''] = await program.line(/^(\{.*\})$/, 'stdout');
  return JSON.parse(json) as Outcome & T;
}

/** The wall clock moves on a little between two looks at it. */
function closeTo(seconds: number) {
  return expect.closeTo(seconds, -1);
}

const faketime = findFaketime();

describe.skipIf(faketime === undefined)(
  'the wall clock is stepped by an hour, forwards and backwards',
  () => {
    test('of an emitter and the forwarder in mid-traffic - nothing is lost, told or late', async ({
      annotate,
    }) => {
      using clock = makeClock(faketime as string);
      const loopback = 'tcp://127.0.0.1:0';
      await using forwarder = spawnNode(join(DIST, 'cli.js'), {
        args: ['--xsub-address', loopback, '--xpub-address', loopback],
        env: clock.env,
      });
      const [, xsubAddress = '', xpubAddress = ''] = await forwarder.line(
        /started: XSUB (\S+), XPUB ([^\s"]+)/,
      );
      const addresses = { xsubAddress, xpubAddress };

      await using here = await createDistributedEmitter({ ...addresses });
      const ticks: unknown[] = [];
      const told: string[] = [];
      let wanted = Number.POSITIVE_INFINITY;
      let reached = (): void => {};
      here.on('tick', ({ sequence }) => {
        if (ticks.push(sequence) >= wanted) reached();
        void here.emit('tock', { sequence });
      });
      here.on('distributed:error', ({ code }) => told.push(code));
      here.on('distributed:status', ({ status }) => told.push(status));
      await here.ready();

      await using program = spawnNode(PROGRAM, {
        args: ['traffic', JSON.stringify(addresses)],
        env: clock.env,
      });
      const outcome = await outcomeOf<{
        offsets: number[];
        inOrder: boolean;
        longestWaitMs: number;
        closeMs: number;
        emitted: number;
      }>(program);
      await annotate(`longest wait of a timer ${outcome.longestWaitMs} ms, close() ${outcome.closeMs} ms`);
      // Were the clock not stepped, the rest would show nothing.
      expect(outcome.offsets).toEqual([closeTo(3600), closeTo(-3600), closeTo(0)]);
      expect(outcome.errors).toEqual([]);
      expect(outcome.statuses).toEqual(['connecting', 'ready', 'closing', 'closed']);
      expect(outcome.inOrder).toBe(true);
      expect(outcome.longestWaitMs).toBeLessThan(2000);
      expect(outcome.closeMs).toBeLessThan(2000);
      await new Promise<void>((resolve) => {
        wanted = outcome.emitted;
        reached = resolve;
        if (ticks.length >= wanted) resolve();
      });
      expect(ticks).toEqual(Array.from({ length: outcome.emitted }, (_, sequence) => sequence));
      expect(told).toEqual([]);

      // The forwarder lived on a stepped clock, too: its log says so.
      forwarder.kill('SIGTERM');
      const [, time] = await forwarder.line(/"time":(\d+).*forwarder stopped/);
      expect((Number(time) - Date.now()) / 1000).toEqual(closeTo(3600));
    });

    test('over what has a time limit - connect(), ready(), close() take as long as they should', async ({
      annotate,
    }) => {
      using clock = makeClock(faketime as string);
      await using forwarder = await ForwarderProcess.start();
      await using program = spawnNode(PROGRAM, {
        args: ['time limits', JSON.stringify(forwarder.addresses), `${forwarder.pid}`],
        env: clock.env,
      });
      const { limits } = await outcomeOf<{ limits: Record<string, number>[] }>(program);
      await annotate(JSON.stringify(limits));
      expect(limits.map(({ offset }) => offset)).toEqual([closeTo(3600), closeTo(-3600)]);
      for (const { offset: _, ...durations } of limits) {
        for (const [what, ms] of Object.entries(durations)) {
          expect(ms, what).toBeGreaterThan(290);
          expect(ms, what).toBeLessThan(300 + 1500);
        }
      }
    });

    test('while the forwarder is away - the link is made again when it is back', async () => {
      using clock = makeClock(faketime as string);
      await using forwarder = await ForwarderProcess.start();
      await using program = spawnNode(PROGRAM, {
        args: ['reconnecting', JSON.stringify(forwarder.addresses)],
        env: clock.env,
      });
      for (let outages = 0; outages < 2; outages += 1) {
        await program.line(/^kill$/);
        await forwarder.kill();
        await program.line(/^restart$/);
        await forwarder.start();
      }
      const { offsets, errors, statuses } = await outcomeOf<{ offsets: number[] }>(program);
      expect(offsets).toEqual([closeTo(3600), closeTo(-3600)]);
      expect(errors.map(({ code }) => code)).toEqual(['DEMITTER_NETWORK', 'DEMITTER_NETWORK']);
      const outage = ['reconnecting', 'ready'];
      expect(statuses).toEqual(['connecting', 'ready', ...outage, ...outage, 'closing', 'closed']);
    });
  },
);
