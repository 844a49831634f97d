/** What a process of ours has used: commands that all of them have. */
import { cpuSecondsSince } from '../processes/commands.js';

let start = process.cpuUsage();

export const cpuCommands = {
  /** From here on CPU time is counted. */
  startCpu(_: undefined): void {
    start = process.cpuUsage();
  },

  /** CPU seconds of all threads since {@link cpuCommands.startCpu}. */
  cpuSeconds: (_: undefined): number => cpuSecondsSince(start),
};
