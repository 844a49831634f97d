/** Keeps a program that is not ours: starts it, says when it accepts connections, ends it with itself. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from './commands.js';

const RETRY_MS = 10;

const [port = '', program = '', ...args] = process.argv.slice(2);
const child = spawn(program, args, { stdio: 'ignore' });
child.once('error', (error) => {
  console.error(`${program}: ${error.message}`);
  process.exit(1);
});

function accepts(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(Number(port), '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

const commands = {
  /** Resolves when a connection is accepted. */
  async accepting(_: undefined): Promise<void> {
    while (!(await accepts())) {
      if (child.exitCode !== null) throw new Error(`${program} ended with code ${child.exitCode}`);
      await sleep(RETRY_MS);
    }
  },
};

export type ProgramCommands = typeof commands;

serve(commands, async () => {
  if (child.exitCode !== null) return;
  // Not asked to end in order: there is nothing that it should write or say.
  child.kill('SIGKILL');
  await once(child, 'exit');
});
