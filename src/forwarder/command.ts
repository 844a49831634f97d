/**
 * The command line of the forwarder: arguments and environment in, exit code and one line per failure out.
 *
 * It decides nothing itself: flags become options, and options.ts judges those. Exit codes are 1 for what the
 * machine refuses (a port in use) and for a proxy that died, 2 for what the user got wrong.
 */
import { Command, CommanderError } from 'commander';
import { show } from '../checks.js';
import { checkClientName, checkRights, RIGHTS } from './access/authorized-keys.js';
import { checkHealth } from './health.js';
import { DEFAULT_LOG_LEVEL, LOG_LEVELS, type LogLevel } from './log-level.js';
import { type KeyOwner, makeKeys } from './make-keys.js';
import type { NameOf } from './option-source.js';
import { DEFAULT_PORTS, parsePortText, resolveHealthSettings } from './options.js';
import { packageVersion } from './package-info.js';
import { openStandalone, planStandalone, type StandaloneForwarderOptions } from './standalone.js';

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;
const DEFAULT_HEALTH_TIMEOUT_MS = 2000;

/** Flags as commander hands them over: text, if given at all. */
interface Flags {
  readonly xsubPort?: string;
  readonly xpubPort?: string;
  readonly xsubAddress?: string;
  readonly xpubAddress?: string;
  readonly logLevel?: string;
  readonly maxMemoryBytes?: string;
  readonly timeout?: string;
  readonly secretKeyFile?: string;
  readonly authorizedKeys?: string;
  readonly unprotected?: boolean;
  readonly allow?: readonly string[];
}

/** Flags of `keys`. */
interface KeysFlags {
  readonly client?: string;
  readonly rights?: string;
  readonly out?: string;
}

const ENVIRONMENT_HELP = `
Environment (flags beat it, and a port flag also beats an address from it):
  XSUB_PORT      port for publishers (default: ${DEFAULT_PORTS.xsub})
  XPUB_PORT      port for subscribers (default: ${DEFAULT_PORTS.xpub})
  XSUB_ADDRESS   address for publishers, beats XSUB_PORT (default: tcp://*:${DEFAULT_PORTS.xsub})
  XPUB_ADDRESS   address for subscribers, beats XPUB_PORT (default: tcp://*:${DEFAULT_PORTS.xpub})
  DEMITTER_FORWARDER_KEY_FILE  as --secret-key-file`;

const SERVER_HELP = `${ENVIRONMENT_HELP}
  DEMITTER_AUTHORIZED_KEYS     as --authorized-keys
  DEMITTER_ALLOW               as --allow, separated by commas
  DEMITTER_UNPROTECTED         1: as --unprotected
  LOG_LEVEL      ${LOG_LEVELS.join(', ')} (default: ${DEFAULT_LOG_LEVEL})

Without keys, only this machine may connect. With keys, only who has one of the authorized ones: make them with
\`demitter-forwarder keys\`. Their file has a line NAME PUBLIC-KEY RIGHTS for each client, with the rights publish,
subscribe or both; it is read again when it changes and on SIGHUP.

Addresses are tcp://HOST:PORT or ipc://PATH; HOST is * for all interfaces, port 0 lets the system choose.
SIGINT and SIGTERM end it gracefully, a second one at once.
Exit codes: 0 ended by a signal, 1 could not start or failed, 2 wrong usage.`;

const HEALTH_HELP = `${ENVIRONMENT_HELP}

The keys are the forwarder's own: it lets itself in. A wildcard host means this machine.
Exit codes: 0 healthy, 1 not healthy, 2 wrong usage.`;

const KEYS_HELP = `
The file has the secret key, and only you can read it. What others need is printed on stdout: the forwarder's public
key, or with --client the line for its file of authorized keys:

  demitter-forwarder keys
  demitter-forwarder keys --client billing >> authorized-keys

Exit codes: 0 made, 1 could not be made, 2 wrong usage.`;

/** Runs the command line `argv`, without the two entries Node puts in front. Never throws: sets `process.exitCode`. */
export async function runCommand(argv: readonly string[]): Promise<void> {
  try {
    await createProgram().parseAsync(argv, { from: 'user' });
  } catch (error) {
    // commander has printed its message already; help and version end here too, with code 0.
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
    else fail(error, EXIT_FAILURE);
  }
}

function createProgram(): Command {
  const program = withAddressFlags(new Command('demitter-forwarder'))
    .description('Passes the events of all Demitter emitters that connect to it on to each other.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .option(
      '--authorized-keys <file>',
      'the clients that may connect: name, public key and rights in each line',
    )
    .option('--allow <network>', 'may connect as well, like 10.0.0.0/8; can be given again', collect)
    .option('--unprotected', 'without keys: everybody who reaches the ports may connect')
    .option('--log-level <level>', LOG_LEVELS.join(', '))
    .option(
      '--max-memory-bytes <bytes>',
      'drop all connections over it (default: 512 MiB, or a third of all memory)',
    )
    .addHelpText('after', SERVER_HELP)
    .enablePositionalOptions()
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`${onOneLine(text)}\n`) })
    .allowExcessArguments()
    .action((flags: Flags, command: Command) => serve(flags, command.args));
  withAddressFlags(program.command('health'))
    .description('send a message through a running forwarder and exit with 0 if it arrives, else with 1')
    .option('--timeout <ms>', `how long to wait for it (default: ${DEFAULT_HEALTH_TIMEOUT_MS})`)
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', HEALTH_HELP)
    .allowExcessArguments()
    .action((_flags: Flags, command: Command) => health(command.optsWithGlobals<Flags>(), command.args));
  program
    .command('keys')
    .description('make a key pair, for the forwarder or for a client')
    .option('--client <name>', 'for a client of this name, instead of the forwarder')
    .option('--rights <rights>', `what the client may do: ${RIGHTS.join(', ')} (default: both)`)
    .option('--out <file>', 'the file to make (default: demitter-server.key, or NAME.key)')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', KEYS_HELP)
    .allowExcessArguments()
    .action((flags: KeysFlags, command: Command) => keys(flags, command.args));
  return program;
}

