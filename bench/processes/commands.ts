/** The child's side of a benchmark process: commands come in, results go back. */

// biome-ignore lint/suspicious/noExplicitAny: each command states its own argument; `never` would lose it.
export type Commands = Record<string, (argument: any) => unknown>;

export interface Call {
  readonly id: number;
  readonly name: string;
  readonly argument?: unknown;
}

export interface Reply {
  readonly id: number;
  readonly result: unknown;
}

/** Answers calls until the parent disconnects, and then calls `close`. */
export function serve(commands: Commands, close: () => Promise<void>): void {
  process.on('message', async (message) => {
    const { id, name, argument } = message as Call;
    const result = await commands[name]?.(argument);
    if (process.connected) process.send?.({ id, result } satisfies Reply);
  });
  process.once('disconnect', close);
  // Ctrl-C reaches every process of the terminal; the parent's end disconnects this one.
  process.on('SIGINT', () => undefined);
}

/** CPU seconds that this process spent since `start`, in user and system mode. */
export function cpuSecondsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}
