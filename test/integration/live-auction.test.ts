/**
 * The live auction as a whole, without a terminal: a dozen processes that have nothing in common but Demitter, and at the
 * end have to believe the same.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { ROOT, spawnNode } from '../support/process.js';

const AUCTION = join(ROOT, 'examples/live_auction');
const MAIN = join(AUCTION, 'dist/main.js');
const BIDDERS = 10;

interface Summary {
  readonly agreed: boolean;
  readonly failure?: string;
  readonly results: readonly Result[];
  readonly bids: number;
  readonly losses: number;
  readonly resumed: boolean;
  readonly faults: readonly { readonly killed: string; readonly open: number }[];
  readonly latency: { readonly count: number };
  readonly witnesses: readonly {
    readonly name: string;
    readonly role: string;
    readonly results: readonly Result[];
  }[];
}

interface Result {
  readonly lot: string;
  readonly title: string;
  readonly winner: string | null;
  readonly cents: number;
}

// On a fresh clone it has to be built and installed.
beforeAll(() => promisify(execFile)(process.execPath, [join(AUCTION, 'tools/prepare.mjs')]), 180_000);

async function runAuction(...args: string[]): Promise<Summary> {
  await using launcher = spawnNode(MAIN, { args: ['--json', '--auctions', '3', '--seed', '1', ...args] });
  const { code } = await launcher.exit;
  expect(code, launcher.output).toBe(0);
  return JSON.parse(launcher.stdout.join('\n')) as Summary;
}

/** Everybody who followed the sale says the same of every lot. */
function expectAgreement({ agreed, results, witnesses, losses }: Summary): void {
  expect(agreed).toBe(true);
  expect(results.map(({ lot }) => lot)).toEqual(['1', '2', '3']);
  for (const { cents, winner } of results) expect(cents > 0).toBe(winner !== null);
  expect(witnesses.map(({ role }) => role).toSorted()).toEqual([
    ...Array.from({ length: BIDDERS }, () => 'bidder'),
    'spectator',
  ]);
  for (const witness of witnesses) expect(witness.results, witness.name).toEqual(results);
  expect(losses).toBe(0);
}

describe('the live auction', () => {
  test('ten bidders, three auctions: every process agrees on every winner and price', async () => {
    const summary = await runAuction();
    expectAgreement(summary);
    expect(summary.bids).toBeGreaterThan(3);
    expect(summary.latency.count).toBeGreaterThan(summary.bids);
  }, 60_000);

  test('with a bidder, the spectator, the controller and the forwarder killed in mid-auction as well', async () => {
    const summary = await runAuction('--faults');
    expectAgreement(summary);
    expect(summary.faults.map(({ killed }) => killed)).toEqual([
      'Ada',
      'spectator',
      'controller',
      'forwarder',
    ]);
    for (const { open } of summary.faults) expect(open).toBe(3);
    // Not a new sale, but the one that the killed controller had begun.
    expect(summary.resumed).toBe(true);
  }, 60_000);

  test('a launcher that is killed leaves no process behind', async () => {
    await using launcher = spawnNode(MAIN, {
      args: ['--headless', '--seed', '1', '--duration', '3600000'],
    });
    await launcher.line(/lot 1: .* by /);
    const parts = readFileSync(`/proc/${launcher.pid}/task/${launcher.pid}/children`, 'utf8');
    expect(parts.trim().split(' ')).toHaveLength(BIDDERS + 3);
    launcher.kill('SIGKILL');
    // Each of them holds its output open: this resolves when the last one is gone, and not before.
    expect(await launcher.exit).toEqual({ code: null, signal: 'SIGKILL' });
  }, 60_000);

  test('a command line that it does not understand is told, with what there is', async () => {
    await using launcher = spawnNode(MAIN, { args: ['--auctions', '11'] });
    expect((await launcher.exit).code).toBe(2);
    expect(launcher.stderr[0]).toBe("Expected --auctions to be an integer from 1 to 10, got '11'");
  });
});
