/**
 * `npm run demo`: the whole of Demitter at work, in a few seconds and four processes.
 *
 * Starts the forwarder's command line and three services, prints what each sends and receives, ends them all, and
 * checks that every event arrived exactly once and in order: exit code 0 if so, 1 if not. A process that fails, and
 * Ctrl-C, end all the others.
 */
import { Ledger } from './ledger.js';
import { printLine, printReport, printSummary, printTitle, printVerdict } from './printer.js';
import { addressesOf, type Program, startForwarder, startService } from './program.js';

const SERVICES = ['orders', 'payments', 'dashboard'];
const TIME_LIMIT_MS = 20_000;

const programs: Program[] = [];
const ledger = new Ledger(SERVICES);

process.exitCode = 1;
printTitle();
const interrupted = new Promise<never>((_, reject) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => reject(new Error(`stopped by ${signal}`)));
});
const forwarder = start(startForwarder());
const failed = await outcome(Promise.race([run(), interrupted]));
const stopFailure = await stopAll();
const failure = failed ?? stopFailure;

const passages = ledger.passages();
printSummary(passages);
if (failure === undefined && passages.every(({ exact }) => exact)) {
  printVerdict('good', 'Every event reached every process that listens to it: once, and in order.');
  process.exitCode = 0;
} else {
  printVerdict('bad', `FAILED: ${failure ?? 'events are missing, twice or out of order'}`);
}

/** Resolves when all events that should arrive have arrived. */
async function run(): Promise<void> {
  const addresses = await Promise.race([addressesOf(forwarder), interrupted]);
  printLine(
    'forwarder',
    `ready       pid ${forwarder.child.pid}`,
    `${addresses.XSUB_ADDRESS} -> ${addresses.XPUB_ADDRESS}`,
  );
  let ready = 0;
  await new Promise<void>((resolve, reject) => {
    const services = SERVICES.map((name) => {
      const service = startService(name, addresses, (report) => {
        ledger.record(name, report);
        printReport(name, service.child.pid, report);
        if (report.type === 'ready') {
          ready += 1;
          // Emit only what everybody is there to hear.
          if (ready === services.length) for (const service of services) service.child.send('go');
        }
        if (ledger.complete) resolve();
      });
      return start(service);
    });
    for (const { name, ended } of programs) ended.then((end) => reject(new Error(`${name} ended: ${end}`)));
    setTimeout(
      () => reject(new Error(`not complete after ${TIME_LIMIT_MS / 1000} s`)),
      TIME_LIMIT_MS,
    ).unref();
  });
}

/** Notes a program that was started, so that it will be stopped. */
function start(program: Program): Program {
  programs.push(program);
  return program;
}

/** The services first, then what connects them. Returns what did not end as it should. */
async function stopAll(): Promise<string | undefined> {
  let failure: string | undefined;
  for (const group of [programs.slice(1), [forwarder]]) {
    await Promise.all(
      group.map(async (program) => {
        const end = await program.stop();
        printLine(program.name, 'ended', end);
        if (end !== 'code 0') failure = `${program.name} ended with ${end}`;
      }),
    );
  }
  return failure;
}

/** The message of what `work` rejects with, or `undefined`. */
async function outcome(work: Promise<void>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