/** Of a flag that can be given again, with commas in each as well. */
function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(',')];
}

function withAddressFlags(command: Command): Command {
  return command
    .option('--xsub-port <port>', 'port for publishers, on all interfaces')
    .option('--xpub-port <port>', 'port for subscribers, on all interfaces')
    .option('--xsub-address <address>', 'address for publishers, beats --xsub-port')
    .option('--xpub-address <address>', 'address for subscribers, beats --xpub-port')
    .option('--secret-key-file <file>', "the forwarder's own keys");
}

async function serve(flags: Flags, rest: readonly string[]): Promise<void> {
  const plan = orUsageError(() => {
    refuseArguments(rest);
    return planStandalone(toOptions(flags), process.env, flagName);
  });
  if (plan === undefined) return;
  try {
    await openStandalone(plan);
  } catch (error) {
    fail(error, EXIT_FAILURE);
  }
}

async function health(flags: Flags, rest: readonly string[]): Promise<void> {
  const asked = orUsageError(() => {
    refuseArguments(rest);
    const settings = resolveHealthSettings(toOptions(flags), process.env, flagName);
    return { settings, timeoutMs: parseTimeout(flags.timeout) };
  });
  if (asked === undefined) return;
  const { healthy, xsubAddress, xpubAddress, elapsedMs } = await checkHealth(asked.settings, asked.timeoutMs);
  const way = `${xsubAddress} → ${xpubAddress}`;
  if (healthy) process.stdout.write(`healthy: ${way} took ${elapsedMs} ms\n`);
  else
    fail(new Error(`not healthy: no message came through ${way} within ${asked.timeoutMs} ms`), EXIT_FAILURE);
}

function keys({ client, rights, out }: KeysFlags, rest: readonly string[]): void {
  const owner = orUsageError((): KeyOwner => {
    refuseArguments(rest);
    if (client === undefined && rights === undefined) return { kind: 'forwarder' };
    if (client === undefined) throw new TypeError('Expected --rights only beside --client');
    return {
      kind: 'client',
      name: checkClientName('--client', client),
      rights: checkRights('--rights', rights ?? 'both'),
    };
  });
  if (owner === undefined) return;
  try {
    const { result, advice } = makeKeys(owner, out);
    process.stdout.write(`${result}\n`);
    process.stderr.write(`${advice}\n`);
  } catch (error) {
    fail(error, EXIT_FAILURE);
  }
}

/** The level's own check reports what is no level; here it is only text. */
function toOptions({
  xsubPort,
  xpubPort,
  xsubAddress,
  xpubAddress,
  logLevel,
  secretKeyFile,
  authorizedKeys,
  unprotected,
  allow,
  maxMemoryBytes,
}: Flags): StandaloneForwarderOptions {
  return {
    xsubPort: xsubPort === undefined ? undefined : parsePortText(flagName('xsubPort'), xsubPort),
    xpubPort: xpubPort === undefined ? undefined : parsePortText(flagName('xpubPort'), xpubPort),
    xsubAddress,
    xpubAddress,
    secretKeyFile,
    authorizedKeysFile: authorizedKeys,
    unprotected,
    allow,
    logLevel: logLevel as LogLevel | undefined,
    maxMemoryBytes: maxMemoryBytes === undefined ? undefined : Number(maxMemoryBytes),
  };
}

/** commander's own message does not say which one was too many. */
function refuseArguments(rest: readonly string[]): void {
  if (rest.length > 0) throw new TypeError(`unknown argument ${rest.map(show).join(' ')}; see --help`);
}

function parseTimeout(text: string | undefined): number {
  if (text === undefined) return DEFAULT_HEALTH_TIMEOUT_MS;
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    throw new RangeError(`Expected --timeout to be a number of milliseconds, at least 1, got ${show(text)}`);
  }
  return Number(text);
}

/** `xsubPort` → `--xsub-port`; a file needs no name that says so. */
const flagName: NameOf = (option) =>
  option === 'authorizedKeysFile'
    ? '--authorized-keys'
    : `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** The result of `check`, or nothing, with the mistake told: checks throw TypeErrors and RangeErrors only. */
function orUsageError<T>(check: () => T): T | undefined {
  try {
    return check();
  } catch (error) {
    fail(error, EXIT_USAGE);
    return undefined;
  }
}

function fail(error: unknown, exitCode: number): void {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${onOneLine(`error: ${message}`)}\n`);
  process.exitCode = exitCode;
}

function onOneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, ' ');
}
