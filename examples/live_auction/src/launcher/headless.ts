/**
 * The whole sale without a terminal: starts everybody, waits until each has said what it believes, compares, sums up.
 * Exits with 0 if all agree, with 1 if they do not or if somebody is missing.
 */
import type { Options } from '../options.js';
import type { Child } from './child.js';
import { Crew } from './crew.js';
import { commitFaults, type Fault } from './faults.js';
import type { Belief, ToLauncher } from './messages.js';
import { Progress } from './progress.js';
import { printSummary, summarize } from './summary.js';

/** Whatever happens, it ends: after this, and some times what the auctions take if nobody is late. */
const TIME_LIMIT = { ms: 60_000, durations: 4 };

export async function runHeadless(options: Options): Promise<void> {
  const beliefs = new Map<Child, Belief>();
  const progress = new Progress();
  let resolve: (failure: string | undefined) => void = () => undefined;
  const over = new Promise<string | undefined>((settle) => {
    resolve = settle;
  });
  const crew = await Crew.gather(options, {
    onMessage(message: ToLauncher, child) {
      if (message.type === 'progress') progress.report(message);
      if (message.type !== 'belief') return;
      beliefs.set(child, message.belief);
      const expected = crew.children.filter(({ role }) => role === 'bidder' || role === 'spectator');
      if (expected.every((one) => beliefs.has(one))) resolve(undefined);
    },
    onLost: (how, child) => resolve(`${child.name} ended: ${how}`),
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => resolve(`stopped by ${signal}`));
  const { lots, atOnce, durationMs } = options.settings;
  const limitMs = TIME_LIMIT.ms + TIME_LIMIT.durations * Math.ceil(lots / atOnce) * durationMs;
  const timer = setTimeout(() => resolve(`not over after ${limitMs / 1000} s`), limitMs);

  const faults: Fault[] = [];
  try {
    // The others could wait for it by themselves, and would say so.
    await Promise.race([crew.startForwarder().ready(), over]);
    crew.startSpectator(options.isJson || options.isStress ? ['--plain', '--quiet'] : ['--plain'], false);
    crew.startController();
    crew.startBidders();
    if (options.hasFaults)
      commitFaults(crew, progress, faults).catch((error: Error) => resolve(error.message));
    const failure = await over;
    const summary = summarize({
      options,
      beliefs,
      faults,
      resumed: progress.latest.resumed,
      failure,
    });
    if (options.isJson) console.log(JSON.stringify(summary, undefined, 2));
    else printSummary(summary);
    process.exitCode = summary.agreed ? 0 : 1;
  } finally {
    clearTimeout(timer);
    await crew.stop();
  }
}
