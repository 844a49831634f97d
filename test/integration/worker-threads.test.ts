import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { spawnNode } from '../support/process.js';

const MAIN = fileURLToPath(new URL('../support/thread-main.mjs', import.meta.url));

// Each main runs in a process of its own: were it aborted, only an exit code or a signal would tell.
describe('an emitter in a worker thread works as in a process, and the process survives the thread’s end', () => {
  for (const { ending, how, code, error } of [
    { ending: 'return', how: 'by itself after close()', code: 0, error: undefined },
    { ending: 'exit', how: 'by process.exit() in mid-traffic', code: 7, error: undefined },
    { ending: 'terminate', how: 'by worker.terminate() in mid-traffic', code: 1, error: undefined },
    { ending: 'error', how: 'by an uncaught error in mid-traffic', code: 1, error: 'thrown in the worker' },
    {
      ending: 'rejection',
      how: 'by an unhandled rejection in mid-traffic',
      code: 1,
      error: 'rejected in the worker',
    },
  ]) {
    test(`ended ${how}`, async () => {
      await using main = spawnNode(MAIN, { args: [ending] });
      expect(await main.exit, main.output).toEqual({ code: 0, signal: null });
      expect(main.stdout).toEqual([
        'pong from the main thread',
        'traffic under way',
        ...(error === undefined ? [] : [`worker error: ${error}`]),
        `worker ended: ${code}`,
        'all is well',
        'closed',
      ]);
      expect(main.stderr).toEqual([]);
    });
  }
});
