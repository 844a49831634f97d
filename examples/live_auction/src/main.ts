/** Where every process of the auction begins: all parts, or the one that is named. */
import { DemitterError } from 'demitter';
import { type Options, parseOptions, USAGE } from './options.js';

await main();

async function main(): Promise<void> {
  let options: Options;
  try {
    options = parseOptions(process.argv.slice(2), process.stdout.isTTY);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  if (options.isHelp) {
    console.log(USAGE);
    return;
  }
  try {
    await run(options);
  } catch (error) {
    // It was told to end before it was ready.
    if (!(error instanceof DemitterError && error.code === 'DEMITTER_CLOSED')) throw error;
  }
}

/** What a part does not need, its process does not load: ten of them start at once. */
async function run(options: Options): Promise<void> {
  switch (options.part) {
    case 'forwarder':
      return (await import('./parts/forwarder.js')).runForwarder();
    case 'controller':
      return (await import('./parts/controller.js')).runController(options);
    case 'bidder':
      return (await import('./parts/bidder.js')).runBidder({
        ...options,
        name: options.name ?? `Guest ${process.pid}`,
      });
    case 'spectator':
      return (await import('./parts/spectator.js')).runSpectator(options);
    case 'monitor':
      return (await import('./parts/monitor.js')).runMonitor(options);
    case undefined:
      if (options.isHeadless) return (await import('./launcher/headless.js')).runHeadless(options);
      return (await import('./launcher/launcher.js')).runLauncher(options);
  }
}
