/** Python with its ZeroMQ binding, an independent peer: missing, its tests are skipped, but for CI. */
import { execFileSync } from 'node:child_process';

export const PYTHON = process.env.DEMITTER_PYTHON ?? '/usr/bin/python3';

export function hasPythonZmq(): boolean {
  try {
    execFileSync(PYTHON, ['-c', 'import zmq'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    if (process.env.CI !== undefined) throw new Error('CI must have python3-zmq', { cause: error });
    return false;
  }
}
