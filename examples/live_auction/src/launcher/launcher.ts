/**
 * All parts, each in a process of its own, with the dashboard in this terminal. Whatever ends it, no process stays, and
 * the terminal is as it was.
 */
import { setTimeout } from 'node:timers/promises';
import type { Options } from '../options.js';
import type { Child } from './child.js';
import { Crew } from './crew.js';
import type { ToLauncher } from './messages.js';
import { saveTerminal } from './terminal.js';

/** For how long whoever was killed is away: long enough to be seen. */
const AWAY_MS = 1500;

export async function runLauncher(options: Options): Promise<void> {
  const restoreTerminal = saveTerminal();
  let leave: (why?: string) => void = () => undefined;
  const left = new Promise<string | undefined>((resolve) => {
    leave = resolve;
  });
  let isScreenLeft = false;
  const away = new Set<Child>();
  const crew = await Crew.gather(options, {
    onMessage(message: ToLauncher) {
      if (message.type === 'quit') leave();
      if (message.type === 'kill') void killForAWhile(message.part);
    },
    onLost: (how, child) => {
      isScreenLeft ||= child.role === 'spectator';
      leave(`${child.name} ended: ${how}`);
    },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => leave());

  async function killForAWhile(part: 'forwarder' | 'bidder' | 'controller'): Promise<void> {
    const children = crew.children.filter((child) => child.role === part && !away.has(child));
    const victim = children[Math.floor(Math.random() * children.length)];
    if (victim === undefined) return;
    away.add(victim);
    await victim.kill();
    await setTimeout(AWAY_MS, undefined, { ref: false });
    await victim.restart();
    away.delete(victim);
  }

  let why: string | undefined;
  try {
    await Promise.race([crew.startForwarder().ready(), left]);
    await Promise.race([crew.startSpectator([], true).ready(), left]);
    crew.startController();
    crew.startBidders();
    why = await left;
  } finally {
    await crew.stop();
    restoreTerminal(isScreenLeft);
  }
  if (why === undefined) return;
  console.error(why);
  process.exitCode = 1;
}
