/**
 * What may happen to an auction house, all in one sale: a bidder, the spectator, the controller and the forwarder are
 * killed, one after another, and started again. The controller ends no auction before that is done.
 */
import type { Child } from './child.js';
import type { Crew } from './crew.js';
import type { Progress } from './progress.js';

export interface Fault {
  readonly killed: string;
  /** How many auctions were open then. */
  readonly open: number;
}

/** So many bids, and the sale is under way. */
const BIDS_BEFORE = 5;

/** Adds what it did to `faults`. */
export async function commitFaults(crew: Crew, progress: Progress, faults: Fault[]): Promise<void> {
  await progress.until(({ decided }) => decided >= BIDS_BEFORE);
  const [bidder] = crew.bidders;
  const victims: Child[] = bidder === undefined ? [] : [bidder];
  victims.push(crew.spectator, crew.controller, crew.forwarder);
  for (const victim of victims) {
    faults.push({ killed: victim.name, open: progress.latest.open });
    await victim.kill();
    await victim.restart();
    // By a report of after that: the controller itself may be the one who was away.
    await progress.until(({ open }) => open > 0);
  }
  crew.controller.send({ type: 'release' });
}
