/** The command line: which part, and how. */
import { parseArgs } from 'node:util';
import { MAX_NAME, ROLES, type Role, type Settings } from './protocol.js';
import { MAX_BIDDERS } from './sale/cast.js';
import { MAX_LOTS } from './sale/catalogue.js';
import { isStrategyName, STRATEGIES, type StrategyName } from './sale/strategies.js';

export const USAGE = `npm run auction -- [part] [options]

Without a part: all of them, each in a process of its own, and the dashboard here.

parts
  forwarder, controller, bidder, spectator, monitor     one of them alone, at XSUB_ADDRESS and XPUB_ADDRESS

the sale
  --auctions N      at once, 1 to 10 (3)
  --lots N          in all (headless: as many as auctions; otherwise 12)
  --bidders N       1 to ${MAX_BIDDERS} (headless: 10; otherwise 6)
  --seed N          the same seed, the same items, strategies and budgets (a new one each time)
  --duration MS     of an auction (headless: 1500; otherwise 30000)
  --extension MS    what is left at least after a bid (a sixth of the duration)
  --pace MS         how long a bidder thinks (headless: 40; otherwise 1600)

without a terminal
  --headless        plain lines and a summary
  --json            the summary as JSON, and nothing else
  --faults          kills and restarts a bidder, the spectator, the controller and the forwarder in mid-auction
  --stress          bids as fast as it goes, to measure

a part alone
  --name NAME       bidder, controller: what it is called
  --strategy NAME   bidder: ${Object.keys(STRATEGIES).join(', ')}
  --budget EUROS    bidder
  --plain           controller, bidder, spectator, monitor: lines, no view
  --quiet           spectator: no lines either
`;

const MAX_AT_ONCE = 10;

const FLAGS = {
  auctions: { type: 'string' },
  lots: { type: 'string' },
  bidders: { type: 'string' },
  seed: { type: 'string' },
  duration: { type: 'string' },
  extension: { type: 'string' },
  pace: { type: 'string' },
  headless: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  faults: { type: 'boolean', default: false },
  stress: { type: 'boolean', default: false },
  hold: { type: 'boolean', default: false },
  plain: { type: 'boolean', default: false },
  quiet: { type: 'boolean', default: false },
  name: { type: 'string' },
  strategy: { type: 'string' },
  budget: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

export interface Options {
  /** `undefined` for all. */
  readonly part: Role | undefined;
  readonly settings: Settings;
  readonly isHeadless: boolean;
  readonly isJson: boolean;
  readonly hasFaults: boolean;
  readonly isStress: boolean;
  readonly isHeld: boolean;
  readonly isPlain: boolean;
  readonly isQuiet: boolean;
  readonly isHelp: boolean;
  readonly name: string | undefined;
  readonly strategy: StrategyName;
  readonly budgetCents: number | undefined;
}

/** @throws Error, with a message for whoever wrote the command line. */
export function parseOptions(args: readonly string[], hasTerminal: boolean): Options {
  const { values, positionals } = parseArgs({ args: [...args], options: FLAGS, allowPositionals: true });
  const [part, ...more] = positionals;
  if (part !== undefined && !isRole(part)) throw new Error(`There is no part '${part}'`);
  if (more.length > 0) throw new Error(`One part at a time, not also '${more.join(' ')}'`);
  const isStress = values.stress;
  // Without somebody who watches, there is nothing to wait for.
  const isHeadless =
    (part === undefined && !hasTerminal) || values.headless || values.json || values.faults || isStress;
  const atOnce = integer('auctions', values.auctions, isStress ? 4 : 3, 1, MAX_AT_ONCE);
  const durationMs = integer(
    'duration',
    values.duration,
    defaultDuration(isStress, isHeadless),
    100,
    3_600_000,
  );
  const strategy = values.strategy ?? 'conservative';
  if (values.name !== undefined && (values.name === '' || values.name.length > MAX_NAME))
    throw new Error(`Expected --name to have 1 to ${MAX_NAME} characters`);
  if (!isStrategyName(strategy)) throw new Error(`There is no strategy '${strategy}'`);
  return {
    part,
    settings: {
      seed: integer('seed', values.seed, Math.floor(Math.random() * 10_000), 0, 2 ** 31),
      lots: integer('lots', values.lots, isHeadless ? atOnce : 12, 1, MAX_LOTS),
      atOnce,
      bidders: integer('bidders', values.bidders, isHeadless ? 10 : 6, 1, MAX_BIDDERS),
      durationMs,
      extensionMs: integer(
        'extension',
        values.extension,
        isStress ? 0 : Math.round(durationMs / 6),
        0,
        durationMs,
      ),
      paceMs: integer('pace', values.pace, defaultPace(isStress, isHeadless), 1, 60_000),
    },
    isHeadless,
    isJson: values.json,
    hasFaults: values.faults,
    isStress,
    isHeld: values.hold,
    isPlain: values.plain,
    isQuiet: values.quiet,
    isHelp: values.help,
    name: values.name,
    strategy,
    budgetCents:
      values.budget === undefined ? undefined : integer('budget', values.budget, 0, 0, 1_000_000_000) * 100,
  };
}

/** The command line of a part that is to run this sale. */
export function settingsArgs({
  seed,
  lots,
  atOnce,
  bidders,
  durationMs,
  extensionMs,
  paceMs,
}: Settings): string[] {
  const flags = {
    seed,
    lots,
    auctions: atOnce,
    bidders,
    duration: durationMs,
    extension: extensionMs,
    pace: paceMs,
  };
  return Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, `${value}`]);
}

function defaultDuration(isStress: boolean, isHeadless: boolean): number {
  if (isStress) return 10_000;
  return isHeadless ? 1500 : 30_000;
}

function defaultPace(isStress: boolean, isHeadless: boolean): number {
  if (isStress) return 2;
  return isHeadless ? 40 : 1600;
}

function integer(flag: string, text: string | undefined, ifNone: number, min: number, max: number): number {
  if (text === undefined) return ifNone;
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max)
    throw new Error(`Expected --${flag} to be an integer from ${min} to ${max}, got '${text}'`);
  return value;
}

function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text);
}
